"""Prefixes of solutions: what a rollout continues, and what makes two of them the same.

A prefix is the problem's prompt and the first m steps. Where the engine's token ids are known it
is made of the very ids of the solution, cut at the first token end at or after the step's last
character; elsewhere it is text.
"""

from __future__ import annotations

import hashlib
from array import array
from dataclasses import dataclass

from pipeline.engines.base import Prompt


@dataclass(frozen=True, slots=True)
class Prefix:
    """`steps` is m, the number of steps kept; `text` the solution's part; `tokens` its length."""

    problem_id: str
    hash: str
    steps: int
    text: str
    prompt: Prompt
    tokens: int | None


@dataclass(frozen=True, slots=True)
class CutSolution:
    """A solution with its cuts: all that a search needs to know of it.

    `ends[t]` is the code point after step t, `token_ends[t]` the tokens kept (None: unknown).
    """

    solution_id: str
    problem_id: str
    prompt: Prompt
    text: str
    ends: tuple[int, ...]
    token_ids: tuple[int, ...] | None
    token_ends: tuple[int, ...] | None
    char_ends: tuple[int, ...] | None  # code point after each token

    def __len__(self) -> int:
        """T, the number of steps."""
        return len(self.ends)

    def prefix(self, m: int) -> Prefix:
        """The first m steps, 0 <= m <= T."""
        end = self.ends[m - 1] if m else 0
        ids = self.prompt.token_ids
        kept: int | None = None
        if (
            ids is not None
            and self.token_ids is not None
            and self.token_ends is not None
            and self.char_ends is not None
        ):
            kept = self.token_ends[m - 1] if m else 0
            if kept:
                end = self.char_ends[kept - 1]
            ids += self.token_ids[:kept]
        elif m:
            ids = None
        text = self.text[:end]
        whole = Prompt(self.prompt.text + text, ids)
        return Prefix(self.problem_id, prefix_hash(self.problem_id, whole), m, text, whole, kept)


def prefix_hash(problem_id: str, prompt: Prompt) -> str:
    """Identity of a full prefix (problem, prompt and steps): 32 hex digits."""
    digest = hashlib.blake2b(problem_id.encode() + b"\0", digest_size=16)
    if prompt.token_ids is None:
        digest.update(b"text" + prompt.text.encode("utf-8", "surrogatepass"))
    else:
        digest.update(b"ids" + array("q", prompt.token_ids).tobytes())
    return digest.hexdigest()
