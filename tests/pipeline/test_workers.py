"""Limited worker processes: limits kill one check, never its neighbours or the caller."""

from __future__ import annotations

import asyncio
import operator
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.workers import CheckerCrashed, CheckerPool, CheckerTimeout


@pytest.fixture(scope="module")
def pool() -> Iterator[CheckerPool]:
    with CheckerPool(2, wall_s=3, cpu_s=1, memory_mb=512) as pool:
        yield pool


def test_a_result_comes_back(pool: CheckerPool) -> None:
    assert asyncio.run(pool.run(operator.add, 1, 2)) == 3


def test_it_works_without_a_loop(pool: CheckerPool) -> None:
    assert pool.run_sync(operator.add, 1, 2) == 3


def test_it_works_from_another_thread(pool: CheckerPool) -> None:
    seen: list[object] = []
    thread = threading.Thread(target=lambda: seen.append(pool.run_sync(operator.add, 1, 2)))
    thread.start()
    thread.join()
    assert seen == [3]


def test_the_functions_own_exception_comes_back(pool: CheckerPool) -> None:
    with pytest.raises(ZeroDivisionError):
        pool.run_sync(operator.truediv, 1, 0)


def test_a_sleeping_check_is_killed_by_the_clock(pool: CheckerPool) -> None:
    with pytest.raises(CheckerTimeout, match="clock"):
        pool.run_sync(time.sleep, 60)


def test_a_long_operation_of_c_is_killed_at_once(pool: CheckerPool) -> None:
    start = time.monotonic()
    with pytest.raises(CheckerTimeout):
        pool.run_sync(pow, 9, 9**9)
    assert time.monotonic() - start < 6


def test_too_much_memory_is_a_crash(pool: CheckerPool) -> None:
    with pytest.raises(CheckerCrashed, match="memory"):
        pool.run_sync(bytearray, 2**32)


def test_a_worker_that_exits_is_a_crash(pool: CheckerPool) -> None:
    with pytest.raises(CheckerCrashed, match="exit code 3"):
        pool.run_sync(os._exit, 3)


def test_waiting_in_the_queue_is_not_counted(pool: CheckerPool) -> None:
    async def many() -> list[object]:
        return list(await asyncio.gather(*(pool.run(time.sleep, 1.2) for _ in range(6))))

    assert asyncio.run(many()) == [None] * 6  # the last one ends after 3.6 s, with a limit of 3 s


def test_the_cpu_limit_is_for_one_check_not_for_the_life_of_a_worker(pool: CheckerPool) -> None:
    for _ in range(8):  # 8 x 0.3 s over two workers, with a limit of 1 s
        assert pool.run_sync(sum, range(8_000_000)) == 31999996000000


def test_map_keeps_order(pool: CheckerPool) -> None:
    items = [(i, 1) for i in range(100)]
    assert asyncio.run(pool.map(operator.add, items)) == list(range(1, 101))


def test_map_of_nothing_is_nothing(pool: CheckerPool) -> None:
    assert asyncio.run(pool.map(operator.add, [])) == []


def test_map_of_many_slow_items_breaks_no_limit(pool: CheckerPool) -> None:
    results = asyncio.run(pool.map(time.sleep, [(0.1,)] * 80))  # 4 s on each of two workers
    assert results == [None] * 80


def test_map_loses_only_the_bad_item(pool: CheckerPool) -> None:
    results = asyncio.run(pool.map(time.sleep, [(0,), (60,), (0,), ("x",), (0,)]))
    assert results[0] is results[2] is results[4] is None
    assert isinstance(results[1], CheckerTimeout)
    assert isinstance(results[3], TypeError)


def test_a_worker_does_not_import_the_parents_main(tmp_path: Path) -> None:
    script = tmp_path / "heavy.py"
    script.write_text(
        "print('main imported', flush=True)\n"
        "from pipeline.workers import CheckerPool\n"
        "if __name__ == '__main__':\n"
        "    with CheckerPool(1) as pool:\n"
        "        print(pool.run_sync(abs, -1))\n"
    )
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run([sys.executable, script], env=env, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("main imported\n1\n", "")


def test_a_function_of_main_is_refused(pool: CheckerPool) -> None:
    def local() -> None: ...

    local.__module__ = "__main__"
    with pytest.raises(ValueError, match="local is defined in __main__"):
        pool.run_sync(local)


def test_no_worker_outlives_a_killed_parent(tmp_path: Path) -> None:
    script = tmp_path / "killed.py"
    script.write_text(
        "import os\n"
        "from pipeline.workers import CheckerPool\n"
        "if __name__ == '__main__':\n"
        "    print(CheckerPool(1).run_sync(os.getpid), flush=True)\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, script], env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 5
    while os.path.exists(f"/proc/{int(done.stdout)}") and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not os.path.exists(f"/proc/{int(done.stdout)}")


def test_the_pool_survives_the_kill_of_an_idle_worker() -> None:
    with CheckerPool(1) as pool:
        pid = pool.run_sync(os.getpid)
        assert isinstance(pid, int)
        os.kill(pid, signal.SIGKILL)
        time.sleep(0.5)
        assert pool.run_sync(operator.add, 1, 2) == 3


def test_preloaded_modules_are_there_before_the_first_check() -> None:
    with CheckerPool(1, preload=("colorsys",)) as pool:
        assert pool.run_sync(_is_imported, "colorsys") is True


def _is_imported(name: str) -> bool:
    return name in sys.modules


def test_a_closed_pool_refuses() -> None:
    pool = CheckerPool(1)
    pool.close()
    with pytest.raises(RuntimeError, match="closed"):
        pool.run_sync(operator.add, 1, 2)
