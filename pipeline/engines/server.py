"""A small OpenAI-compatible server over any engine, for tests and for trying things out.

    python -m pipeline.engines.server --engine stub --model error=0.1 --port 8000 \\
        --served-model-name toy

Serves GET /v1/models and /health, POST /v1/completions (text or token ids) and a minimal
POST /v1/chat/completions (messages joined) on the loopback address, without a key.

Guarantees: draws are taken from the request's seed, so that equal requests with equal seeds are
the same request to a deterministic engine, and others are not; `token_ids` leave out the end
token, `usage` counts it. Not done: streaming, log-probabilities, authentication.

`running_server` runs it inside a test, with faults on chosen requests.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from aiohttp import web

from pipeline.engines.base import Completion, Engine, Prompt, Request, Sampling
from pipeline.errors import EngineDown, StepsmithError

_HTML = "<html><body><h1>502 Bad Gateway</h1></body></html>"


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong with one request.

    status: answer `status` (with `retry_after` where set). hang: no answer for `seconds`, then the
    connection closes. close: the connection closes at once. html, truncated: a 200 that is not
    JSON, or breaks off. few: only the first `keep` choices. empty: every text is empty.
    """

    kind: Literal["status", "hang", "close", "html", "truncated", "few", "empty"]
    status: int = 500
    retry_after: str = ""
    seconds: float = 3600.0
    keep: int = 1


Faults = Callable[[int], Fault | None]


@dataclass(slots=True)
class Server:
    """The handlers. `seen` keeps the latest requests, (session id, body), before their fault."""

    engine: Engine
    name: str
    faults: Faults | None = None
    url: str = ""  # base URL, ends in /v1; set once it listens
    requests: int = 0  # readable POST requests so far, the client's probe among them
    seen: deque[tuple[str, dict[str, Any]]] = field(default_factory=lambda: deque(maxlen=1000))

    def app(self) -> web.Application:
        app = web.Application(client_max_size=64 * 2**20)
        app.router.add_get("/health", self.health)
        app.router.add_get("/v1/models", self.models)
        app.router.add_post("/v1/completions", self.completions)
        app.router.add_post("/v1/chat/completions", self.chat)
        return app

    async def health(self, _: web.Request) -> web.Response:
        return web.Response(text="ok")

    async def models(self, _: web.Request) -> web.Response:
        entry = {"id": self.name, "object": "model", "owned_by": "stepsmith"}
        entry["root"] = self.engine.identity.model_revision
        return web.json_response({"object": "list", "data": [entry]})

    async def completions(self, request: web.Request) -> web.StreamResponse:
        return await self._answer(request, chat=False)

    async def chat(self, request: web.Request) -> web.StreamResponse:
        return await self._answer(request, chat=True)

    async def _answer(self, http: web.Request, *, chat: bool) -> web.StreamResponse:
        session = http.headers.get("X-Session-ID", "")
        try:
            body = await http.json()
            request = self._request(body, session, chat=chat)
        except (ValueError, TypeError, KeyError) as error:
            return _refuse(400, f"bad request: {error}")
        self.seen.append((session, body))
        fault = self.faults(self.requests) if self.faults else None
        self.requests += 1
        if body.get("model") != self.name:
            return _refuse(404, f"The model `{body.get('model')}` does not exist.")
        if fault is not None and fault.kind in ("status", "hang", "close", "html"):
            return await _misbehave(http, fault)
        try:
            completions = await self.engine.complete(request)
        except EngineDown as error:
            return _refuse(503, error.message)
        if all(completion.finish_reason == "failed" for completion in completions):
            return _refuse(400, "the engine could not continue this prompt")
        if fault is not None and fault.kind == "few":
            completions = completions[: fault.keep]
        if fault is not None and fault.kind == "empty":
            completions = [Completion("", "stop", 1, ()) for _ in completions]
        answer = json.dumps(self._body(request, completions, body, chat=chat))
        if fault is not None and fault.kind == "truncated":
            answer = answer[: len(answer) // 2]
        return web.Response(text=answer, content_type="application/json")

    def _request(self, body: dict[str, Any], session: str, *, chat: bool) -> Request:
        prompt = body["messages"] if chat else body["prompt"]
        if chat:
            given = Prompt("\n\n".join(str(message["content"]) for message in prompt))
        elif isinstance(prompt, str):
            given = Prompt(prompt)
        elif isinstance(prompt, list) and all(isinstance(item, int) for item in prompt):
            text = self.engine.decode(tuple(prompt))
            if text is None:
                raise ValueError("this engine has no tokenizer: send the prompt as text")
            given = Prompt(text, tuple(prompt))
        else:
            raise ValueError("prompt must be a text or a list of token ids")
        stop = body.get("stop") or ()
        seed = body.get("seed")
        sampling = Sampling(
            temperature=float(body.get("temperature", 1.0)),
            top_p=float(body.get("top_p", 1.0)),
            top_k=max(0, int(body.get("top_k", 0))),
            max_tokens=int(body.get("max_tokens") or (1024 if chat else 16)),
            stop=(stop,) if isinstance(stop, str) else tuple(stop),
        )
        first_draw = random.getrandbits(40) if seed is None else int(seed)
        return Request(session, given, int(body.get("n", 1)), first_draw, sampling, seed=0)

    def _body(
        self, request: Request, completions: list[Completion], body: dict[str, Any], *, chat: bool
    ) -> dict[str, Any]:
        choices: list[dict[str, Any]] = []
        for index, completion in enumerate(completions):
            if completion.finish_reason == "failed":
                continue  # too few choices is how a server fails in part
            choice: dict[str, Any] = {"index": index, "finish_reason": completion.finish_reason}
            if chat:
                choice["message"] = {"role": "assistant", "content": completion.text}
            else:
                choice["text"] = completion.text
            if body.get("return_token_ids") and completion.token_ids is not None:
                choice["token_ids"] = list(completion.token_ids)
            choices.append(choice)
        ids = request.prompt.token_ids or self.engine.encode(request.prompt.text) or ()
        spent = sum(completion.tokens for completion in completions)
        usage = {"prompt_tokens": len(ids), "completion_tokens": spent}
        usage["total_tokens"] = len(ids) + spent
        return {
            "id": f"cmpl-{self.requests}",
            "object": "chat.completion" if chat else "text_completion",
            "created": int(time.time()),
            "model": self.name,
            "choices": choices,
            "usage": usage,
        }


def _refuse(status: int, message: str) -> web.Response:
    return web.json_response({"error": {"message": message, "code": status}}, status=status)


async def _misbehave(http: web.Request, fault: Fault) -> web.Response:
    if fault.kind == "html":
        return web.Response(text=_HTML, content_type="text/html")
    if fault.kind == "status":
        response = _refuse(fault.status, "injected fault")
        if fault.retry_after:
            response.headers["Retry-After"] = fault.retry_after
        return response
    if fault.kind == "hang":
        await asyncio.sleep(fault.seconds)
    if http.transport is not None:
        http.transport.abort()
    return web.Response()


@asynccontextmanager
async def running_server(
    engine: Engine, *, faults: Faults | None = None, name: str = "stub", port: int = 0
) -> AsyncIterator[Server]:
    """Serves a started engine on the running loop; port 0 takes a free one. Closes no engine."""
    server = Server(engine, name, faults)
    runner = web.AppRunner(server.app(), shutdown_timeout=0.1, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", port, backlog=1024)
        await site.start()
        server.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
        yield server
    finally:
        await runner.cleanup()


async def _serve(engine: Engine, name: str, port: int) -> None:
    await engine.start()
    try:
        async with running_server(engine, name=name, port=port) as server:
            print(f"{name} at {server.url}", flush=True)
            await asyncio.Event().wait()
    finally:
        await engine.close()


def main() -> None:
    parser = argparse.ArgumentParser(description="OpenAI-compatible server over a local engine.")
    parser.add_argument("--engine", choices=("stub", "embedded"), default="stub")
    parser.add_argument("--model", default="", help="stub: its spec string; embedded: the folder")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--served-model-name", default="")
    args = parser.parse_args()
    try:
        engine, name = _engine(args.engine, args.model)
        asyncio.run(_serve(engine, args.served_model_name or name, args.port))
    except StepsmithError as error:
        raise SystemExit(error.message) from None
    except OSError as error:
        raise SystemExit(f"cannot listen on port {args.port}: {error.strerror}") from None
    except KeyboardInterrupt:
        pass


def _engine(kind: str, model: str) -> tuple[Engine, str]:
    if kind == "stub":
        from pipeline.engines.stub import StubEngine

        return StubEngine(model), "stub"
    from pipeline.engines.embedded import EmbeddedEngine  # loads CTranslate2: only when asked

    return EmbeddedEngine(Path(model)), Path(model).name


if __name__ == "__main__":
    main()
