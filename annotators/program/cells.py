r"""Programs in a solution, and the outputs that it claims for them.

Read:  ```python          ```python          ```python
       print(3 * 4)       print(3 * 4)       print(3 * 4)
       ```                ```                ```
       ```output          **Output:**        Output: 12
       12                 ```
       ```                12
                          ```
A claim stands right behind its program, with nothing but such a label between them, in the same
step or in the next one. Guaranteed: time is linear in the text; spans are of the step that holds
the claim. Not read: outputs in prose ("this gives 12"), unclosed fences, doctests.
"""

from __future__ import annotations

import re
import textwrap
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_FENCE = re.compile(r"^[ \t]*(?P<run>`{3,}|~{3,})[ \t]*(?P<info>[\w+.-]*)[^`\n]*$", re.M)
_PYTHON = frozenset(["python", "python3", "py"])
_OUTPUT = frozenset(["output", "stdout"])
_ANYTHING = frozenset(["", "text", "txt", "plaintext", "console"])
_LABEL_WORDS = (
    r"(?:(?:the|this|program|code|execution|console)\s+){0,3}outputs?"
    r"(?:\s+of\s+(?:the|this)\s+(?:code|program|script))?(?:\s+(?:is|are|will be))?"
)
_LABEL = re.compile(rf"[\s*_#>:]*{_LABEL_WORDS}[\s*_:]*", re.I)
_INLINE = re.compile(
    r"[\s*_#>]*(?:(?:program|code|execution|console)\s+)?outputs?[*_]*:[*_]*"
    r"[ \t]*(?P<tick>`?)(?P<text>[^`\n]+)(?P=tick)[ \t]*(?:\n|$)",
    re.I,
)
_MAX_GAP = 120


@dataclass(frozen=True, slots=True)
class Claim:
    """An output that step `step` states, with its span there (code points)."""

    step: int
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Cell:
    """A program, and what the solution says that it prints."""

    code: str
    claim: Claim | None


@dataclass(frozen=True, slots=True)
class _Block:
    """A closed fence: where it opens, where its content is, where it ends."""

    info: str
    open: int
    start: int
    end: int
    after: int


def find_cells(steps: Sequence[str]) -> list[Cell]:
    """All programs of a solution, in the order of the text."""
    text, starts = _joined(steps)
    blocks = list(_blocks(text))
    cells = []
    for index, block in enumerate(blocks):
        if block.info not in _PYTHON:
            continue
        following = blocks[index + 1] if index + 1 < len(blocks) else None
        span = _claimed(text, block, following)
        claim = _placed(text, starts, steps, block, span) if span else None
        cells.append(Cell(textwrap.dedent(text[block.start : block.end]), claim))
    return cells


def _joined(steps: Sequence[str]) -> tuple[str, list[int]]:
    """The whole text, each step on a line of its own, and where each step starts in it."""
    pieces, starts, at = [], [], 0
    for step in steps:
        piece = step if step.endswith("\n") else step + "\n"
        starts.append(at)
        pieces.append(piece)
        at += len(piece)
    return "".join(pieces), starts


def _blocks(text: str) -> Iterator[_Block]:
    opened: re.Match[str] | None = None
    for fence in _FENCE.finditer(text):
        run = fence["run"]
        if opened is None:
            opened = fence
        elif run[0] == opened["run"][0] and len(run) >= len(opened["run"]) and not fence["info"]:
            start = min(opened.end() + 1, fence.start())
            yield _Block(opened["info"].lower(), opened.start(), start, fence.start(), fence.end())
            opened = None


def _claimed(text: str, program: _Block, following: _Block | None) -> tuple[int, int] | None:
    """The span of the output that is claimed for a program."""
    if following is not None and following.open - program.after <= _MAX_GAP:
        gap = text[program.after : following.open]
        labelled = _LABEL.fullmatch(gap) is not None
        if (following.info in _OUTPUT and (labelled or not gap.strip())) or (
            following.info in _ANYTHING and labelled
        ):
            return following.start, following.end
    limit = following.open if following else len(text)
    if inline := _INLINE.match(text, program.after, limit):
        return inline.span("text")
    return None


def _placed(
    text: str, starts: list[int], steps: Sequence[str], program: _Block, span: tuple[int, int]
) -> Claim | None:
    """The claim in its step; None where it is empty or further away than the next step."""
    start, end = span
    claimed = text[start:end].strip()
    if not claimed:
        return None
    start = text.index(claimed, start)
    step = bisect_right(starts, start) - 1
    if step - (bisect_right(starts, program.after - 1) - 1) > 1:
        return None
    begin = start - starts[step]
    return Claim(step, begin, min(begin + len(claimed), len(steps[step])), claimed)
