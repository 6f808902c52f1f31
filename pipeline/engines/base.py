"""What an engine is: something that continues prompts, many at once.

The contract of `Engine.complete`:

- It returns exactly `request.n` completions, in draw order.
- A call that gave nothing after the engine's own retries is a `Completion` with
  `finish_reason="failed"`: data, not an exception, and never an incorrect answer.
- It raises `EngineDown` only when the engine as a whole gives no answer.
- It may be called from one event loop by thousands of tasks at once; the engine itself bounds
  what runs (in running sequences: requests x n).

The contract of `Engine.score`, which draws nothing: how likely is a text that is given?

- It gives one log-probability for each token of the continuation, given the prompt and the tokens
  before it; the same number at every call, but for rounding.
- Where the prompt's token ids are known, the model sees these very ids; then come the
  continuation's own, or its text *encoded by itself*: no token ever spans the two. A model that
  writes on would perhaps have joined the end of the prompt and the beginning of the continuation
  in one token, so let the continuation begin where a token would (after a blank line, say).
- A prompt known as text alone is encoded by itself too where this side does it. A server that gets
  text encodes both as one: a token that spans the boundary then counts as the continuation's
  first, with what the prompt's last characters take from its probability.
- None: this engine cannot, or not this one, or the call failed after the engine's own retries.
  Data as well: not an exception, and no small probability.
- It raises `EngineDown` as `complete` does, and may be called by as many tasks at once.

The engine owns all retries of a call; nobody above it repeats one within a run.

A prompt may be a chat (`Prompt.chat`, made by `chat_prompt`). An engine that serves chat sends its
messages, and any other prompt as one message of a user; an engine that serves completions continues
the prompt's text. What a chat engine gives back:

- The text is the answer's content. Reasoning that the server gives apart stands before it, as
  `<think>`, `</think>` and a blank line around it; the first `</think>` is the one that ends it.
- Reasoning that used up `max_tokens` has an end too, and "length" beside it: nothing after it is
  part of an answer. An answer without words (a refusal, a tool call) is an empty text that stopped:
  it was paid for, so it is a completion.
- No token ids and no log-probabilities, and no scores: who writes the prompt's ids is the server.

`Sampling.schema` is a wish as well: an engine that can constrains the output by it, others leave it
out. So whoever reads the text checks it. It is part of the journal's key all the same.

Log-probabilities (`Scored.logprobs`; `Completion.logprobs`, where `Request.logprobs` asks for them
and the engine has them) are natural logarithms of the model's own probability of each token given
all before it: at temperature 1, before top-p and top-k, whatever the request samples with.
CTranslate2's `score_batch` gives that, and vLLM's default `--logprobs-mode raw_logprobs`. Not
guaranteed behind a server: vLLM with `processed_logprobs` (and before its V1 engine) and SGLang by
default give them after the temperature, and nothing in an answer tells the two apart.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

FinishReason = Literal["stop", "length", "failed"]
Api = Literal["completions", "chat"]


@dataclass(frozen=True, slots=True)
class Sampling:
    """Sampling parameters of a request; all of them are part of the journal's key."""

    temperature: float = 0.8
    top_p: float = 1.0
    top_k: int = 0  # 0: off
    max_tokens: int = 256
    stop: tuple[str, ...] = ()
    schema: str = ""  # a JSON schema, as canonical JSON, for the output; "": none


@dataclass(frozen=True, slots=True)
class Prompt:
    """What is continued: the text, and its token ids where they are known. Also a continuation
    that is scored.

    Where `token_ids` is set, it is what the model sees (a rollout continues from the very ids of
    its solution) and `text` is what those ids decode to. Where `chat` is set (see `chat_prompt`),
    it is (role, content) messages, and `text` is what an engine without chat continues instead.
    """

    text: str
    token_ids: tuple[int, ...] | None = None
    chat: tuple[tuple[str, str], ...] | None = None


def chat_prompt(messages: Sequence[tuple[str, str]]) -> Prompt:
    """A chat, and for engines without one its text: contents with a blank line between them, roles
    left out, so that the answer starts on a line of its own. As a recipe's plain prompt has it."""
    contents = [content.rstrip("\n") for _, content in messages]
    return Prompt("\n\n".join(contents) + "\n", chat=tuple(messages))


@dataclass(frozen=True, slots=True)
class Request:
    """`n` continuations of one prompt: draws `first_draw .. first_draw + n - 1`."""

    problem_id: str  # affinity: requests of one problem go to one replica
    prompt: Prompt
    n: int
    first_draw: int
    sampling: Sampling
    seed: int  # the run's seed; engines that can, mix it with the draw
    logprobs: bool = False  # a wish: it changes no completion, so no journal key has it


@dataclass(frozen=True, slots=True)
class Completion:
    """One continuation: `text` without the prompt and without the end token.

    `tokens` counts what the engine generated (end token included): it is what was paid for.
    `token_ids` are the ids of `text` (end token excluded), None where the engine gives none.
    `logprobs` has one number for each of `token_ids`; None where nobody asked, the engine has none,
    or one of them is no log-probability (see `usable_logprobs`).
    """

    text: str
    finish_reason: FinishReason
    tokens: int
    token_ids: tuple[int, ...] | None = None
    logprobs: tuple[float, ...] | None = None


@dataclass(frozen=True, slots=True)
class Scored:
    """How likely a continuation is, token by token.

    `ends`: for each token the code point of the continuation's text at which it ends.
    """

    logprobs: tuple[float, ...]
    ends: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Load:
    """Sequences, for a person to look at. `prompt_tokens`: read so far, of which the server found
    `prompt_tokens_cached` in its prefix cache; None where it does not say."""

    running: int = 0
    waiting: int = 0  # asked for, and not sent yet
    limit: int = 0  # more need not be asked for at once; 0: the engine has none
    prompt_tokens: int | None = None
    prompt_tokens_cached: int | None = None


@dataclass(frozen=True, slots=True)
class EngineIdentity:
    """What keys the journal: never a name or a host alone."""

    model_revision: str  # hash of the weights, the recipe's revision, or a fingerprint
    tokenizer_hash: str  # "" where the tokenizer is not known on this side


FAILED = Completion(text="", finish_reason="failed", tokens=0)

_LOWEST = -9999.0  # what vLLM writes for minus infinity; llama.cpp writes the lowest float
_ABOVE_ZERO = 1e-4  # rounding puts a certain token's logarithm this far up; a logit is further


def usable_logprobs(values: Sequence[object]) -> tuple[float, ...] | None:
    """`values` if each is a log-probability, else None: a mean over the others would mislead.

    NaN, infinities, what stands for minus infinity, and numbers above 0 are none.
    """
    usable = []
    for value in values:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        if not _LOWEST < value <= _ABOVE_ZERO:
            return None
        usable.append(min(float(value), 0.0))
    return tuple(usable)


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

    async def verify(self) -> None:
        """Is it still the model it was at start? Raises EngineDown where it is not."""
        ...

    def load(self) -> Load:
        """What runs and waits now."""
        ...

    @property
    def troubles(self) -> Counter[str]:
        """What went wrong and was tried again, or not, by kind."""
        ...

    async def complete(self, request: Request) -> list[Completion]: ...

    async def score(
        self, problem_id: str, prompt: Prompt, continuation: Prompt
    ) -> Scored | None: ...

    async def close(self) -> None: ...
