"""The queue between many small jobs and a few workers that want full, even batches.

A batch ends with its longest member, and prompts beyond the shortest are fed token by token; so a
batch holds jobs of the same sampling and `n` with prompts of like length (what is left to write
shrinks as the prefix grows).

Guarantees: first come, first served between batches: the oldest job is in the very next batch, and
its mates come from the `WINDOW` oldest of its kind; a job waits for company `LINGER_S` at most;
what is waiting is spread over the workers before batches are filled to the brim. Thread-safe.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Hashable
from concurrent.futures import Future
from dataclasses import dataclass, field

from pipeline.engines.base import Completion, Sampling

FULL = 16  # sequences a batch, for models of a few million weights (docs/log.md)
SMALL = 8  # batches are not made smaller than this to occupy another worker
LINGER_S = 0.003
WINDOW = 256


@dataclass(slots=True, eq=False)
class Job:
    """`n` continuations of one prompt, at most FULL of them."""

    prompt: list[str]  # token strings: CTranslate2 refuses ids
    n: int
    sampling: Sampling
    limit: int  # tokens there is room for
    logprobs: bool = False  # no part of `kind`: scoring comes after sampling, job by job
    done: Future[list[Completion]] = field(default_factory=Future)
    arrived: float = field(default_factory=time.monotonic)

    @property
    def kind(self) -> Hashable:
        return self.sampling, self.n


class BatchQueue:
    """See the module's docstring."""

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._kinds: dict[Hashable, list[Job]] = {}  # each list in order of arrival
        self._waiting = 0  # sequences
        self._running = 0  # sequences
        self._closed = False
        self._change = threading.Condition()

    def put(self, jobs: list[Job]) -> None:
        with self._change:
            for job in jobs:
                self._kinds.setdefault(job.kind, []).append(job)
                self._waiting += job.n
            self._change.notify(len(jobs))

    def take(self) -> list[Job] | None:
        """The next batch, never empty; None once the queue is closed."""
        with self._change:
            while True:
                while not self._kinds and not self._closed:
                    self._change.wait()
                self._linger()
                if self._closed:
                    return None
                if self._kinds and (batch := self._pick()):
                    return batch

    def finish(self, batch: list[Job]) -> None:
        """A batch that was taken is done."""
        with self._change:
            self._running -= sum(job.n for job in batch)

    def counts(self) -> tuple[int, int]:
        """Sequences that run, and that wait."""
        with self._change:
            return self._running, self._waiting

    def close(self) -> list[Job]:
        """Wakes all workers up for their end; returns the jobs nobody will do."""
        with self._change:
            self._closed = True
            left = [job for jobs in self._kinds.values() for job in jobs]
            self._kinds.clear()
            self._change.notify_all()
        return left

    def _linger(self) -> None:
        while self._kinds and not self._closed and self._waiting < FULL * self._workers:
            left = min(jobs[0].arrived for jobs in self._kinds.values()) + LINGER_S
            left -= time.monotonic()
            if left <= 0:
                return
            self._change.wait(left)

    def _pick(self) -> list[Job]:
        kind = min(self._kinds, key=lambda kind: self._kinds[kind][0].arrived)
        jobs = self._kinds[kind]
        first = jobs[0]
        share = -(-sum(job.n for job in jobs) // self._workers)
        size = max(1, min(FULL, max(SMALL, share)) // first.n)
        near = sorted(jobs[:WINDOW], key=lambda job: abs(len(job.prompt) - len(first.prompt)))
        batch = near[:size]  # the sort is stable: `first` leads
        taken = set(map(id, batch))
        rest = [job for job in jobs if id(job) not in taken]
        if rest:
            self._kinds[kind] = rest
        else:
            del self._kinds[kind]
        self._waiting -= sum(job.n for job in batch)
        batch = [job for job in batch if job.done.set_running_or_notify_cancel()]
        self._running += sum(job.n for job in batch)
        return batch
