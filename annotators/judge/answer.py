"""What a judge answered, read strictly: a verdict for each step, or nothing.

    {"critique": "Step 1 adds 3 and 5 …", "verdicts": {"0": "correct", "1": "incorrect"},
     "correction": "3 + 5 = 8"}

The last JSON object of the text that has the key which was asked for counts, after the end of any
reasoning; a first error may also stand in \\boxed{}. Guarantees: exactly one verdict for every
step, in the words "correct", "incorrect" or "unknown", or nothing at all; a key twice, another key
among the verdicts, a number where a word was asked for, are nothing. Text is hostile: no depth,
length or character of it makes this raise or take long. Nothing is guessed from prose.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from annotators.judge.modes import Mode

LONGEST = 200_000  # characters; what is longer is no answer
_OBJECTS = 64  # opening braces that are tried, from the end
_BOXED = re.compile(r"\\boxed\{ {0,4}(-?\d{1,4}) {0,4}\}")
_WORDS = {"correct": 1, "incorrect": 0, "unknown": None}


@dataclass(frozen=True, slots=True)
class Answer:
    """`verdicts`: of each step that the call speaks of: 1 correct, 0 incorrect, None unknown. A
    first-error critique speaks of the steps up to the one it names."""

    verdicts: tuple[int | None, ...]
    critique: str = ""
    correction: str = ""

    @property
    def first_error(self) -> int | None:
        """-1 for none; None where an unknown verdict stands before any incorrect one."""
        for step, verdict in enumerate(self.verdicts):
            if verdict != 1:
                return step if verdict == 0 else None
        return -1


def read_answer(text: str, mode: Mode, steps: int, reasoning_end: str = "") -> Answer | None:
    """`steps`: how many the call is about (1 in mode one_step). `reasoning_end`: what must have
    come before the answer, where the model thinks. None where nothing can be read."""
    if len(text) > LONGEST:
        return None
    if reasoning_end:
        _, ended, text = text.rpartition(reasoning_end)
        if not ended:
            return None
    found = _last_object(text, mode.asks)
    if found is None:
        return _boxed(text, steps) if mode.asks == "first_error" else None
    verdicts = _verdicts(found[mode.asks], mode, steps)
    if verdicts is None:
        return None
    return Answer(verdicts, _text(found.get("critique")), _text(found.get("correction")))


def _verdicts(said: Any, mode: Mode, steps: int) -> tuple[int | None, ...] | None:
    if mode.asks == "first_error":
        return _up_to(said, steps)
    if mode.asks == "verdict":
        said = {"0": said}
    if isinstance(said, list):
        said = {str(step): word for step, word in enumerate(said)}
    if not isinstance(said, dict) or said.keys() != {str(step) for step in range(steps)}:
        return None
    words = [said[str(step)] for step in range(steps)]
    if not all(isinstance(word, str) and word.strip().lower() in _WORDS for word in words):
        return None
    return tuple(_WORDS[word.strip().lower()] for word in words)


def _up_to(said: Any, steps: int) -> tuple[int | None, ...] | None:
    if isinstance(said, bool) or not isinstance(said, int) or not -1 <= said < steps:
        return None
    return (1,) * steps if said < 0 else (*(1,) * said, 0)


def _boxed(text: str, steps: int) -> Answer | None:
    boxes = _BOXED.findall(text)
    verdicts = _up_to(int(boxes[-1]), steps) if boxes else None
    return None if verdicts is None else Answer(verdicts, text.strip())


def _last_object(text: str, key: str) -> dict[str, Any] | None:
    decoder = json.JSONDecoder(object_pairs_hook=_distinct)
    at, tried = len(text), 0
    while tried < _OBJECTS and (at := text.rfind("{", 0, at)) >= 0:
        tried += 1
        try:
            found, _ = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            continue
        if isinstance(found, dict) and key in found:
            return found
    return None


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands there twice")
    return found


def _text(said: Any) -> str:
    return said.strip() if isinstance(said, str) else ""
