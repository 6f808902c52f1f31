"""Prefixes of solutions: what a rollout continues, and what makes two of them the same.

A prefix is the problem's prompt and the first m steps. Where the engine's token ids are known it
is made of the very ids of the solution, cut at the first token end at or after the step's last
character; elsewhere it is text. Two prefixes have one hash exactly when problem and prompt agree.

A `Prefix` is a view of its solution: thousands of them cost no copies. All hashes of a solution
come from one pass over it, on first use.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field

from pipeline.engines.base import Prompt


def about_tokens(text: str) -> int:
    """How long a text may be where nobody counted: about four characters a token."""
    return -(-len(text) // 4)


@dataclass(frozen=True, slots=True)
class Prefix:
    """The first `steps` (m) steps of a solution; `hash`: 32 hex digits of problem and prompt."""

    solution: CutSolution
    steps: int
    hash: str

    @property
    def problem_id(self) -> str:
        return self.solution.problem_id

    @property
    def tokens(self) -> int | None:
        """Tokens of the solution that are kept; None where they are not known."""
        ends = self.solution.token_ends
        if ends is None:
            return None
        return ends[self.steps - 1] if self.steps else 0

    @property
    def text(self) -> str:
        """The solution's part."""
        solution, kept = self.solution, self.tokens
        end = solution.ends[self.steps - 1] if self.steps else 0
        if kept and solution.char_ends is not None:
            end = solution.char_ends[kept - 1]
        return solution.text[:end]

    @property
    def prompt(self) -> Prompt:
        """What is continued: the problem's prompt and the text."""
        solution = self.solution
        ids = solution.prompt.token_ids
        if ids is not None and solution.token_ids is not None:
            ids += solution.token_ids[: self.tokens]
        elif self.steps:
            ids = None
        return Prompt(solution.prompt.text + self.text, ids)


@dataclass(frozen=True, slots=True)
class CutSolution:
    """A solution with its cuts: all that a search needs to know of it.

    `ends[t]` is the code point after step t, `token_ends[t]` the tokens kept. The prompt's and
    the solution's token ids, `token_ends` and `char_ends` are all there, or none of the last
    three is (a prompt may have ids where the solution has none).
    """

    solution_id: str
    problem_id: str
    prompt: Prompt
    text: str
    ends: tuple[int, ...]
    token_ids: tuple[int, ...] | None
    token_ends: tuple[int, ...] | None
    char_ends: tuple[int, ...] | None  # code point after each token
    _hashes: list[str] = field(default_factory=list, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        known = [part is not None for part in (self.token_ids, self.token_ends, self.char_ends)]
        if any(known) and not (all(known) and self.prompt.token_ids is not None):
            raise ValueError(f"solution {self.solution_id}: token ids are known in part only")

    def __len__(self) -> int:
        """T, the number of steps."""
        return len(self.ends)

    def prefix(self, m: int) -> Prefix:
        """The first m steps, 0 <= m <= T."""
        return Prefix(self, m, self.hashes[m])

    @property
    def hashes(self) -> Sequence[str]:
        """Those of the prefixes m = 0 .. T."""
        if not self._hashes:
            self._hashes.extend(self._hash_prefixes())
        return self._hashes

    def _hash_prefixes(self) -> list[str]:
        """Of m = 0 .. T. A digest can be read and then go on, so each character counts once."""
        ids = self.prompt.token_ids
        prompt = _text_bytes(self.prompt.text) if ids is None else _id_bytes(ids)
        digest = hashlib.blake2b(self.problem_id.encode() + b"\0" + prompt, digest_size=16)
        hashes = [digest.hexdigest()]
        if self.token_ids is not None and self.token_ends is not None:
            begin = 0
            for end in self.token_ends:
                digest.update(array("q", self.token_ids[begin:end]).tobytes())
                hashes.append(digest.hexdigest())
                begin = end
            return hashes
        if ids is not None:  # only the problem alone is known by its ids
            text = self.problem_id.encode() + b"\0" + _text_bytes(self.prompt.text)
            digest = hashlib.blake2b(text, digest_size=16)
        begin = 0
        for end in self.ends:
            digest.update(self.text[begin:end].encode("utf-8", "surrogatepass"))
            hashes.append(digest.hexdigest())
            begin = end
        return hashes


def _text_bytes(text: str) -> bytes:
    return b"text" + text.encode("utf-8", "surrogatepass")


def _id_bytes(ids: Sequence[int]) -> bytes:
    return b"ids" + array("q", ids).tobytes()
