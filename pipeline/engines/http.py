"""HTTP to one server of several equal ones: a call is one try, its errors say what to do next.

Guarantees: everything that goes wrong is one of three: `Unreachable` (try again), `Refused` (this
call never works), EngineDown (no call ever works). The key from OPENAI_API_KEY is in the session's
header only, and no answer is passed on with it. Sessions are made on the running loop and closed
without warnings. No more requests of any kind than `requests_per_minute`, as long as each `post`
comes after its `turn`. Not here: which server (fleet.py), retries and their waits, what an answer
means.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson

from pipeline.engines.answers import BadAnswer, error_message, parse_object, retry_after
from pipeline.engines.fleet import Gone
from pipeline.engines.pace import Pace
from pipeline.errors import EngineDown

RETRY_AFTER_CAP_S = 60.0
CONNECT_S = 10.0
LIST_S = 30.0  # listing models is no work: a server that takes longer is stuck
_PASSING = {408, 409, 425, 429}
_BUSY = {429, 503}
_GATEWAYS = {502, 504}  # somebody answers in the name of a server that does not
_HOPELESS = {401, 403, 404, 405}
_HEADERS = {"Content-Type": "application/json"}
_TIMES = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S)


class Unreachable(Exception):
    """No answer this time. `kind`: a short name to count it by. `busy`: the server asked for
    patience. `lost`: the line to it broke, so that it may be down."""

    def __init__(
        self,
        message: str,
        kind: str,
        *,
        wait_s: float = 0.0,
        busy: bool = False,
        lost: bool = False,
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.wait_s = wait_s
        self.busy = busy
        self.lost = lost


class Refused(Exception):
    """The server will not do this request (its prompt is too long, say)."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A server's entry for a model: its hash, and who it says owns it ("vllm", say)."""

    hash: str
    owner: str


class Http:
    """See the module's docstring."""

    def __init__(
        self,
        model: str,
        *,
        path: str,
        connections: int,
        requests_per_minute: int = 0,
        advice: str = "",
    ) -> None:
        """`advice`: what to do where no server answers."""
        self.path = path
        self.advice = advice or (
            f"Is the server running? For instance: vllm serve {model} --port 8000"
        )
        self._per_minute = requests_per_minute
        self._pace = Pace(0)
        self._model = model
        self._connections = connections
        self._key = os.environ.get("OPENAI_API_KEY", "")
        self._session: aiohttp.ClientSession | None = None

    def open(self) -> None:
        self._pace = Pace(self._per_minute)
        self._session = aiohttp.ClientSession(
            # A request has at least one sequence, so this many connections are never too few;
            # aiohttp's own limit of 100 would hold requests back without a word.
            connector=aiohttp.TCPConnector(limit=self._connections),
            headers={"Authorization": f"Bearer {self._key}"} if self._key else {},
            timeout=_TIMES,
        )

    async def close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def turn(self) -> Awaitable[float]:
        """Before each `post`. The seconds waited here are no silence of the server."""
        return self._pace.turn()

    async def post(self, url: str, problem_id: str, body: dict[str, Any]) -> bytes:
        """The body of a 200. The caller limits its time."""
        headers = {"X-Session-ID": problem_id, **_HEADERS}
        status, answer, wait = await self._call("POST", url + self.path, _written(body), headers)
        if status == 200:
            return answer
        problem = (
            f"{url}{self.path}: HTTP {status}: {error_message(answer.decode(errors='replace'))}"
        )
        if status in _PASSING or status >= 500:
            cap = retry_after(wait, RETRY_AFTER_CAP_S)
            raise Unreachable(
                problem,
                f"HTTP {status}",
                wait_s=cap,
                busy=status in _BUSY or cap > 0,
                lost=status in _GATEWAYS,
            )
        if status in _HOPELESS or status < 400:
            raise await self._hopeless(url, status, problem)
        raise Refused(problem)

    async def lives(self, url: str) -> None:
        """Whether anybody answers there at all. Raises Gone."""
        # vLLM, SGLang and others say at /health whether the engine behind them is well.
        root = url.removesuffix("/v1")
        try:
            async with asyncio.timeout(LIST_S):
                status, _, _ = await self._call("GET", f"{root}/health")
                if status in (404, 405):
                    status, _, _ = await self._call("GET", f"{url}/models")
        except (Unreachable, TimeoutError) as error:
            raise Gone(str(error) or f"{url}: no answer within {LIST_S:g} s") from None
        if status >= 500:
            raise Gone(f"{url}: HTTP {status}")

    async def entry(self, url: str) -> Entry:
        """What the server says of the model. Raises Gone; EngineDown where it serves another model
        or is no server of models."""
        try:
            served = await self._models(url)
        except Unreachable as error:
            raise Gone(str(error)) from None
        if self._model not in served:
            raise EngineDown(self._not_served(url, served), url=url, served=sorted(served))
        # Times and permission ids change with every start of a server: they say nothing.
        entry = served[self._model]
        stable = {key: entry.get(key) for key in ("id", "root", "parent", "max_model_len")}
        digest = hashlib.sha256(repr(sorted(stable.items())).encode()).hexdigest()[:12]
        return Entry(digest, str(entry.get("owned_by", "")))

    async def page(self, url: str) -> str | None:
        """What a server says of itself in Prometheus's format; None where it says nothing."""
        try:
            async with asyncio.timeout(CONNECT_S):
                status, text, _ = await self._call("GET", f"{url.removesuffix('/v1')}/metrics")
        except (Unreachable, TimeoutError, EngineDown):
            return None
        return text.decode(errors="replace") if status == 200 else None

    async def _call(
        self,
        method: str,
        url: str,
        data: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> tuple[int, bytes, str | None]:
        if self._session is None:
            raise EngineDown("the engine is not started", url=url)
        try:
            async with self._session.request(
                method, url, data=data, headers=headers, allow_redirects=False
            ) as response:
                answer = await response.read()
                if self._key and response.status != 200:  # some servers repeat a wrong key
                    answer = answer.replace(self._key.encode(), b"(key)")
                return response.status, answer, response.headers.get("Retry-After")
        except aiohttp.InvalidURL as error:
            raise EngineDown(f"{url} is not a URL; http://host:port/v1 wanted", url=url) from error
        except aiohttp.ServerTimeoutError as error:
            message = f"{url}: no connection within {CONNECT_S:g} s"
            raise Unreachable(message, "no connection", lost=True) from error
        except TimeoutError:
            raise  # the caller's own limit
        except (aiohttp.ClientError, OSError) as error:
            message = f"{url}: {error or type(error).__name__}"
            kind = "no connection" if isinstance(error, aiohttp.ClientConnectorError) else "broken"
            raise Unreachable(message, kind, lost=True) from error

    async def _models(self, url: str) -> dict[str, dict[str, Any]]:
        """The models a URL serves, by name."""
        await self.turn()
        try:
            async with asyncio.timeout(LIST_S):
                status, answer, _ = await self._call("GET", f"{url}/models")
        except TimeoutError:
            message = f"{url}/models: no answer within {LIST_S:g} s"
            raise Unreachable(message, "time limit", lost=True) from None
        text = answer.decode(errors="replace")
        problem = f"{url}/models: HTTP {status}: {error_message(text)}"
        if status in _PASSING or status >= 500:
            raise Unreachable(problem, f"HTTP {status}")
        if status in (401, 403):
            raise EngineDown(f"{problem}. Set the key in OPENAI_API_KEY.", url=url)
        try:
            data = parse_object(text).get("data") if status == 200 else None
        except BadAnswer:
            data = None
        if not isinstance(data, list):
            raise EngineDown(
                f"{problem}. Is it an OpenAI-compatible server, and does the URL end in /v1?",
                url=url,
            )
        named = [one for one in data if isinstance(one, dict) and isinstance(one.get("id"), str)]
        return {one["id"]: one for one in named}

    async def _hopeless(self, url: str, status: int, problem: str) -> EngineDown:
        if status in (401, 403):
            return EngineDown(f"{problem}. Set the key in OPENAI_API_KEY.", url=url)
        try:
            served = await self._models(url)
        except (Unreachable, EngineDown):
            served = {}
        if served and self._model not in served:
            return EngineDown(self._not_served(url, served), url=url, served=sorted(served))
        chats = " A server that only chats can be a judge, with api = 'chat'."
        hint = chats if served and self.path == "/completions" else ""
        return EngineDown(f"{problem}. Does the URL end in /v1?{hint}", url=url)

    def _not_served(self, url: str, served: dict[str, dict[str, Any]]) -> str:
        names = ", ".join(sorted(served)) or "none"
        return f"{url} does not serve the model {self._model!r}; it serves: {names}"


def _written(body: dict[str, Any]) -> bytes:
    try:
        return orjson.dumps(body)
    except orjson.JSONEncodeError:  # half of a surrogate pair: JSON can say it, UTF-8 cannot
        return json.dumps(body).encode()
