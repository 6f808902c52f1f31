"""Where tokens end in the text they decode to.

Guarantees, for any lossless tokenizer (byte-level BPE among them): one offset a token, in Unicode
code points, never decreasing, the last one equal to the length of the decoded text. A token that
holds a part of a character ends where that character ends. Time is linear in the number of tokens
of well-formed text; a run of bytes that are no UTF-8 costs its length squared.

Not guaranteed: exact offsets under a decoder that rewrites earlier text when more tokens follow
(clean-up of spaces, say); there the offsets are only never decreasing and within the text.
"""

from __future__ import annotations

from collections.abc import Sequence

from tokenizers import Tokenizer
from tokenizers.decoders import DecodeStream

_BROKEN = "\ufffd"  # what a decoder shows for bytes that are not (yet) a character


def decode(tokenizer: Tokenizer, ids: Sequence[int]) -> str:
    """Text of `ids`, special tokens shown: a hidden one would move every offset after it."""
    return str(tokenizer.decode(list(ids), skip_special_tokens=False))


def char_ends(tokenizer: Tokenizer, ids: Sequence[int]) -> list[int]:
    """For each token the code point offset in `decode(ids)` at which it ends."""
    ends: list[int] = []
    waiting: list[int] = []  # tokens whose last character is not complete yet
    position = 0
    stream = DecodeStream(skip_special_tokens=False)
    for token in ids:
        waiting.append(token)
        chunk = stream.step(tokenizer, token)
        if chunk is None:
            continue
        ends += _inner_ends(tokenizer, waiting[:-1], position, position + len(chunk))
        position += len(chunk)
        ends.append(position)
        waiting.clear()
    length = len(decode(tokenizer, ids))
    ends += _inner_ends(tokenizer, waiting, position, length)
    ends = [min(end, length) for end in ends]
    if ends:
        ends[-1] = length
    return ends


def _inner_ends(tokenizer: Tokenizer, waiting: list[int], start: int, limit: int) -> list[int]:
    """Ends of tokens that the stream held back: each may complete characters and open one."""
    ends = []
    last = start
    for count in range(1, len(waiting) + 1):
        text = decode(tokenizer, waiting[:count])
        whole = text.rstrip(_BROKEN)
        opened = 1 if len(whole) < len(text) else 0
        last = min(max(last, start + len(whole) + opened), limit)
        ends.append(last)
    return ends
