"""One server that we start, watch, start anew when it dies, and stop.

    replica = Replica("policy-0", lambda: [...], port=21117, log=Path("servers/policy-0.log"))
    await replica.start()      # it answers GET /health; or EngineDown with the log's last lines
    await replica.stop()       # nothing of it is left

Guarantees
- It is dead when we are, however we went: pipeline/engines/tied.py stands between. Nothing here
  blocks the event loop.
- While it runs it is watched: a process that ended, or three looks at /health in a row without an
  answer, is a death. What is left of it is killed, and it is started again on the same port after
  1, 2, 4 … 60 s (from 1 again when it has been well for `settled_s`).
- It is given up (`given_up` says why, and `on_given_up` is called) after `MAX_STARTS` starts in a
  row that never became healthy, or `MAX_DEATHS` deaths in a row with little health in between.
- stdout and stderr go to the log, which is appended to.

Not guaranteed: that a server which answers /health also answers anything else. What was in flight
at a death is the client's to send again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import random
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from pipeline.engines import server_log, tied
from pipeline.errors import EngineDown

MAX_STARTS = 5
MAX_DEATHS = 20
LONGEST_WAIT_S = 60.0
_MISSED = 3  # looks at /health
_TURN_S = 0.1
_HOST = "127.0.0.1"
# Below where systems take ports for outgoing connections: a client that asks a dead server's port
# again and again would one day be given that very port for its own end, and be connected to itself.
_PORTS = range(15000, 32000)

_DICE = random.Random()
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Watch:
    """How closely a replica is watched, in seconds."""

    every_s: float = 5.0
    limit_s: float = 10.0  # a machine at its limit answers late
    settled_s: float = 120.0
    first_wait_s: float = 1.0
    grace_s: float = 5.0  # from SIGTERM to SIGKILL


class Replica:
    """See the module's docstring. `command` makes the whole command line, with `port` in it, anew
    for each start."""

    def __init__(
        self,
        name: str,
        command: Callable[[], list[str]],
        *,
        port: int,
        log: Path,
        env: Mapping[str, str] | None = None,
        start_s: float = 600.0,
        watch: Watch | None = None,
        on_given_up: Callable[[], None] = lambda: None,
    ) -> None:
        self.name = name
        self.command: list[str] = []  # of the latest start
        self.port = port
        self.log = log
        self.deaths = 0  # of the whole run
        self.given_up: str | None = None
        self._make_command = command
        self._env = None if env is None else dict(env)
        self._start_s = start_s
        self._watch = watch or Watch()
        self._on_given_up = on_given_up
        self._process: subprocess.Popen[bytes] | None = None
        self._since = 0  # where in the log the latest start begins
        self._session: aiohttp.ClientSession | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        return f"http://{_HOST}:{self.port}"

    async def start(self) -> None:
        """Raises EngineDown: no second try where the first one fails."""
        limit = aiohttp.ClientTimeout(total=self._watch.limit_s)
        self._session = aiohttp.ClientSession(timeout=limit)
        try:
            problem = await self._bring_up()
            if problem is not None:
                raise self._down(problem)
        except BaseException:
            await asyncio.shield(self.stop())
            raise
        self._task = asyncio.create_task(self._supervise(), name=f"watch-{self.name}")

    async def stop(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        await self._end()
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def last_words(self) -> str:
        """Where its log is, and how it ends."""
        lines = server_log.last_lines(self.log, self._since)
        shown = "\n".join(f"    {line}" for line in lines) or "    (nothing)"
        return f"The last lines of {self.log}:\n{shown}"

    async def _supervise(self) -> None:
        row = 0  # deaths without a time of health between them
        while True:
            began = time.monotonic()
            problem = await self._until_dead()
            if time.monotonic() - began > self._watch.settled_s:
                row = 0
            failed = 0  # starts since it was last healthy
            up = False
            while not up:
                row, self.deaths = row + 1, self.deaths + 1
                await self._end()
                if failed >= MAX_STARTS or row >= MAX_DEATHS:
                    self.given_up = str(self._down(f"{problem}; given up after {row} deaths"))
                    _log.error("%s", self.given_up)
                    self._on_given_up()
                    return
                wait = min(LONGEST_WAIT_S, self._watch.first_wait_s * 2 ** min(row - 1, 10))
                _log.warning("server %s: %s; it is started again", self.name, problem)
                await asyncio.sleep(wait)
                problem = await self._bring_up() or ""
                up, failed = not problem, failed + 1

    async def _bring_up(self) -> str | None:
        """Start it and wait for its health; None, or what went wrong."""
        try:
            self._launch()
        except OSError as error:  # no room for the log, say
            return f"cannot be started: {error}"
        began = time.monotonic()
        while True:
            ended = self._ended()
            if ended is not None:
                return f"{ended} before it was ready"
            if await self._healthy():
                return None
            if time.monotonic() - began > self._start_s:
                await self._end()
                return f"not ready within {self._start_s:g} s"
            await asyncio.sleep(2 * _TURN_S)

    async def _until_dead(self) -> str:
        """What it died of."""
        missed, looked = 0, time.monotonic()
        while True:
            await asyncio.sleep(_TURN_S)
            ended = self._ended()
            if ended is not None:
                return ended
            if time.monotonic() - looked < self._watch.every_s:
                continue
            missed = 0 if await self._healthy() else missed + 1
            looked = time.monotonic()
            if missed >= _MISSED:
                return f"no answer to {_MISSED} looks at {self.url}/health"

    async def _healthy(self) -> bool:
        assert self._session is not None
        try:
            async with self._session.get(f"{self.url}/health") as response:
                return response.status == 200
        except (aiohttp.ClientError, OSError, TimeoutError):
            return False

    def _launch(self) -> None:
        """A few milliseconds: what takes long is the server's own start."""
        self.command = self._make_command()
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self._since = server_log.size(self.log)
        with self.log.open("ab") as log:
            now = time.strftime("%Y-%m-%d %H:%M:%S")
            log.write(f"--- {now} {shlex.join(self.command)}\n".encode())
            log.flush()
            self._since = server_log.size(self.log)
            self._process = subprocess.Popen(
                [*self._tie(), *self.command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self._env,
                start_new_session=True,
            )

    def _tie(self) -> list[str]:
        grace = f"{self._watch.grace_s}"
        return [sys.executable, "-I", tied.__file__, str(os.getpid()), grace]

    def _ended(self) -> str | None:
        """How the process ended; None while it runs."""
        status = self._process.poll() if self._process is not None else 0
        if status is None:
            return None
        number = -status if status < 0 else status - 128
        try:
            name = f", {signal.Signals(number).name}" if number > 0 else ""
        except ValueError:
            name = ""
        return f"the server ended (exit status {status}{name})"

    async def _end(self) -> None:
        """Nothing of the process is left after this."""
        process = self._process
        if process is None:
            return
        if process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()  # tied.py ends the family
            deadline = time.monotonic() + 2 * self._watch.grace_s + 2.0
            while process.poll() is None and time.monotonic() < deadline:
                await asyncio.sleep(_TURN_S / 2)
        if process.poll() is None or process.returncode < 0:  # tied.py could not do its work
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            while process.poll() is None:
                await asyncio.sleep(_TURN_S / 2)
        self._process = None

    def _down(self, problem: str) -> EngineDown:
        return EngineDown(
            f"server {self.name}: {problem}. It was started with\n"
            f"    {shlex.join(self.command)}\n{self.last_words()}",
            server=self.name,
            log=str(self.log),
        )


def free_ports(count: int) -> list[int]:
    """Ports of the loopback address that nobody has at this moment."""
    found: list[int] = []
    for port in _DICE.sample(_PORTS, len(_PORTS)):
        if len(found) == count:
            break
        with socket.socket() as one, contextlib.suppress(OSError):
            one.bind((_HOST, port))
            found.append(port)
    return found
