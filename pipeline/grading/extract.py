r"""Finding the final answer in a solution.

Read is the response alone, never the thinking before it (pipeline/trace.py). Looked for: the last
\boxed{...}; without a box, the last line "#### x" or "answer is x" or "Answer: x" or
<answer>x</answer> or a last line "A: x", whichever stands later. No number is guessed from the
text.

Guaranteed: linear time; the answer and its completeness speak of the same place; a box that is
not closed hides the boxes before it.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from pipeline.trace import response_start

# "\boxed{\frac{1}{2}}", and as MATH also has it: "\fbox{3}", "$\boxed 3$"
_BOX = re.compile(r"\\(?:f?boxed|fbox)(?:\s*(?=\{)| +(?P<bare>[^$\s{}]{1,30})(?= ?\$))")
# "#### 72"
_HASHES = re.compile(r"^####[ \t]*(?P<answer>[^#\s][^\n]*)(?P<end>\n?)", re.M)
# "A: 26" as the very last line, as the GSM8K authors' models end; not "A: 12" among options
_LAST_LINE = re.compile(r"^A:[ \t]*(?P<answer>[^\n]*[^\s])[ \t]*(?P<end>\n?)\s*\Z", re.M)
# "The answer is 12." "**Final Answer:** $\frac{1}{2}$" "The final answer is: B"
_MARKER = re.compile(r"\banswer[\s*_]{0,4}(?:(?:is|=)(?![\w'’])[\s*_]{0,4}:?|:)[\s*_]{0,8}", re.I)
# "<think>...</think> <answer>12</answer>", as DeepSeek-R1-Zero was asked to write
_TAG = re.compile(r"<(?P<end>/?)answer>", re.I)
_END_TAG = re.compile(r"</answer>|<\|end_of_solution\|>", re.I)
_DISPLAY = (("\\[", "\\]"), ("$$", "$$"))
_SENTENCE_END = re.compile(r"\.(?=[*_]*(?:\s|$))")
_BOOLEAN = re.compile(r"[*_]*(true|yes|false|no)(?![A-Za-z])", re.I)
_CHOICE = re.compile(
    r"(?:option |choice )?(\([A-Za-z]\)|(?-i:[A-J])(?=$|[.):,*]| because| since))", re.I
)


@dataclass(frozen=True, slots=True)
class FinalAnswer:
    """What was found; `complete`: more text could not have changed it."""

    text: str
    complete: bool


def find_answer(text: str, answer_type: str) -> FinalAnswer | None:
    """The final answer of a solution, or None where its response names none."""
    text = text[response_start(text) :]
    # A search for a few letters costs a tenth of one for a pattern, and most texts have only one.
    if "box" in text and (box := _last(_BOX, text)):
        found = _in_box(box)
    else:
        places: list[tuple[int, FinalAnswer | None]] = []
        if "<" in text:
            text = _END_TAG.sub(r"\n\g<0>", text)  # so that it ends the answer before it
            places += deque(_tagged(text), maxlen=1)
        hashes = _last(_HASHES, text) if "####" in text else None
        if answer_type != "choice":
            hashes = _LAST_LINE.search(text, text.rstrip().rfind("\n") + 1) or hashes
        if hashes:
            answer = FinalAnswer(_clean(hashes["answer"]), bool(hashes["end"]))
            places.append((hashes.start(), answer))
        if marker := _last_marker(text):
            places.append((marker.start(), _after_marker(text[marker.end() :])))
        found = max(places, key=lambda place: place[0])[1] if places else None
    if found is None or not found.text:
        return None
    if answer_type == "boolean" and (word := _BOOLEAN.match(found.text)):
        return FinalAnswer(word[1], found.complete)
    if answer_type == "choice" and (letter := _CHOICE.match(found.text)):
        return FinalAnswer(letter[1], found.complete)
    return found


def last_box(text: str) -> str | None:
    """What stands in the last box of a worked solution, such as MATH's; None without one."""
    box = _last(_BOX, text)
    found = _in_box(box) if box else None
    return found.text if found else None


def _last(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    matches = deque(pattern.finditer(text), maxlen=1)
    return matches[0] if matches else None


def _last_marker(text: str) -> re.Match[str] | None:
    """`_last` of _MARKER, ten times as fast: a pattern that ignores case tries every letter."""
    small = text.lower()
    if len(small) != len(text):  # a capital that is two letters when small: places differ
        return _last(_MARKER, text)
    at = len(text)
    while (at := small.rfind("answer", 0, at)) >= 0:
        if found := _MARKER.match(text, at):
            return found
    return None


def _in_box(box: re.Match[str]) -> FinalAnswer | None:
    if bare := box["bare"]:
        return FinalAnswer(bare, True)
    return _inside(box.string[box.end() :])


def _inside(rest: str) -> FinalAnswer | None:
    """What stands in the braces that `rest` begins with; None where they do not close."""
    depth = 0
    for brace in re.finditer(r"\\[\s\S]|[{}]", rest):
        depth += (brace[0] == "{") - (brace[0] == "}")
        if depth == 0 and brace[0] == "}":
            return FinalAnswer(rest[1 : brace.start()].strip(), True)
    return None


def _tagged(text: str) -> Iterator[tuple[int, FinalAnswer | None]]:
    """Where <answer> stands and what it holds, for each that is closed."""
    for tag, following in pairwise(_TAG.finditer(text)):
        if following["end"] and not tag["end"]:
            yield tag.start(), FinalAnswer(_clean(text[tag.end() : following.start()]), True)


def _after_marker(rest: str) -> FinalAnswer | None:
    for left, right in _DISPLAY:
        if rest.startswith(left):
            inner, closed, _ = rest[len(left) :].partition(right)
            return FinalAnswer(_clean(inner), True) if closed else None
    line, newline, _ = rest.partition("\n")
    stop = _SENTENCE_END.search(line)
    return FinalAnswer(_clean(line[: stop.start()] if stop else line), bool(stop or newline))


def _clean(answer: str) -> str:
    """Without final period and markdown."""
    return answer.strip().strip("*_`").strip().removesuffix(".").strip()
