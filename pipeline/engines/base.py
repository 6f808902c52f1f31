"""What an engine is: something that continues prompts, many at once.

The contract of `Engine.complete`:

- It returns exactly `request.n` completions, in draw order.
- A call that gave nothing after the engine's own retries is a `Completion` with
  `finish_reason="failed"`: data, not an exception, and never an incorrect answer.
- It raises `EngineDown` only when the engine as a whole gives no answer.
- It may be called from one event loop by thousands of tasks at once; the engine itself bounds
  what runs (in running sequences: requests x n).

The engine owns all retries of a call; nobody above it repeats one within a run.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, Protocol

FinishReason = Literal["stop", "length", "failed"]


@dataclass(frozen=True, slots=True)
class Sampling:
    """Sampling parameters of a request; all of them are part of the journal's key."""

    temperature: float = 0.8
    top_p: float = 1.0
    top_k: int = 0  # 0: off
    max_tokens: int = 256
    stop: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Prompt:
    """What is continued: the text, and its token ids where they are known.

    Where `token_ids` is set, it is what the model sees (a rollout continues from the very ids of
    its solution) and `text` is what those ids decode to.
    """

    text: str
    token_ids: tuple[int, ...] | None = None


@dataclass(frozen=True, slots=True)
class Request:
    """`n` continuations of one prompt: draws `first_draw .. first_draw + n - 1`."""

    problem_id: str  # affinity: requests of one problem go to one replica
    prompt: Prompt
    n: int
    first_draw: int
    sampling: Sampling
    seed: int  # the run's seed; engines that can, mix it with the draw


@dataclass(frozen=True, slots=True)
class Completion:
    """One continuation: `text` without the prompt and without the end token.

    `tokens` counts what the engine generated (end token included): it is what was paid for.
    `token_ids` are the ids of `text` (end token excluded), None where the engine gives none.
    """

    text: str
    finish_reason: FinishReason
    tokens: int
    token_ids: tuple[int, ...] | None = None
    logprobs: tuple[float, ...] | None = field(default=None)  # one per token id


@dataclass(frozen=True, slots=True)
class EngineIdentity:
    """What keys the journal: never a name or a host alone."""

    model_revision: str  # hash of the weights, the recipe's revision, or a fingerprint
    tokenizer_hash: str  # "" where the tokenizer is not known on this side


FAILED = Completion(text="", finish_reason="failed", tokens=0)


class Engine(Protocol):
    """See the module's docstring for the contract."""

    @property
    def identity(self) -> EngineIdentity: ...

    def encode(self, text: str) -> tuple[int, ...] | None:
        """Token ids of `text` without special tokens; None where this side has no tokenizer."""
        ...

    def decode(self, ids: tuple[int, ...]) -> str | None:
        """Text of token ids; None where this side has no tokenizer."""
        ...

    def char_ends(self, ids: tuple[int, ...]) -> list[int] | None:
        """For each token the code point offset at which it ends; None without a tokenizer."""
        ...

    async def start(self) -> None:
        """Connect or load. Raises EngineDown or PolicyError."""
        ...

    async def complete(self, request: Request) -> list[Completion]: ...

    async def close(self) -> None: ...
