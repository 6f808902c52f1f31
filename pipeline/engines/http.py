"""HTTP to equal replicas of a server: which URL, one try a call, and errors by what to do next.

Guarantees: a problem's calls go to the URL that wins its rendezvous hash, or to the next one while
that one is down; a call is one POST. Everything that goes wrong is one of three: `Unreachable` (try
again), `Refused` (this call never works), EngineDown (no call ever works). No more requests of
either kind than `requests_per_minute`, as long as each POST comes after its `turn`. The key from
OPENAI_API_KEY is in the session's header only. Sessions are made on the running loop and closed
without warnings. Not here: retries and their waits, what an answer means.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import time
from collections.abc import Sequence
from typing import Any

import aiohttp

from pipeline.engines.answers import BadAnswer, error_message, parse_object, retry_after
from pipeline.engines.pace import Pace
from pipeline.errors import EngineDown

RETRY_AFTER_CAP_S = 60.0
DOWN_S = 5.0  # how long a URL that gave no connection is passed over
CONNECT_S = 10.0
LIST_S = 30.0  # listing models is no work: a server that takes longer is stuck
_PASSING = {408, 409, 425, 429}
_HOPELESS = {401, 403, 404, 405}


class Unreachable(Exception):
    """No answer this time. `busy`: the server asked for patience."""

    def __init__(self, message: str, *, wait_s: float = 0.0, busy: bool = False) -> None:
        super().__init__(message)
        self.wait_s = wait_s
        self.busy = busy


class Refused(Exception):
    """The server will not do this request (its prompt is too long, say)."""


class Http:
    """See the module's docstring."""

    def __init__(
        self,
        urls: Sequence[str],
        model: str,
        *,
        path: str,
        connections: int,
        timeout_s: float,
        requests_per_minute: int = 0,
    ) -> None:
        self.urls = [url.rstrip("/") for url in urls]
        self.path = path
        self._model = model
        self._connections = connections
        self._timeouts = {
            "POST": aiohttp.ClientTimeout(total=timeout_s, sock_connect=CONNECT_S),
            "GET": aiohttp.ClientTimeout(total=min(timeout_s, LIST_S), sock_connect=CONNECT_S),
        }
        self._key = os.environ.get("OPENAI_API_KEY", "")
        self._session: aiohttp.ClientSession | None = None
        self._per_minute = requests_per_minute
        self._pace = Pace(0)
        self._down_until: dict[str, float] = {}

    @property
    def advice(self) -> str:
        return f"Is the server running? For instance: vllm serve {self._model} --port 8000"

    async def open(self) -> str:
        """Checks every URL; returns the hash of the server's entry for the model."""
        self._pace = Pace(self._per_minute)
        self._session = aiohttp.ClientSession(
            # A request has at least one sequence, so this many connections are never too few;
            # aiohttp's own limit of 100 would hold requests back without a word.
            connector=aiohttp.TCPConnector(limit=self._connections),
            headers={"Authorization": f"Bearer {self._key}"} if self._key else {},
        )
        try:
            return await self._check()
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def turn(self) -> float:
        """Before each `post`. The seconds waited here are no silence of the server."""
        return await self._pace.turn()

    async def post(self, problem_id: str, body: dict[str, Any]) -> tuple[str, str]:
        """The body of a 200 and the URL that gave it."""
        url = self._route(problem_id)
        headers = {"X-Session-ID": problem_id}
        status, text, wait = await self._call("POST", url, self.path, body, headers)
        if status == 200:
            return text, url
        if status in (502, 503, 504):  # somebody answers in the name of a server that does not
            self._down_until[url] = time.monotonic() + DOWN_S
        problem = f"{url}{self.path}: HTTP {status}: {error_message(text)}"
        if status in _PASSING or status >= 500:
            cap = retry_after(wait, RETRY_AFTER_CAP_S)
            raise Unreachable(problem, wait_s=cap, busy=status == 429 or cap > 0)
        if status in _HOPELESS or status < 400:
            raise await self._hopeless(url, status, problem)
        raise Refused(problem)

    async def _call(
        self,
        method: str,
        url: str,
        path: str,
        body: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
    ) -> tuple[int, str, str | None]:
        if self._session is None:
            raise EngineDown("the engine is not started", url=url)
        try:
            async with self._session.request(
                method,
                url + path,
                json=body,
                headers=headers,
                timeout=self._timeouts[method],
                allow_redirects=False,
            ) as response:
                text = await response.text(errors="replace")
                if self._key and response.status != 200:  # some servers repeat a wrong key
                    text = text.replace(self._key, "(key)")
                self._down_until.pop(url, None)
                return response.status, text, response.headers.get("Retry-After")
        except TimeoutError as error:
            self._down_until[url] = time.monotonic() + DOWN_S
            raise Unreachable(f"{url}{path}: no answer within the time limit") from error
        except aiohttp.InvalidURL as error:
            raise EngineDown(f"{url} is not a URL; http://host:port/v1 wanted", url=url) from error
        except (aiohttp.ClientError, OSError) as error:
            self._down_until[url] = time.monotonic() + DOWN_S
            raise Unreachable(f"{url}{path}: {error or type(error).__name__}") from error

    def _route(self, problem_id: str) -> str:
        """Rendezvous hashing: a URL that goes or comes moves its own problems only."""
        if len(self.urls) == 1:
            return self.urls[0]
        now = time.monotonic()
        up = [url for url in self.urls if self._down_until.get(url, 0.0) <= now]
        return max(
            up or self.urls,
            key=lambda url: hashlib.blake2b(f"{url} {problem_id}".encode(), digest_size=8).digest(),
        )

    async def _check(self) -> str:
        """All URLs at once; one that serves another model is an error, one that is down is not."""
        results = await asyncio.gather(
            *(self._models(url) for url in self.urls), return_exceptions=True
        )
        entries = []
        for url, result in zip(self.urls, results, strict=True):
            if isinstance(result, Unreachable):
                continue
            if isinstance(result, BaseException):
                raise result
            if self._model not in result:
                raise EngineDown(self._not_served(url, result), url=url, served=sorted(result))
            entries.append(result[self._model])
        if not entries:
            problems = "; ".join(str(result) for result in results)
            raise EngineDown(f"no server answers: {problems}. {self.advice}", urls=self.urls)
        # Times and permission ids change with every start of a server: they say nothing.
        stable = {key: entries[0].get(key) for key in ("id", "root", "parent", "max_model_len")}
        return hashlib.sha256(repr(sorted(stable.items())).encode()).hexdigest()[:12]

    async def _models(self, url: str) -> dict[str, dict[str, Any]]:
        """The models a URL serves, by name."""
        await self.turn()
        status, text, _ = await self._call("GET", url, "/models")
        problem = f"{url}/models: HTTP {status}: {error_message(text)}"
        if status in _PASSING or status >= 500:
            raise Unreachable(problem)
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
