"""Replicas: who gets which request, how many, and what happens when one is gone."""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from pipeline.engines import fleet as module
from pipeline.engines.fleet import Fleet, Gone, Replica
from pipeline.errors import EngineDown

URLS = ["http://a/v1", "http://b/v1"]


class Servers:
    """Who lives, and who came back as another model."""

    def __init__(self) -> None:
        self.dead: set[str] = set()
        self.other: set[str] = set()

    async def lives(self, url: str) -> None:
        if url in self.dead:
            raise Gone(f"{url} is dead")

    async def check(self, url: str) -> None:
        await self.lives(url)
        if url in self.other:
            raise EngineDown(f"{url}: another model")


def with_fleet(
    body: Callable[[Fleet, Servers], Coroutine[Any, Any, Any]],
    urls: list[str] = URLS,
    total: int = 4,
    patience_s: float = 5.0,
) -> Any:
    async def run() -> Any:
        servers = Servers()
        fleet = Fleet(
            urls, total, patience_s, lives=servers.lives, check=servers.check, advice="Start it."
        )
        fleet.start()
        try:
            return await body(fleet, servers)
        finally:
            await fleet.close()

    return asyncio.run(run())


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST_LOOK_S", 0.02)


def homes(fleet: Fleet, count: int = 200) -> dict[str, str]:
    return {f"p{at}": fleet.home(f"p{at}").url for at in range(count)}


def of(fleet: Fleet, url: str) -> str:
    """A problem whose home is there."""
    return next(problem for problem, home in homes(fleet).items() if home == url)


async def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < end
        await asyncio.sleep(0.005)


def test_a_problem_has_one_home_and_homes_are_shared_evenly() -> None:
    async def body(fleet: Fleet, _: Servers) -> Counter[str]:
        assert homes(fleet) == homes(fleet)
        return Counter(homes(fleet).values())

    counts = with_fleet(body)
    assert set(counts) == set(URLS)
    assert min(counts.values()) > 60


def test_a_replica_more_moves_only_the_problems_that_it_takes() -> None:
    async def body(fleet: Fleet, _: Servers) -> dict[str, str]:
        return homes(fleet)

    two, three = with_fleet(body), with_fleet(body, [*URLS, "http://c/v1"])
    assert all(three[problem] in (home, "http://c/v1") for problem, home in two.items())


def test_no_replica_runs_more_than_its_limit() -> None:
    async def body(fleet: Fleet, _: Servers) -> int:
        most = 0

        async def one(at: int) -> None:
            nonlocal most
            async with fleet.seat(f"p{at}", 1 + at % 3):
                most = max(most, *(replica.running for replica in fleet.replicas))
                await asyncio.sleep(0.001)

        await asyncio.gather(*map(one, range(100)))
        assert [replica.running for replica in fleet.replicas] == [0, 0]
        return most

    assert with_fleet(body) == 4


def test_who_asks_for_more_than_the_limit_gets_the_whole_replica() -> None:
    async def body(fleet: Fleet, _: Servers) -> int:
        async with fleet.seat("p", 9) as replica:
            return replica.running

    assert with_fleet(body, URLS[:1]) == 9


def test_a_large_request_is_not_overtaken() -> None:
    async def body(fleet: Fleet, _: Servers) -> list[str]:
        order: list[str] = []

        async def one(name: str, count: int) -> None:
            async with fleet.seat("p", count):
                order.append(name)
                await asyncio.sleep(0.001)

        await asyncio.gather(one("first", 1), one("large", 4), one("small", 1))
        return order

    assert with_fleet(body, URLS[:1]) == ["first", "large", "small"]


def test_one_that_comes_again_is_served_before_the_new() -> None:
    async def body(fleet: Fleet, _: Servers) -> list[str]:
        order: list[str] = []

        async def one(name: str, again: bool) -> None:
            async with fleet.seat("p", 4, again=again):
                order.append(name)
                await asyncio.sleep(0.001)

        await asyncio.gather(one("first", False), one("new", False), one("again", True))
        return order

    assert with_fleet(body, URLS[:1]) == ["first", "again", "new"]


def test_a_cancelled_waiter_leaves_its_place_to_the_next() -> None:
    async def body(fleet: Fleet, _: Servers) -> int:
        async def hold(count: int) -> None:
            async with fleet.seat("p", count):
                await asyncio.sleep(0.01)

        holder = asyncio.create_task(hold(1))
        waiter = asyncio.create_task(hold(4))
        behind = asyncio.create_task(hold(1))
        await asyncio.sleep(0)
        waiter.cancel()
        await asyncio.gather(holder, behind)
        return fleet.replicas[0].running

    assert with_fleet(body, URLS[:1]) == 0


def test_one_that_is_cancelled_as_it_is_served_gives_its_seat_back() -> None:
    async def body(fleet: Fleet, _: Servers) -> int:
        async def hold() -> None:
            async with fleet.seat("p", 4):
                await asyncio.sleep(0.01)

        holder, waiter = asyncio.create_task(hold()), asyncio.create_task(hold())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        holder.cancel()
        with pytest.raises(asyncio.CancelledError):
            await holder  # its seat is the waiter's now, who does not know yet
        waiter.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiter
        return fleet.replicas[0].running

    assert with_fleet(body, URLS[:1]) == 0


def test_an_idle_replica_takes_over_from_a_full_one_and_keeps_the_problem() -> None:
    async def body(fleet: Fleet, _: Servers) -> None:
        problem = of(fleet, URLS[0])
        async with fleet.seat(problem, 4) as first, fleet.seat(problem, 4) as second:
            assert (first.url, second.url) == (URLS[0], URLS[1])
        assert fleet.moved == 1
        async with fleet.seat(problem, 1) as again:
            assert again.url == URLS[1]

    with_fleet(body)


def test_a_problem_is_taken_over_with_all_that_waits_of_it() -> None:
    async def body(fleet: Fleet, _: Servers) -> list[tuple[str, str]]:
        early, late, full = [p for p, home in homes(fleet).items() if home == URLS[0]][:3]
        served: list[tuple[str, str]] = []
        done = {url: asyncio.Event() for url in URLS}

        async def hold(problem: str, url: str) -> None:
            async with fleet.seat(problem, 4):
                await done[url].wait()

        async def one(problem: str) -> None:
            async with fleet.seat(problem, 2) as replica:
                served.append(("late" if problem == late else "early", replica.url))

        holders = [hold(full, URLS[0]), hold(of(fleet, URLS[1]), URLS[1])]
        tasks = [asyncio.create_task(holder) for holder in holders]
        await asyncio.sleep(0)
        tasks += [asyncio.create_task(one(problem)) for problem in (early, late, early, late)]
        await asyncio.sleep(0)
        done[URLS[1]].set()
        await until(lambda: len(served) >= 2)
        done[URLS[0]].set()
        await asyncio.gather(*tasks)
        return served

    assert with_fleet(body)[:2] == [("late", URLS[1])] * 2


def test_a_request_that_failed_at_its_home_goes_elsewhere() -> None:
    async def body(fleet: Fleet, _: Servers) -> None:
        home = fleet.home("p")
        async with fleet.seat("p", 1, [home]) as other:
            assert other is not home
        async with fleet.seat("p", 1, fleet.replicas) as any_one:
            assert any_one is home

    with_fleet(body)


def test_what_waits_for_a_dead_replica_and_what_it_runs_go_to_the_others() -> None:
    async def body(fleet: Fleet, servers: Servers) -> list[str]:
        problem, served = of(fleet, URLS[0]), []

        async def one() -> None:
            failed: list[Replica] = []
            while True:
                async with fleet.seat(problem, 3, failed) as replica:
                    try:
                        with replica.tries.limited(60):
                            await asyncio.sleep(60 if replica.url in servers.dead else 0.001)
                    except TimeoutError:
                        failed.append(replica)
                        continue
                    served.append(replica.url)
                    return

        servers.dead.add(URLS[0])
        tasks = [asyncio.create_task(one()) for _ in range(6)]
        await asyncio.sleep(0.02)
        fleet.suspect(fleet.replicas[0], "broken")
        await asyncio.gather(*tasks)
        return served

    assert with_fleet(body) == [URLS[1]] * 6


def test_a_suspect_that_lives_keeps_its_work() -> None:
    async def body(fleet: Fleet, _: Servers) -> bool:
        async with fleet.seat("p", 1) as replica:
            with replica.tries.limited(60):
                fleet.suspect(replica, "one broken line")
                await asyncio.sleep(0.05)
        return replica.up

    assert with_fleet(body)


def test_a_dead_replica_that_comes_back_gets_its_problems_again() -> None:
    async def body(fleet: Fleet, servers: Servers) -> None:
        problem = of(fleet, URLS[0])
        servers.dead.add(URLS[0])
        fleet.suspect(fleet.replicas[0], "broken")
        await until(lambda: not fleet.replicas[0].up)
        assert fleet.home(problem).url == URLS[1]
        servers.dead.clear()
        await until(lambda: fleet.replicas[0].up)
        assert fleet.home(problem).url == URLS[0]

    with_fleet(body)


def test_a_silent_replica_at_work_is_asked_whether_it_lives(monkeypatch: Any) -> None:
    monkeypatch.setattr(module, "WATCH_S", 0.01)
    monkeypatch.setattr(module, "QUIET_S", 0.05)

    async def body(fleet: Fleet, servers: Servers) -> None:
        servers.dead.add(URLS[0])
        async with fleet.seat(of(fleet, URLS[0]), 1) as replica:
            with pytest.raises(TimeoutError), replica.tries.limited(60):
                await asyncio.sleep(60)
        assert not replica.up

    with_fleet(body)


def test_with_all_down_the_run_pauses_and_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    async def body(fleet: Fleet, servers: Servers) -> str:
        servers.dead.update(URLS)
        for replica in fleet.replicas:
            fleet.lost(replica, "gone")

        async def one() -> str:
            async with fleet.seat("p", 1) as replica:
                return replica.url

        task = asyncio.create_task(one())
        await asyncio.sleep(0.05)
        assert not task.done()
        servers.dead.remove(URLS[1])
        return await task

    with caplog.at_level(logging.WARNING):
        assert with_fleet(body) == URLS[1]
    said = [record.getMessage() for record in caplog.records]
    assert said[1] == "no server answers (gone): the run pauses, for 5 s at most"
    assert said[2].endswith("s: going on")


def test_when_nobody_comes_back_in_time_every_request_ends() -> None:
    async def body(fleet: Fleet, servers: Servers) -> list[BaseException]:
        servers.dead.update(URLS)
        for replica in fleet.replicas:
            fleet.lost(replica, "gone")

        async def one(at: int) -> None:
            async with fleet.seat(f"p{at}", 3):
                pass

        return await asyncio.gather(*map(one, range(9)), return_exceptions=True)

    errors = with_fleet(body, patience_s=0.1)
    assert {type(error) for error in errors} == {EngineDown}
    assert errors[0].message.startswith("no answer for 0.1 s from http://a/v1, http://b/v1; last")


def test_a_replica_that_comes_back_as_another_model_ends_the_run() -> None:
    async def body(fleet: Fleet, servers: Servers) -> None:
        servers.other.add(URLS[0])
        fleet.lost(fleet.replicas[0], "gone")
        await until(lambda: fleet.broken is not None)
        with pytest.raises(EngineDown, match="another model"):
            async with fleet.seat("p", 1):
                pass

    with_fleet(body)


def test_a_replica_that_asks_for_patience_runs_less_and_gets_it_back(monkeypatch: Any) -> None:
    now = 100.0
    monkeypatch.setattr(module.time, "monotonic", lambda: now)
    replica = Replica("http://a/v1", 100, 100.0)
    replica.cut()
    replica.cut()  # in the same breath
    assert replica.limit == 75
    now += 2
    replica.cut()
    assert replica.limit == 56.25
    now += 6
    replica.answered()
    assert replica.limit == 66.25
    now += 60
    replica.answered()
    assert replica.limit == 100


def test_a_cut_goes_no_lower_than_one() -> None:
    replica = Replica("http://a/v1", 1, 1.0)
    replica.cut()
    assert replica.limit == 1
    assert replica.has_room(1)


def test_cut_replicas_are_given_less() -> None:
    async def body(fleet: Fleet, _: Servers) -> int:
        fleet.replicas[0].limit = 2.0
        running = 0
        most = 0

        async def one() -> None:
            nonlocal running, most
            async with fleet.seat("p", 1):
                running += 1
                most = max(most, running)
                await asyncio.sleep(0.001)
                running -= 1

        await asyncio.gather(*(one() for _ in range(20)))
        return most

    assert with_fleet(body, URLS[:1]) == 2
