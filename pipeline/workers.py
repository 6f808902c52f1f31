"""Worker processes with limits, for checks on text that a model wrote.

Guaranteed: a check gets `wall_s` seconds of clock from the moment a worker takes it up (waiting
in the queue costs nothing), `cpu_s` seconds of processor and `memory_mb` of address space; one
that exceeds them loses its worker, which is replaced, and no other check. The parent never
forks itself (it has threads, a loop and native libraries), and a worker imports neither the
parent's `__main__` nor anything but what its function and `preload` need.

Not guaranteed: this is no sandbox. Workers may read files and open sockets; text that could run
as code must be refused before it gets here. Times depend on the load of the machine.
"""

from __future__ import annotations

import asyncio
import importlib
import math
import resource
import signal
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool

from pebble import ProcessExpired, ProcessPool

from pipeline.lean_process import LeanContext

CHUNK = 32  # checks sent in one message by `map`: a round trip costs as much as a light check


class CheckerError(Exception):
    """A check that gave no result; data about one item, not a failure of the run."""


class CheckerTimeout(CheckerError):
    """The check ran out of clock or processor time."""


class CheckerCrashed(CheckerError):
    """The check ran out of memory, or its worker died."""


class CheckerPool:
    """`workers` processes; safe to call from any thread and any event loop."""

    def __init__(
        self,
        workers: int,
        wall_s: float = 5.0,
        cpu_s: int = 5,
        memory_mb: int = 1024,
        preload: Sequence[str] = (),
    ) -> None:
        """`preload` names modules to import before a worker takes its first check."""
        self.workers, self.wall_s, self.cpu_s = workers, wall_s, cpu_s
        self._limits = (memory_mb, tuple(preload))
        self._lock = threading.Lock()
        self._pool: ProcessPool | None = None
        self._closed = False
        if preload:
            # Imported once in the fork server, so that replacing a worker costs milliseconds.
            # The server is one for the whole process: if it runs already this has no effect, and
            # `_limit` imports in each worker instead.
            LeanContext().set_forkserver_preload(list(preload))

    async def run(self, fn: Callable[..., object], *args: object) -> object:
        """`fn(*args)` in a worker; raises what it raises, CheckerTimeout or CheckerCrashed."""
        await self._started()
        try:
            return _result(await asyncio.wrap_future(self._submit(fn, [args])))
        except Exception as error:
            raise _checker_error(error) from error

    def run_sync(self, fn: Callable[..., object], *args: object) -> object:
        """The same, for callers without an event loop."""
        try:
            return _result(self._submit(fn, [args]).result())
        except Exception as error:
            raise _checker_error(error) from error

    async def map(
        self, fn: Callable[..., object], items: Sequence[tuple[object, ...]]
    ) -> list[object]:
        """`fn(*item)` for each item, in order; an item that failed is its exception, returned.

        A chunk as a whole has the limits of one check and stops in good time before them; where
        it breaks them, its items are run again one by one, so that only the bad one is lost.
        """
        await self._started()
        size = max(1, min(CHUNK, math.ceil(len(items) / self.workers)))
        chunks = [items[i : i + size] for i in range(0, len(items), size)]
        done = await asyncio.gather(*(self._run_chunk(fn, chunk) for chunk in chunks))
        return [value for chunk in done for value in chunk]

    async def _run_chunk(
        self, fn: Callable[..., object], chunk: Sequence[tuple[object, ...]]
    ) -> list[object]:
        try:
            done = [v for _, v in await asyncio.wrap_future(self._submit(fn, chunk))]
        except Exception as error:
            if len(chunk) == 1:
                return [_checker_error(error)]
        else:
            rest = chunk[len(done) :]
            return [*done, *(await self._run_chunk(fn, rest))] if rest else done
        singles = await asyncio.gather(*(self._run_chunk(fn, [item]) for item in chunk))
        return [value for single in singles for value in single]

    def _submit(
        self, fn: Callable[..., object], chunk: Sequence[tuple[object, ...]]
    ) -> Future[list[tuple[bool, object]]]:
        if fn.__module__ == "__main__":
            raise ValueError(f"{fn.__name__} is defined in __main__, which workers do not import")
        args = (fn, list(chunk), self.cpu_s, min(self.wall_s, self.cpu_s) / 4)
        future: Future[list[tuple[bool, object]]] = self._live_pool().schedule(
            _run_limited, args=args, timeout=self.wall_s
        )
        return future

    async def _started(self) -> None:
        if self._pool is None:  # starting waits for the fork server; keep that off the loop
            await asyncio.to_thread(self._live_pool)

    def _live_pool(self) -> ProcessPool:
        with self._lock:
            if self._closed:
                raise RuntimeError("the checker pool is closed")
            if self._pool is None or not self._pool.active:
                # An idle worker that the system killed breaks the whole pool of pebble: renew it.
                self._pool = ProcessPool(
                    self.workers,
                    initializer=_limit,
                    initargs=self._limits,
                    context=LeanContext(),
                )
                self._pool.schedule(_nothing)  # starts the workers
            return self._pool

    def close(self) -> None:
        """Stops the workers, busy or not."""
        with self._lock:
            self._closed = True
            if self._pool is not None:
                self._pool.stop()
                self._pool.join()
                self._pool = None

    def __enter__(self) -> CheckerPool:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _result(answers: list[tuple[bool, object]]) -> object:
    ((ok, value),) = answers
    if not ok and isinstance(value, Exception):
        raise value
    return value


def _checker_error(error: Exception) -> Exception:
    if isinstance(error, TimeoutError):
        return CheckerTimeout("out of clock time")
    if isinstance(error, ProcessExpired):
        if error.exitcode == -signal.SIGXCPU:
            return CheckerTimeout("out of processor time")
        return CheckerCrashed(f"the worker died with exit code {error.exitcode}")
    if isinstance(error, MemoryError):
        return CheckerCrashed("out of memory")
    if isinstance(error, BrokenProcessPool):
        return CheckerCrashed("the pool of workers broke")
    return error


# --- what runs in a worker ---------------------------------------------------------------------


def _nothing() -> None:
    """A first task, because pebble starts its workers with one."""


def _limit(memory_mb: int, preload: tuple[str, ...]) -> None:
    # Pebble's handler for SIGTERM waits for the next Python instruction, which a long operation
    # of C never reaches; the default kills at once.
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for name in preload:
        importlib.import_module(name)
    size = memory_mb * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (size, size))


def _run_limited(
    fn: Callable[..., object], chunk: list[tuple[object, ...]], cpu_s: int, enough_s: float
) -> list[tuple[bool, object]]:
    """Each item's (True, result) or (False, exception), within `cpu_s` for the chunk.

    No item is begun later than `enough_s`; those left over are not in the list.
    """
    start = time.monotonic()
    # The limit counts the whole life of the process, so it moves on with every chunk; outside
    # of one there is none, since a worker killed while it holds the pool's locks blocks the pool.
    used = resource.getrusage(resource.RUSAGE_SELF)
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    limit = math.ceil(used.ru_utime + used.ru_stime + cpu_s)
    resource.setrlimit(resource.RLIMIT_CPU, (limit, hard))
    try:
        done: list[tuple[bool, object]] = []
        for args in chunk:
            if done and time.monotonic() - start > enough_s:
                break
            done.append(_call(fn, args))
        return done
    finally:
        resource.setrlimit(resource.RLIMIT_CPU, (hard, hard))


def _call(fn: Callable[..., object], args: tuple[object, ...]) -> tuple[bool, object]:
    try:
        return True, fn(*args)
    except MemoryError:
        return False, CheckerCrashed("out of memory")
    except Exception as error:
        return False, error
