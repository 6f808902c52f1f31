"""Surface forms: one sentence template that can be filled and read back.

`Form("more", "{A} has {k} more {i} than {B}.")` renders with `fill` and inverts with `read`.
Slots: A B C are names, k is a whole number, i j are lower-case words. A slot that occurs twice
must be read as the same word both times.
"""

import re
from collections.abc import Iterable
from functools import cached_property
from typing import NamedTuple

_SLOT = {"A": r"[A-Z][a-z]+", "B": r"[A-Z][a-z]+", "C": r"[A-Z][a-z]+", "k": r"\d{1,9}"}
_WORD = r"[a-z]+"


class Reading(NamedTuple):
    """A sentence that one of the forms can say: the form's kind and the words in its slots."""

    kind: str
    slots: dict[str, str]


class Form:
    """A template of one kind; two forms are different sentences that say the same."""

    def __init__(self, kind: str, template: str) -> None:
        self.kind = kind
        self.template = template

    def fill(self, **slots: str | int) -> str:
        """The sentence with every slot filled."""
        return self.template.format(**slots)

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        seen: set[str] = set()
        pieces = []
        for piece in re.split(r"(\{\w+\})", self.template):
            if not piece.startswith("{"):
                pieces.append(re.escape(piece))
                continue
            slot = piece[1:-1]
            if slot in seen:
                pieces.append(f"(?P={slot})")
            else:
                seen.add(slot)
                pieces.append(f"(?P<{slot}>{_SLOT.get(slot, _WORD)})")
        return re.compile("".join(pieces))

    def read(self, sentence: str) -> Reading | None:
        """The words in the slots, or None when the sentence is not of this form."""
        match = self._pattern.fullmatch(sentence)
        return Reading(self.kind, match.groupdict()) if match else None


def read_any(forms: Iterable[Form], sentence: str) -> Reading | None:
    """The reading under the first form that fits."""
    for form in forms:
        if (reading := form.read(sentence)) is not None:
            return reading
    return None


def sentences(text: str) -> list[str]:
    """The sentences of a text, each with its full stop or question mark."""
    return [part.strip() for part in re.findall(r"[^.?]+[.?]", text)]
