"""Where the thinking of a reasoning model ends and its response begins.

    <think> Let me add ... So 5. </think>  The answer is 5.
    |begin of text               |end      |response

Guaranteed, in linear time: the response begins after the *first* tag that closes the thinking and
the blanks behind it, as the reasoning parsers of inference servers have it, so that text which
comes later never moves the boundary. The tag that closes is the one that belongs to the tag at
the start; where a chat template has put the opening tag into the prompt, any closing tag, and all
before it is thinking. An opening tag at the start that is never closed: all is thinking. An
opening tag further on that is never closed is a word like any other. Case does not matter.

Not guaranteed: that a second block of thinking is found. Whatever follows the first closing tag,
tags among it, is response.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_TAGS = (
    ("<think>", "</think>"),  # DeepSeek-R1, Qwen3
    ("<thinking>", "</thinking>"),
    ("<reasoning>", "</reasoning>"),
    ("<|begin_of_thought|>", "<|end_of_thought|>"),  # Sky-T1, OpenThoughts
    ("[THINK]", "[/THINK]"),  # Magistral
    ("◁think▷", "◁/think▷"),  # Kimi
    ("<seed:think>", "</seed:think>"),  # Seed-OSS
)
# "<|end_of_thought|>\n\n<|begin_of_solution|>\n\n": two tags that are one boundary
_AFTER = r"\s*(?:<\|begin_of_solution\|>\s*)?"
_OPENING = re.compile(rf"\s*(?:{'|'.join(f'({re.escape(tag)})' for tag, _ in _TAGS)})\s*", re.I)
_CLOSING = [re.compile(re.escape(tag) + _AFTER, re.I) for _, tag in _TAGS]
_ANY_CLOSING = re.compile(f"(?:{'|'.join(re.escape(tag) for _, tag in _TAGS)}){_AFTER}", re.I)


class Trace(NamedTuple):
    """The thinking is text[begin:end], without tags and blanks around it; empty if begin >= end."""

    begin: int
    end: int
    response: int


def read_trace(text: str) -> Trace:
    """The parts of a solution's text; Trace(0, 0, 0) where it has no thinking."""
    opening = _OPENING.match(text)
    if opening:
        assert opening.lastindex is not None
        begin, closing = opening.end(), _CLOSING[opening.lastindex - 1].search(text, opening.end())
        if closing is None:
            return Trace(begin, len(text.rstrip()), len(text))
    else:
        closing = _ANY_CLOSING.search(text)
        if closing is None:
            return Trace(0, 0, 0)
        begin = len(text) - len(text.lstrip())
    return Trace(begin, len(text[: closing.start()].rstrip()), closing.end())


def response_start(text: str) -> int:
    """Where the response begins: 0 for a text without thinking, len(text) where all is thinking."""
    return read_trace(text).response
