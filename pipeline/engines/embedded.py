"""The embedded engine: a policy folder, decoded by CTranslate2 on this machine's CPU.

Guarantees: requests of many problems share batches (`batches.py`), one worker thread a core, and
the event loop never waits for the model. `text` is always the decoding of `token_ids`. A prompt
with no room to continue, an id the model does not know, or a batch that CTranslate2 refuses (after
one try of each member alone) gives "failed" completions. A folder that is no policy is a
PolicyError at construction.

Not guaranteed: equal samples for equal seeds; CTranslate2 does not give them, even alone, so the
request's seed is not used. Stop strings cut the text after the fact: `tokens` counts what was
generated, and where a stop string begins inside a token, the piece before it is encoded anew.

Log-probabilities come from a second pass over prompt and completion, so that they are those of
`token_ids`, a piece encoded anew included. They carry int8 rounding: on the bundled policy, against
float32 arithmetic in NumPy over 5,318 tokens, 0.0006 a token on average, 0.22 at most, and 0.0013
at most in the mean of a completion. The pass costs about 15 % of the sampling speed.

`score` is that pass alone. Calls of many tasks share batches, as completions do; each reads its
whole prompt, also where another call had the same beginning (nothing is cached between them).
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
import threading
from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import ctranslate2
import numpy as np

from pipeline.engines import tokens
from pipeline.engines.base import (
    FAILED,
    Completion,
    EngineIdentity,
    Load,
    Prompt,
    Request,
    Sampling,
    Scored,
    usable_logprobs,
)
from pipeline.engines.batches import FULL, BatchQueue, Job
from pipeline.engines.policy_folder import PolicyFolder
from pipeline.errors import EngineDown, PolicyError

# Tokens scored at once. A pass over a whole batch holds attention and logarithms of the vocabulary
# for each of its tokens, leaves the cache, and takes three times as long as passes of this size.
SCORED_AT_ONCE = 1024

_DICE = random.Random()
_log = logging.getLogger(__name__)


class ScoreJob(Job):
    """How likely are the last `limit` tokens of `prompt`? Its one completion has no tokens of its
    own, and their log-probabilities; or it failed."""

    __slots__ = ()

    @property
    def kind(self) -> Hashable:
        return "score"


class EmbeddedEngine:
    """See the module's docstring."""

    def __init__(self, model_dir: Path) -> None:
        self._folder = PolicyFolder.open(model_dir)
        self._tokenizer = self._folder.tokenizer()
        self._end_ids = self._folder.end_ids(self._tokenizer)
        size = self._tokenizer.get_vocab_size()
        self._pieces = [self._tokenizer.id_to_token(index) or "" for index in range(size)]
        self._cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 4
        self._queue: BatchQueue | None = None
        self._threads: list[threading.Thread] = []
        self._generator: Any = None
        self._warned = False

    @cached_property
    def identity(self) -> EngineIdentity:
        return EngineIdentity(self._folder.revision, self._folder.tokenizer_hash)

    def encode(self, text: str) -> tuple[int, ...]:
        return tuple(self._tokenizer.encode(text, add_special_tokens=False).ids)

    def decode(self, ids: tuple[int, ...]) -> str:
        return tokens.decode(self._tokenizer, ids)

    def char_ends(self, ids: tuple[int, ...]) -> list[int]:
        return tokens.char_ends(self._tokenizer, ids)

    async def start(self) -> None:
        if self._queue is not None:
            return
        self._generator = await asyncio.to_thread(self._load)
        self._queue = BatchQueue(self._cores)
        self._threads = [
            threading.Thread(
                target=self._work, args=(self._queue,), name=f"embedded-{index}", daemon=True
            )
            for index in range(self._cores)
        ]
        for thread in self._threads:
            thread.start()

    def _load(self) -> Any:
        # It warns of every conversion between number formats that this CPU makes necessary.
        ctranslate2.set_log_level(logging.ERROR)
        try:
            # One batch uses one core well and more cores badly: many batches, one thread each.
            return ctranslate2.Generator(
                str(self._folder.model),
                device="cpu",
                inter_threads=self._cores,
                intra_threads=1,
            )
        except (RuntimeError, ValueError) as error:
            raise PolicyError(
                f"{self._folder.model}: CTranslate2 cannot load it: {error}",
                folder=str(self._folder.folder),
            ) from error

    async def close(self) -> None:
        queue, self._queue = self._queue, None
        if queue is None:
            return
        for job in queue.close():
            if job.done.set_running_or_notify_cancel():
                job.done.set_exception(EngineDown("the embedded engine was closed"))
        for thread in self._threads:
            await asyncio.to_thread(thread.join)  # a batch under way is finished first
        self._threads = []
        self._generator = None

    async def verify(self) -> None:
        """Weights in memory do not change."""

    def load(self) -> Load:
        """`limit`: for each core's thread a full batch, and another one that waits."""
        running, waiting = (0, 0) if self._queue is None else self._queue.counts()
        return Load(running, waiting, limit=2 * FULL * self._cores)

    @property
    def troubles(self) -> Counter[str]:
        return Counter()

    async def top(self, prompt: Prompt, count: int) -> dict[str, float] | None:
        """The most probable next tokens, most probable first, with their log-probabilities."""
        if self._queue is None:
            raise EngineDown("the embedded engine is not started")
        pieces = self._strings(self._ids(prompt))
        if not pieces:
            return None
        logprobs = await asyncio.to_thread(self._next, pieces)
        best = sorted(range(len(logprobs)), key=logprobs.__getitem__, reverse=True)[:count]
        return {self.decode((one,)): logprobs[one] for one in best}

    def _next(self, pieces: list[str]) -> list[float]:
        found = self._generator.forward_batch([pieces], return_log_probs=True)
        return [float(value) for value in np.array(found)[0, -1, : len(self._pieces)]]

    async def complete(self, request: Request) -> list[Completion]:
        if self._queue is None:
            raise EngineDown("the embedded engine is not started")
        prompt = self._strings(self._ids(request.prompt))
        positions = self._folder.positions
        limit = request.sampling.max_tokens
        if positions is not None:
            limit = min(limit, positions - len(prompt))
        if limit < 1 or not prompt:
            return [FAILED] * request.n
        counts = [FULL] * (request.n // FULL)
        counts += [request.n % FULL] if request.n % FULL else []
        jobs = [Job(prompt, count, request.sampling, limit, request.logprobs) for count in counts]
        self._queue.put(jobs)
        parts = await asyncio.gather(*(asyncio.wrap_future(job.done) for job in jobs))
        return [completion for part in parts for completion in part]

    async def score(self, problem_id: str, prompt: Prompt, continuation: Prompt) -> Scored | None:
        if self._queue is None:
            raise EngineDown("the embedded engine is not started")
        asked = self._ids(continuation)
        given, pieces = self._strings(self._ids(prompt)), self._strings(asked)
        room = self._folder.positions
        if not given or not pieces or (room is not None and len(given) + len(pieces) > room):
            return None
        job = ScoreJob(given + pieces, 1, Sampling(), len(pieces))
        self._queue.put([job])
        (found,) = await asyncio.wrap_future(job.done)
        if found.logprobs is None:
            return None
        return Scored(found.logprobs, tuple(self.char_ends(asked)))

    def _ids(self, prompt: Prompt) -> tuple[int, ...]:
        """Empty where there is nothing that the model could read."""
        try:
            return self.encode(prompt.text) if prompt.token_ids is None else prompt.token_ids
        except TypeError:  # a lone surrogate, as JSON may hold one: no tokenizer takes it
            return ()

    def _strings(self, ids: Sequence[int]) -> list[str]:
        """Token strings of all ids; none where the model does not know one of them."""
        known = all(0 <= index < len(self._pieces) for index in ids)
        pieces = [self._pieces[index] for index in ids] if known else []
        return pieces if all(pieces) else []

    def _work(self, queue: BatchQueue) -> None:
        while (batch := queue.take()) is not None:
            try:
                results = self._run(batch)
            except Exception:  # whatever one member did to the batch must not fail the others
                results = [self._alone(job) for job in batch]
            queue.finish(batch)
            for job, result in zip(batch, results, strict=True):
                job.done.set_result(result)

    def _alone(self, job: Job) -> list[Completion]:
        try:
            return self._run([job])[0]
        except Exception:  # a failed call is data
            return [FAILED] * job.n

    def _run(self, batch: list[Job]) -> list[list[Completion]]:
        """The batch is of one kind."""
        return self._rate(batch) if isinstance(batch[0], ScoreJob) else self._generate(batch)

    def _generate(self, batch: list[Job]) -> list[list[Completion]]:
        sampling, n = batch[0].sampling, batch[0].n
        greedy = sampling.temperature <= 0
        results = self._generator.generate_batch(
            [job.prompt for job in batch],
            num_hypotheses=1 if greedy else n,  # greedy gives the same text every time
            max_length=max(job.limit for job in batch),  # the prompt is not counted
            include_prompt_in_result=False,
            end_token=self._end_ids,
            return_end_token=True,
            sampling_temperature=1.0 if greedy else sampling.temperature,
            sampling_topk=1 if greedy else min(sampling.top_k, len(self._pieces)),
            sampling_topp=sampling.top_p,
        )
        completions = [
            [self._completion(ids, job.limit, sampling) for ids in result.sequences_ids]
            for job, result in zip(batch, results, strict=True)
        ]
        self._score(batch, completions)
        if greedy:
            return [part * n for part in completions]
        for part in completions:
            # They come best first: draws 0..k of n would be better than a sample of size k.
            _DICE.shuffle(part)
        return completions

    def _score(self, batch: list[Job], completions: list[list[Completion]]) -> None:
        """Put log-probabilities in the completions of the jobs that want them."""
        inputs: dict[tuple[int, tuple[int, ...]], list[str]] = {}  # equal completions: one pass
        for index, (job, part) in enumerate(zip(batch, completions, strict=True)):
            for ids in {one.token_ids for one in part} if job.logprobs else ():
                pieces = [self._piece(one) for one in ids or ()]
                if ids is not None and all(pieces):
                    inputs[index, ids] = job.prompt + pieces
        if not inputs:
            return
        try:
            found = self._logprobs(list(inputs.values()), [len(ids) for _, ids in inputs])
        except Exception as error:  # the completions are good without
            self._warn(error)
            return
        scores: dict[tuple[int, tuple[int, ...] | None], tuple[float, ...] | None]
        scores = dict(zip(inputs, found, strict=True))
        for index, part in enumerate(completions):
            part[:] = [replace(one, logprobs=scores.get((index, one.token_ids))) for one in part]

    def _rate(self, batch: list[Job]) -> list[list[Completion]]:
        """A batch of score jobs."""
        try:
            found = self._logprobs([job.prompt for job in batch], [job.limit for job in batch])
        except Exception as error:
            if len(batch) == 1:  # otherwise each is tried alone
                self._warn(error)
            raise
        return [
            [FAILED if logprobs is None else Completion("", "stop", 0, None, logprobs)]
            for logprobs in found
        ]

    def _logprobs(
        self, sequences: list[list[str]], lasts: list[int]
    ) -> list[tuple[float, ...] | None]:
        """Of the last so many tokens of each sequence; never of its first, which has none."""
        results = self._generator.score_batch(
            sequences,
            max_batch_size=SCORED_AT_ONCE,
            batch_type="tokens",
            max_input_length=0,  # its own limit would cut what is longer, without a word
        )
        found = []
        for pieces, last, result in zip(sequences, lasts, results, strict=True):
            values = result.log_probs[len(pieces) - last - 1 :]
            found.append(usable_logprobs(values) if len(values) == last else None)
        return found

    def _warn(self, error: Exception) -> None:
        if not self._warned:  # one line a run: thousands may follow
            _log.warning("no log-probabilities: CTranslate2 cannot score: %s", error)
            self._warned = True

    def _piece(self, index: int) -> str:
        """Token string of an id; "" for ids that are the model's but not the tokenizer's."""
        return self._pieces[index] if index < len(self._pieces) else ""

    def _completion(self, ids: list[int], limit: int, sampling: Sampling) -> Completion:
        ids = ids[:limit]  # a mate in the batch may have had more room
        generated = len(ids)
        ended = bool(ids) and ids[-1] in self._end_ids
        if ended:
            ids = ids[:-1]
        text = self.decode(tuple(ids))
        cuts = [at for stop in sampling.stop if stop and (at := text.find(stop)) >= 0]
        if not cuts:
            return Completion(text, "stop" if ended else "length", generated, tuple(ids))
        text = text[: min(cuts)]
        return Completion(text, "stop", generated, self._cut(ids, text))

    def _cut(self, ids: list[int], text: str) -> tuple[int, ...] | None:
        """Ids of `text`, a beginning of what `ids` decode to."""
        whole = sum(1 for end in self.char_ends(tuple(ids)) if end <= len(text))
        kept = tuple(ids[:whole])
        kept += self.encode(text[len(self.decode(kept)) :])
        return kept if self.decode(kept) == text else None
