"""Cutting a solution into steps.

Guaranteed, for any text and rule: the spans are contiguous, start at 0 and end at len(text), so
the pieces joined are the text; no piece is empty or blank (unless the whole text is blank); a
step ends with its delimiter; closed display maths, Asymptote figures and code fences are never
cut; time is linear in the text. Offsets are Unicode code points.

In a reasoning trace (pipeline/trace.py) no step holds both thinking and response, whatever is
open at the boundary; tags are no steps of their own: the opening one belongs to the first step of
the thinking and the closing one to its last. Tags with nothing between them are no thinking and
belong to the first step of the response.

Not guaranteed: that a step is one thought. An unclosed fence or formula is plain text.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

from pipeline.trace import read_trace, response_start

Rule = Literal["blank_line", "numbered", "line", "sentence"]
Part = Literal["thinking", "response"]

SEGMENT_VERSION = 2  # part of every stage hash: raise it when a span of any text changes

# Each pattern below starts at a character that it always consumes or is bounded, so that no text
# makes the search quadratic.

# "Ann has 3 apples.\n\nBob has 2 more."
_BLANK_LINE = re.compile(r"\n(?:[ \t\r]*\n)+")
# "Step 1: add.\nStep 2: divide." "**Step 3:** ..." "## Step 4"
_NUMBERED = re.compile(
    r"^[ \t#>*_-]{0,12}step[ \t]{1,4}\d{1,4}(?=[ \t]{0,4}(?:[:.)*_—–-]|$))", re.I | re.M
)
# 'He said "3.5 is more." Then he left.'
_SENTENCE_END = re.compile(
    r"(?P<stop>[.!?]++)(?P<close>[\"'”’)\]*_]*+)(?P<space>\s*+)|[。!?]++\s*+"
)
_ABBREVIATIONS = frozenset(
    [
        "al", "approx", "cf", "ch", "dr", "e.g", "eq", "eqs", "etc", "fig",
        "figs", "i.e", "jr", "mr", "mrs", "ms", "pp", "prof", "resp", "sec",
        "sr", "st", "thm", "viz", "vs",
    ]
)  # fmt: skip
_NO_START = frozenset(",;:=+*/<>)]}|&^%")  # no sentence starts with one of these

_FENCED = re.compile(
    r"""\\\\                                   # an escaped backslash, as in "\\[2pt]"
    | ^[ ]{0,3}(?P<fence>`{3,}|~{3,})(?P<info>[^\n]*)$
    | (?P<mark>\\\[|\\\]|\$\$|\[/?asy\])      # [asy] draw((0,0)--(1,1)); [/asy], as in MATH
    | \\(?P<env>begin|end)\{(?P<name>[A-Za-z]{1,30}\*?)\}
    """,
    re.M | re.X,
)
_CLOSED_BY = {"\\[": "\\]", "$$": "$$", "[asy]": "[/asy]"}
_CLOSERS = frozenset(_CLOSED_BY.values())


def segment(text: str, rule: Rule = "blank_line") -> list[tuple[int, int]]:
    """The (start, end) of every step, in order; [] for an empty text."""
    trace = read_trace(text)
    if trace.begin >= trace.end:
        first = max(len(text) - len(text.lstrip()), trace.response)
        return _cut(text, rule, first, len(text.rstrip()))
    cut = trace.response
    response = text[cut:]
    return [
        *_cut(text[:cut], rule, trace.begin, trace.end),
        *((cut + a, cut + b) for a, b in _cut(response, rule, 0, len(response.rstrip()))),
    ]


def step_parts(text: str, spans: Sequence[tuple[int, int]]) -> list[Part]:
    """The part that each step belongs to; a foreign step that holds both is response."""
    response = response_start(text)
    return ["thinking" if end <= response else "response" for _, end in spans]


def _cut(text: str, rule: Rule, first: int, last: int) -> list[tuple[int, int]]:
    """Spans of one part; what comes before `first` and from `last` on is not cut off alone."""
    whole = _whole_regions(text)
    spans: list[tuple[int, int]] = []
    start = region = 0
    for cut in _cuts(text, rule):
        while region < len(whole) and whole[region][1] <= cut:
            region += 1
        inside = region < len(whole) and whole[region][0] < cut
        if inside or not max(start, first) < cut < last:
            continue
        if text[start:cut].isspace():  # a blank piece belongs to the step before
            spans[-1] = (spans[-1][0], cut)
        else:
            spans.append((start, cut))
        start = cut
    if start < len(text):
        spans.append((start, len(text)))
    return spans


def spans_of(ends: Iterable[int]) -> list[tuple[int, int]]:
    """The spans of pieces that end there, one after the other."""
    whole = list(ends)
    return list(zip([0, *whole[:-1]], whole, strict=True))


def token_ends(spans: Sequence[tuple[int, int]], char_ends: Sequence[int]) -> tuple[list[int], int]:
    """For each span the tokens kept by the prefix that ends there; boundaries inside a token.

    `char_ends[i]` is the code point at which token i ends; tokens that hold parts of one character
    all end where it ends (pipeline/engines/tokens.py), so they are kept together. Where a boundary
    lies inside a token, that token is kept, and what completes its last character.
    """
    kept: list[int] = []
    inside = 0
    for _, end in spans:
        token = bisect_left(char_ends, end)  # the first that reaches the boundary
        reached = char_ends[token] if token < len(char_ends) else end
        kept.append(bisect_right(char_ends, reached))
        inside += reached > end
    return kept, inside


def _cuts(text: str, rule: Rule) -> Iterator[int]:
    """Where the rule alone would cut, in order."""
    if rule == "blank_line":
        yield from (match.end() for match in _BLANK_LINE.finditer(text))
    elif rule == "line":
        yield from (match.end() for match in re.finditer(r"\n", text))
    elif rule == "numbered":
        yield from (match.start() for match in _NUMBERED.finditer(text))
    else:
        blank = (match.end() for match in _BLANK_LINE.finditer(text))
        yield from sorted({*blank, *_sentence_cuts(text)})


def _sentence_cuts(text: str) -> Iterator[int]:
    for match in _SENTENCE_END.finditer(text):
        end = match.end()
        if end == len(text):
            return
        if match["stop"] is None or (match["space"] and _ends_sentence(text, match)):
            yield end


def _ends_sentence(text: str, match: re.Match[str]) -> bool:
    """Whether a stop followed by a space ends a sentence: not in "Mr. Ray", "5! + 1", "1. Add"."""
    following = text[match.end()]
    if following.islower() or following in _NO_START:
        return False
    if len(match["stop"]) > 1 and not following.isupper():
        return False  # "1, 2, ... 10"
    if match["stop"] != ".":
        return True
    before = text[max(0, match.start() - 24) : match.start()]
    line = before.rpartition("\n")[2]
    if len(line) < 24 and line.strip(" \t#*>-(").isdigit():
        return False  # the number of a list item
    word = re.split(r"[\s(\[\"'“‘]", before)[-1]
    return word.lower() not in _ABBREVIATIONS


def _whole_regions(text: str) -> list[tuple[int, int]]:
    """Closed fences and display formulas, in order and disjoint; what is unclosed is left out."""
    tokens = [m for m in _FENCED.finditer(text) if m.lastgroup]
    ends: dict[str, list[int]] = defaultdict(list)  # what closes -> indices of such tokens
    for i, token in enumerate(tokens):
        if token["mark"] in _CLOSERS:
            ends[token["mark"]].append(i)
        elif token["env"] == "end":
            ends[token["name"]].append(i)
    regions: list[tuple[int, int]] = []
    no_fence: dict[str, int] = {}  # fences from this length on are known not to close any more
    i = 0
    while i < len(tokens):
        token = tokens[i]
        close: int | None = None
        if fence := token["fence"]:
            if len(fence) < no_fence.get(fence[0], len(fence) + 1):
                close = _closing_fence(tokens, i)
                if close is None:
                    no_fence[fence[0]] = len(fence)
        elif token["mark"] in _CLOSED_BY or token["env"] == "begin":
            wanted = _CLOSED_BY.get(token["mark"] or "", token["name"])
            later = ends[wanted]
            at = bisect_left(later, i + 1)
            close = later[at] if at < len(later) else None
        if close is None:
            i += 1
        else:
            regions.append((token.start(), tokens[close].end()))
            i = close + 1
    return regions


def _closing_fence(tokens: list[re.Match[str]], opening: int) -> int | None:
    fence = tokens[opening]["fence"]
    for i in range(opening + 1, len(tokens)):
        other = tokens[i]["fence"]
        if other and other.startswith(fence) and not tokens[i]["info"].strip():
            return i
    return None
