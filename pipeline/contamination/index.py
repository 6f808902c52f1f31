"""An index of evaluation texts: which of them a text repeats, and how much of it.

Three tests, in this order; the first that finds something answers:

    exact    the same words
    inside   the shorter of the two has fewer than n words (and 8 at least) and stands whole in the
             other: it has no n-gram of its own, and 13 words in common would be the whole of it
    n-gram   of the different n-grams of the shorter of the two, at least `share` are common to both

The n-gram is 13 words by default, the field's habit since GPT-3 (arXiv 2005.14165, appendix C,
which takes 8 at least where texts are short, as here). One common 13-gram is not enough, because
contest problems share sentences ("where m and n are relatively prime positive integers"): half of a
text's n-grams must be found, and in one and the same row.

Numbers are words. A problem with every number replaced is found only where its passages between the
numbers are long; one with a single number replaced is found from 38 words on (13 of its 26 n-grams
hold the number). With masked numbers both are.

Twelve bytes an n-gram; a look-up is a binary search for each n-gram of the text. N-grams are
compared by 64-bit hashes, so with 10^6 of them here and 10^9 there the chance that any two are
confused is below 10^-4, and a hit needs many.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

SHORTEST = 8  # words; of shorter texts only equal ones are found
Hashes = npt.NDArray[np.uint64]
Rows = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Match:
    """`row` counts the texts of the index; `share` is 1 where all of the shorter text was found."""

    kind: str  # exact / inside / n-gram
    row: int
    share: float


class Index:
    """Of texts as words (pipeline/contamination/words.py). `compared` are the words that n-grams
    are made of, where these are others than those of the exact test (masked numbers)."""

    def __init__(
        self,
        texts: Sequence[Sequence[str]],
        compared: Sequence[Sequence[str]] | None = None,
        n: int = 13,
        share: float = 0.5,
    ) -> None:
        compared = texts if compared is None else compared
        self.n = n
        self.share = share
        self._short = min(SHORTEST, n)
        self._codes: dict[str, int] = {}
        self._exact = {" ".join(text): row for row, text in reversed(list(enumerate(texts)))}
        self._texts = [f" {' '.join(text)} " for text in compared]
        codes = np.fromiter((self._code(word) for text in compared for word in text), np.uint64)
        lengths = np.array([len(text) for text in compared], np.int64)
        self._long = _Grams(codes, lengths, n)
        self._every = _Grams(codes, lengths, self._short)
        is_short = lengths < n
        self._brief = _Grams(
            codes[np.repeat(is_short, lengths)], np.where(is_short, lengths, 0), self._short
        )

    def __len__(self) -> int:
        """N-grams of n words, each once a row."""
        return len(self._long.hashes)

    @property
    def nbytes(self) -> int:
        """Of the n-grams of all lengths."""
        return sum(g.hashes.nbytes + g.rows.nbytes for g in (self._long, self._every, self._brief))

    def find(self, text: Sequence[str], compared: Sequence[str] | None = None) -> Match | None:
        row = self._exact.get(" ".join(text)) if text else None
        if row is not None:
            return Match("exact", row, 1.0)
        compared = text if compared is None else compared
        if len(compared) < self._short:
            return None
        codes = np.fromiter((self._code(word) for word in compared), np.uint64, len(compared))
        whole = f" {' '.join(compared)} "
        if len(compared) < self.n:
            for row in self._every.all_of(np.unique(_hashes(codes, self._short))):
                if whole in self._texts[row]:
                    return Match("inside", row, 1.0)
            # A row that is shorter still may stand in this text.
        if len(self._brief.hashes):
            for row in self._brief.any_of(np.unique(_hashes(codes, self._short))):
                if self._texts[row] in whole:
                    return Match("inside", row, 1.0)
        if len(compared) < self.n:
            return None
        return self._common(np.unique(_hashes(codes, self.n)))

    def _common(self, grams: Hashes) -> Match | None:
        rows, counts = self._long.counts(grams)
        if not len(rows):
            return None
        shares = counts / np.minimum(len(grams), self._long.of_row[rows])
        best = int(np.argmax(shares))  # the first of equals
        if shares[best] < self.share:
            return None
        return Match("n-gram", int(rows[best]), float(shares[best]))

    def _code(self, word: str) -> int:
        code = self._codes.get(word)
        if code is None:
            digest = hashlib.blake2b(word.encode(), digest_size=8).digest()
            code = self._codes[word] = int.from_bytes(digest, "little")
        return code


class _Grams:
    """The different n-grams of each row, sorted by their hash."""

    def __init__(self, codes: Hashes, lengths: npt.NDArray[np.int64], n: int) -> None:
        row_of_word = np.repeat(np.arange(len(lengths), dtype=np.int32), lengths)
        hashes = _hashes(codes, n)
        first, last = row_of_word[: len(hashes)], row_of_word[n - 1 :]
        within = first == last  # else it would run from one text into the next
        hashes, rows = hashes[within], first[within]
        order = np.lexsort((rows, hashes))
        hashes, rows = hashes[order], rows[order]
        fresh = np.ones(len(hashes), bool)
        fresh[1:] = (hashes[1:] != hashes[:-1]) | (rows[1:] != rows[:-1])
        self.hashes: Hashes = hashes[fresh]
        self.rows: Rows = rows[fresh]
        self.of_row = np.bincount(self.rows, minlength=len(lengths))

    def counts(self, grams: Hashes) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Rows that hold some of `grams`, and how many of them."""
        start = np.searchsorted(self.hashes, grams, "left")
        end = np.searchsorted(self.hashes, grams, "right")
        there = np.flatnonzero(end > start)
        if not len(there):
            return np.empty(0, np.int64), np.empty(0, np.int64)
        found = [self.rows[start[at] : end[at]] for at in there]
        rows, counts = np.unique(np.concatenate(found), return_counts=True)
        return rows.astype(np.int64), counts

    def any_of(self, grams: Hashes) -> list[int]:
        return [int(row) for row in self.counts(grams)[0]]

    def all_of(self, grams: Hashes) -> list[int]:
        rows, counts = self.counts(grams)
        return [int(row) for row in rows[counts == len(grams)]]


def _hashes(codes: Hashes, n: int) -> Hashes:
    """One hash for each n neighbouring words, by place: modulo 2**64 a sum of products."""
    if len(codes) < n:
        return np.empty(0, np.uint64)
    total = np.zeros(len(codes) - n + 1, np.uint64)
    for place in range(n):
        total += codes[place : len(codes) - n + 1 + place] * _FACTORS[place % len(_FACTORS)]
        total ^= total >> np.uint64(29)
    return total


_FACTORS = np.frombuffer(hashlib.shake_128(b"stepsmith n-grams").digest(8 * 64), np.uint64) | 1
