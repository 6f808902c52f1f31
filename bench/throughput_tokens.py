"""Tokens of the benchmark's stub server: three characters each, about what a real tokenizer gives.

    "The answer" is (The)( an)(swe)(r)

Guarantees: a pure function of the text, so that several servers agree; `decode(encode(x)) == x` for
every text; characters outside ASCII are a token each. What is cut elsewhere may be cut otherwise:
two texts' tokens are not those of the joined text, as with any tokenizer.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

SIZE = 3
_BASE = 129  # a digit of an id is a character + 1: 0 means that there is none
_OTHERS = _BASE**SIZE  # from here on: a code point that is not ASCII, alone
_PIECES = re.compile(rf"[\x00-\x7f]{{1,{SIZE}}}|[^\x00-\x7f]", re.DOTALL)


def encode(text: str) -> list[int]:
    return [_id(piece) for piece in _PIECES.findall(text)]


def count(text: str) -> int:
    """Faster than to encode."""
    return -(-len(text) // SIZE) if text.isascii() else len(_PIECES.findall(text))


def decode(ids: Sequence[int]) -> str:
    """Raises ValueError for what is no id."""
    return "".join(map(_piece, ids))


def char_ends(ids: Sequence[int]) -> list[int]:
    ends, end = [], 0
    for one in ids:
        end += len(_piece(one))
        ends.append(end)
    return ends


def _id(piece: str) -> int:
    if not piece.isascii():
        return _OTHERS + ord(piece)
    one = 0
    for char in piece:
        one = one * _BASE + ord(char) + 1
    return one


def _piece(one: int) -> str:
    if one >= _OTHERS:
        return chr(one - _OTHERS)
    chars = []
    while one > 0:
        one, char = divmod(one, _BASE)
        if not char:
            raise ValueError("no token has this id")
        chars.append(chr(char - 1))
    if not chars:
        raise ValueError("no token has this id")
    return "".join(reversed(chars))
