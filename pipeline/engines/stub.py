"""A deterministic toy policy: it adds up, and errs at known rates. No model, no network.

It is a shipped test seam, and lets a user try a recipe in seconds. The spec string sets it:

    error=0.08,repair=0.03,luck=0.02,latency_ms=0,log=/path/to/file,revision=a

Guarantees: a completion is a pure function of (prompt text, draw, request.seed) and the rates,
whatever the batch, the order, the process or the machine. With `log`, one line
``<prompt hash> <draw>`` for each completion is in the file before the completion is returned (a
request is one write, so lines of several processes never mix): kill tests count what was bought.
Failed completions, and prompts that hold no toy problem, are not logged: nothing was bought.

`score` knows the process: of a text that ends in "The answer is 18." the first character of the
number carries the log-probability that the policy, from the steps before it, ends in that number
(never below -30, which is "impossible"), and every other character 0. Other texts are None. Its
line in `log` is ``<hash of prompt and continuation> score``.

Asked to judge a toy solution (a prompt of the judge annotator's own templates), it answers as a
judge: with chances `sensitivity` and `alarm` of calling a wrong and a right step incorrect, of
which a share `shared` falls the same in every draw. A prompt of a judge is logged as any other.

Next tokens with log-probabilities (`top`) are made up: a fingerprint changes with the rates.

Not modelled: temperature, top-p, top-k. Tokens are characters. A completion's log-probabilities are
None, also where they are asked for: they would need every text the process can write.
"""

from __future__ import annotations

import asyncio
import math
import os
import struct
from collections import Counter
from dataclasses import asdict, dataclass, fields
from functools import lru_cache
from hashlib import blake2b
from itertools import accumulate
from typing import Any

from pipeline.engines.base import (
    FAILED,
    Completion,
    EngineIdentity,
    Load,
    Prompt,
    Request,
    Sampling,
    Scored,
)
from pipeline.engines.slots import Slots
from pipeline.engines.toy import ANSWER, STEP, addends_of, toy_problems, toy_truth
from pipeline.engines.toy_chance import total_chances
from pipeline.engines.toy_judge import is_judging, judge
from pipeline.errors import PolicyError

__all__ = ["StubEngine", "StubSpec", "toy_problems", "toy_truth"]

_UNIT = 1.0 / 2**32
_WORDS = struct.Struct("<16I")  # one blake2b digest is sixteen 32-bit numbers
_NO_PROBLEM = "I see nothing to add up."
_IMPOSSIBLE = -30.0
_JUDGES = ("sensitivity", "alarm", "shared", "prose")


@dataclass(frozen=True, slots=True)
class StubSpec:
    """Rates are chances in 0..1."""

    error: float = 0.08  # a step that follows a true total states a wrong one
    repair: float = 0.03  # a step that follows a wrong total returns to the true one in silence
    luck: float = 0.02  # a wrong solution states the right answer all the same
    garble: float = 0.0  # the completion has no readable answer
    fail: float = 0.0  # the call fails
    spread: float = 0.0  # error rates of problems lie in error * (1 - spread) .. (1 + spread)
    latency_ms: float = 0.0  # for each token
    # As a judge (toy_judge.py).
    sensitivity: float = 0.9
    alarm: float = 0.02
    shared: float = 0.5
    prose: float = 0.0
    slots: int = 256  # sequences at once; matters with latency only
    log: str = ""
    revision: str = "a"

    @classmethod
    def parse(cls, text: str) -> StubSpec:
        types: dict[str, Any] = {field.name: type(field.default) for field in fields(cls)}
        values: dict[str, Any] = {}
        for part in filter(None, (part.strip() for part in text.split(","))):
            key, _, value = part.partition("=")
            if key not in types:
                raise PolicyError(
                    f"stub engine: unknown key {key!r} in {text!r}; known are {', '.join(types)}",
                    key=key,
                )
            try:
                values[key] = types[key](value)
            except ValueError:
                raise PolicyError(
                    f"stub engine: {key}={value!r} is not a number", key=key, value=value
                ) from None
        spec = cls(**values)
        for key in ("error", "repair", "luck", "garble", "fail", "spread", *_JUDGES):
            if not 0.0 <= getattr(spec, key) <= 1.0:
                raise PolicyError(f"stub engine: {key} must lie in 0..1 in {text!r}", key=key)
        if spec.latency_ms < 0 or spec.slots < 1:
            raise PolicyError(f"stub engine: latency_ms >= 0 and slots >= 1 wanted in {text!r}")
        return spec


class StubEngine:
    """See the module's docstring."""

    def __init__(self, spec: str = "") -> None:
        self.spec = StubSpec.parse(spec)
        self._slots = Slots(self.spec.slots)
        self._log: int | None = None

    @property
    def identity(self) -> EngineIdentity:
        """The rates are this policy's weights; latency, slots and log change no completion."""
        weights = asdict(self.spec)
        for key in ("latency_ms", "slots", "log"):
            del weights[key]
        for key in _JUDGES:  # a policy is the same, however it would judge
            if weights[key] == getattr(StubSpec, key):
                del weights[key]
        digest = blake2b(repr(sorted(weights.items())).encode(), digest_size=8).hexdigest()
        return EngineIdentity(f"stub:{self.spec.revision}:{digest}", "code-points")

    def encode(self, text: str) -> tuple[int, ...]:
        return tuple(map(ord, text))

    def decode(self, ids: tuple[int, ...]) -> str:
        return "".join(map(chr, ids))

    def char_ends(self, ids: tuple[int, ...]) -> list[int]:
        return list(range(1, len(ids) + 1))

    async def start(self) -> None:
        if self.spec.log and self._log is None:
            try:
                self._log = os.open(self.spec.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
            except OSError as error:
                raise PolicyError(
                    f"stub engine: cannot write log={self.spec.log}: {error.strerror}",
                    log=self.spec.log,
                ) from error

    async def close(self) -> None:
        if self._log is not None:
            os.close(self._log)
            self._log = None

    async def verify(self) -> None:
        """Rates do not change."""

    def load(self) -> Load:
        return Load()

    @property
    def troubles(self) -> Counter[str]:
        return Counter()

    async def top(self, prompt: Prompt, count: int) -> dict[str, float]:
        """Made up from the rates and the prompt: whoever changes the rates changes these."""
        content = f"{self.identity.model_revision}\0{self._text(prompt)}".encode("utf-8", "replace")
        key = blake2b(content, digest_size=16).digest()
        weights = sorted((number + 1 for number in _numbers(key, 0, count)[:count]), reverse=True)
        whole = sum(weights)
        return {f"t{at}": math.log(weight / whole) for at, weight in enumerate(weights)}

    async def complete(self, request: Request) -> list[Completion]:
        prompt = self._text(request.prompt)
        completions = self._continue(prompt, request)
        if self.spec.latency_ms > 0:
            longest = max((completion.tokens for completion in completions), default=0)
            async with self._slots.hold(request.n):
                await asyncio.sleep(longest * self.spec.latency_ms / 1000)
        else:
            await asyncio.sleep(0)  # as any engine, it lets others run
        if self._log is not None and (addends_of(prompt) is not None or is_judging(prompt)):
            digest = blake2b(prompt.encode(), digest_size=8).hexdigest()
            lines = [
                f"{digest} {request.first_draw + index}\n"
                for index, completion in enumerate(completions)
                if completion.finish_reason != "failed"
            ]
            os.write(self._log, "".join(lines).encode())
        return completions

    async def score(self, problem_id: str, prompt: Prompt, continuation: Prompt) -> Scored | None:
        asked = self._text(continuation)
        whole = self._text(prompt) + asked
        await asyncio.sleep(0)
        content = whole.encode("utf-8", "surrogatepass")
        random = _numbers(blake2b(content, key=b"score", digest_size=16).digest(), 0, 1)
        if random[0] * _UNIT < self.spec.fail:
            return None
        found = self._ends_in(whole)
        if found is None:
            return None
        place, chance = found
        if self._log is not None:
            digest = blake2b(content, digest_size=8).hexdigest()
            os.write(self._log, f"{digest} score\n".encode())
        logprobs = [0.0] * len(whole)
        logprobs[place] = max(math.log(chance) if chance else _IMPOSSIBLE, _IMPOSSIBLE)
        size = len(asked)
        return Scored(tuple(logprobs[len(whole) - size :]), tuple(range(1, size + 1)))

    def _ends_in(self, text: str) -> tuple[int, float] | None:
        """Where the number of a closing answer begins, and the chance that it is that number."""
        parsed = addends_of(text)
        if parsed is None:
            return None
        addends, written = parsed
        answer = ANSWER.search(written)
        if answer is None or answer.end() < len(written):
            return None
        spec, start = self.spec, _State.after(addends, written[: answer.start()])
        chances = total_chances(
            addends, start.done, start.stated, self._error(addends), spec.repair, spec.luck
        )
        chance = (1 - spec.garble) * chances.get(int(answer[1]), 0.0)
        return len(text) - len(written) + answer.start(1), min(chance, 1.0)

    def _text(self, prompt: Prompt) -> str:
        return prompt.text if prompt.token_ids is None else self.decode(prompt.token_ids)

    def _error(self, addends: list[int]) -> float:
        """Chance that a step of this problem errs."""
        spread = self.spec.spread
        return self.spec.error * (1 + spread * (2 * _hardness(tuple(addends)) - 1))

    def _continue(self, prompt: str, request: Request) -> list[Completion]:
        # errors="surrogatepass": ids may decode to a lone surrogate, and hashing must not raise
        key = blake2b(
            prompt.encode("utf-8", "surrogatepass"), key=str(request.seed).encode(), digest_size=16
        ).digest()
        if is_judging(prompt):
            return [
                self._judge(prompt, key, draw, request)
                for draw in range(request.first_draw, request.first_draw + request.n)
            ]
        parsed = addends_of(prompt)
        if parsed is None:
            return [_finish(_NO_PROBLEM, request.sampling)] * request.n
        addends, written = parsed
        if ANSWER.search(written):
            return [_finish("", request.sampling)] * request.n
        start = _State.after(addends, written)
        error = self._error(addends)
        return [
            self._draw(start, error, key, draw, request.sampling)
            for draw in range(request.first_draw, request.first_draw + request.n)
        ]

    def _judge(self, prompt: str, key: bytes, draw: int, request: Request) -> Completion:
        if _numbers(key, draw, 1)[0] * _UNIT < self.spec.fail:
            return FAILED
        rates = (getattr(self.spec, name) for name in _JUDGES)
        return _finish(judge(prompt, draw, request.seed, *rates), request.sampling)

    def _draw(
        self, start: _State, error: float, key: bytes, draw: int, sampling: Sampling
    ) -> Completion:
        spec = self.spec
        random = _numbers(key, draw, len(start.addends) + 3)
        if random[0] * _UNIT < spec.fail:
            return FAILED
        stated, parts = start.stated, [start.joint]
        for index in range(start.done + 1, len(start.addends)):
            addend, before, true = start.addends[index], *start.totals[index - 1 : index + 1]
            number = random[index + 2]
            chance, off = number * _UNIT, number % 5 + 1  # off by 1..5, either way
            if stated != before and chance < spec.repair:
                stated, addend_to = true, before
            elif chance > 1 - error:
                addend_to = stated
                total = stated + addend
                stated = total - off if number & 16 and total > off else total + off
            else:
                addend_to, stated = stated, stated + addend
            parts.append(f"{addend_to} + {addend} = {stated}\n\n")
        if stated != start.totals[-1] and random[1] * _UNIT < spec.luck:
            stated = start.totals[-1]
        garbled = random[2] * _UNIT < spec.garble
        parts.append("I have lost count." if garbled else f"The answer is {stated}.")
        return _finish("".join(parts), sampling)


@dataclass(frozen=True, slots=True)
class _State:
    """Where a solution stands: what was added up, and the total that was stated last."""

    addends: list[int]
    totals: list[int]
    done: int  # index of the last addend that was added
    stated: int
    joint: str  # what is missing between the written steps and the next one

    @classmethod
    def after(cls, addends: list[int], written: str) -> _State:
        steps = STEP.findall(written)
        stated = int(steps[-1][2]) if steps else addends[0]
        done = min(len(steps), len(addends) - 1)
        breaks = len(written) - len(written.rstrip("\n"))
        joint = "\n" * max(0, 2 - breaks) if steps else ""
        return cls(addends, list(accumulate(addends)), done, stated, joint)


def _numbers(key: bytes, draw: int, count: int) -> tuple[int, ...]:
    """At least `count` random 32-bit numbers, the same on every machine."""
    numbers: tuple[int, ...] = ()
    for block in range(0, count, 16):
        seed = key + draw.to_bytes(8, "little", signed=True) + block.to_bytes(4, "little")
        numbers += _WORDS.unpack(blake2b(seed).digest())
    return numbers


@lru_cache(maxsize=4096)
def _hardness(addends: tuple[int, ...]) -> float:
    """A problem's own place in 0..1."""
    digest = blake2b(repr(addends).encode(), digest_size=4).digest()
    return int.from_bytes(digest, "little") * _UNIT


def _finish(text: str, sampling: Sampling) -> Completion:
    """Applies the stop list, then the limit: the end token is a token too."""
    generated = len(text) + 1
    cuts = [at for stop in sampling.stop if stop and (at := text.find(stop)) >= 0]
    if cuts:
        text = text[: min(cuts)]
        generated = len(text) + 1
    if generated > sampling.max_tokens:
        text = text[: sampling.max_tokens]
        ids = tuple(map(ord, text))
        return Completion(text, "length", len(ids), ids)
    return Completion(text, "stop", generated, tuple(map(ord, text)))
