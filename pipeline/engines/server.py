"""A small OpenAI-compatible server over any engine, for tests and for trying things out.

    python -m pipeline.engines.server --engine stub --model error=0.1 --port 8000 \\
        --served-model-name toy

`stepsmith fault-server` is the same with faults (pipeline/engines/faults.py).

Serves GET /v1/models and /health, POST /v1/completions (text or token ids) and
POST /v1/chat/completions (pipeline/engines/server_chat.py) on the loopback address, without a key.

Guarantees: draws are taken from the request's seed, so that equal requests with equal seeds are
the same request to a deterministic engine, and others are not; `token_ids` leave out the end
token, `usage` counts it. `"logprobs"` gives the chosen tokens' and `"prompt_logprobs"` the prompt's
own, where the engine has them; alternatives are listed for the first token alone. Not done:
streaming, authentication, outputs held to a JSON schema.

With `log`, each request is one JSON line in that file before its answer is sent, so that what was
asked and answered can be counted from outside, over restarts too::

    {"prompt": "5f0c…", "seed": 91, "n": 8, "choices": 8, "fault": null}

`running_server` runs it inside a test, with faults on chosen requests, and `Server` can be told to
be as strict as some servers are: no completions, fields that it refuses.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import random
import signal
import time
from collections import Counter, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

from pipeline.engines.base import Completion, Engine, Prompt, Request, Sampling
from pipeline.engines.faults import Fault, FaultPlan, Faults
from pipeline.engines.server_chat import message_of, read_chat
from pipeline.engines.server_scores import next_tokens, prompt_logprobs
from pipeline.errors import EngineDown, StepsmithError
from pipeline.files import storage_errors

_DICE = random.Random()
_HTML = "<html><body><h1>502 Bad Gateway</h1></body></html>"


@dataclass(slots=True)
class Server:
    """The handlers. `seen` keeps the latest requests, (session id, body), before their fault."""

    engine: Engine
    name: str
    faults: Faults | FaultPlan | None = None
    log: Path | None = None
    url: str = ""  # base URL, ends in /v1; set once it listens
    requests: int = 0  # readable POST requests so far, the client's probe among them
    owner: str = "stepsmith"  # as the list of models has it
    chat_only: bool = False  # /v1/completions is not there
    refuses: dict[str, str] = field(default_factory=dict)  # fields of a body: the words of the 400
    reasoning: str = ""  # what a chat answer has thought, in a field of its own
    planted: Counter[str] = field(default_factory=Counter)  # faults so far, by name
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
        entry = {"id": self.name, "object": "model", "owned_by": self.owner}
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
        fault = self._next_fault(body)
        self.requests += 1
        if self.chat_only and not chat:
            return _refuse(404, "Not Found")
        if body.get("model") != self.name:
            return _refuse(404, f"The model `{body.get('model')}` does not exist.")
        for name in self.refuses.keys() & body.keys():
            return _refuse(400, self.refuses[name])
        if fault is not None:
            self.planted[fault.name] += 1
        if fault is not None and fault.kind in ("status", "hang", "close", "html"):
            self._note(request, body, 0, fault)
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
        whole = self._body(request, completions, body, chat=chat)
        if not chat and isinstance(body.get("prompt_logprobs"), int):
            rated = await prompt_logprobs(self.engine, request)
            for choice in whole["choices"]:
                choice["prompt_logprobs"] = rated
        wish = body.get("logprobs")
        if not chat and type(wish) is int and wish > 0:
            for choice in whole["choices"]:
                listed = [await next_tokens(self.engine, request, wish)]
                choice["logprobs"] = (choice.get("logprobs") or {}) | {"top_logprobs": listed}
        answer = json.dumps(whole)
        if fault is not None and fault.kind == "truncated":
            answer = answer[: len(answer) // 2]
        sent = 0 if fault is not None and fault.kind == "truncated" else len(completions)
        self._note(request, body, sent, fault)
        return web.Response(text=answer, content_type="application/json")

    def report(self) -> str:
        """How many requests came, and how many of each fault were planted."""
        planted = ", ".join(f"{name}: {count:,}" for name, count in sorted(self.planted.items()))
        return f"{self.name}: {self.requests:,} requests; faults planted: {planted or 'none'}"

    def _next_fault(self, body: dict[str, Any]) -> Fault | None:
        if not isinstance(self.faults, FaultPlan):
            return self.faults(self.requests) if self.faults else None
        content = json.dumps(body, sort_keys=True).encode()
        return self.faults.of(self.requests, hashlib.blake2b(content, digest_size=16).digest())

    def _note(
        self, request: Request, body: dict[str, Any], choices: int, fault: Fault | None
    ) -> None:
        if self.log is None:
            return
        prompt = request.prompt.text.encode("utf-8", "surrogatepass")
        row = {
            "prompt": hashlib.blake2b(prompt, digest_size=8).hexdigest(),
            "seed": body.get("seed"),
            "n": request.n,
            "choices": choices,
            "fault": None if fault is None else fault.name,
        }
        with storage_errors(self.log), self.log.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")  # one write: a line is whole or not there

    def _request(self, body: dict[str, Any], session: str, *, chat: bool) -> Request:
        prompt = body["messages"] if chat else body["prompt"]
        if chat:
            given = read_chat(prompt)
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
        limit = body.get("max_tokens") or body.get("max_completion_tokens")
        sampling = Sampling(
            temperature=float(body.get("temperature", 1.0)),
            top_p=float(body.get("top_p", 1.0)),
            top_k=max(0, int(body.get("top_k", 0))),
            max_tokens=int(limit or (1024 if chat else 16)),
            stop=(stop,) if isinstance(stop, str) else tuple(stop),
        )
        first_draw = _DICE.getrandbits(40) if seed is None else int(seed)
        # In /v1/completions it is how many alternatives to list: 0 asks for the chosen token alone.
        wish = body.get("logprobs")
        logprobs = not chat and wish is not None and wish is not False
        n = int(body.get("n", 1))
        return Request(session, given, n, first_draw, sampling, seed=0, logprobs=logprobs)

    def _body(
        self, request: Request, completions: list[Completion], body: dict[str, Any], *, chat: bool
    ) -> dict[str, Any]:
        choices: list[dict[str, Any]] = []
        for index, completion in enumerate(completions):
            if completion.finish_reason == "failed":
                continue  # too few choices is how a server fails in part
            choice: dict[str, Any] = {"index": index, "finish_reason": completion.finish_reason}
            if chat:
                choice["message"] = message_of(completion, self.reasoning)
            else:
                choice["text"] = completion.text
            if body.get("return_token_ids") and completion.token_ids is not None:
                choice["token_ids"] = list(completion.token_ids)
            if request.logprobs and completion.logprobs is not None:
                tokens = [self.engine.decode((one,)) or "" for one in completion.token_ids or ()]
                logprobs = list(completion.logprobs)
                choice["logprobs"] = {"tokens": tokens, "token_logprobs": logprobs}
            choices.append(choice)
        ids = request.prompt.token_ids or self.engine.encode(request.prompt.text) or ()
        spent = sum(completion.tokens for completion in completions)
        usage = {"prompt_tokens": len(ids), "completion_tokens": spent}
        usage["total_tokens"] = len(ids) + spent
        return {
            "id": f"{'chatcmpl' if chat else 'cmpl'}-{self.requests}",
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
    engine: Engine,
    *,
    faults: Faults | FaultPlan | None = None,
    name: str = "stub",
    port: int = 0,
    log: Path | None = None,
) -> AsyncIterator[Server]:
    """Serves a started engine on the running loop; port 0 takes a free one. Closes no engine."""
    server = Server(engine, name, faults, log)
    runner = web.AppRunner(server.app(), shutdown_timeout=0.1, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", port, backlog=1024)
        await site.start()
        server.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
        yield server
    finally:
        await runner.cleanup()


def serve(
    kind: str,
    model: str,
    *,
    port: int,
    name: str = "",
    faults: FaultPlan | None = None,
    log: Path | None = None,
) -> None:
    """Serve until SIGINT or SIGTERM; says the URL first and what it saw last.

    Raises PolicyError (the model), StorageError (the log), StepsmithError (the port).
    """
    engine = _engine(kind, model)
    if log is not None:
        with storage_errors(log):
            log.open("a").close()
    asyncio.run(_serve(engine, name or _name(kind, model), port, faults, log))


async def _serve(
    engine: Engine, name: str, port: int, faults: FaultPlan | None, log: Path | None
) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await engine.start()
    try:
        async with running_server(engine, faults=faults, name=name, port=port, log=log) as server:
            print(f"{name} at {server.url}", flush=True)
            await stop.wait()
            print(server.report(), flush=True)
    except OSError as error:
        raise StepsmithError(
            f"cannot listen on port {port}: {error.strerror}; choose another --port", port=port
        ) from error
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
        serve(args.engine, args.model, port=args.port, name=args.served_model_name)
    except StepsmithError as error:
        raise SystemExit(error.message) from None


def _engine(kind: str, model: str) -> Engine:
    if kind == "stub":
        from pipeline.engines.stub import StubEngine

        return StubEngine(model)
    from pipeline.engines.embedded import EmbeddedEngine  # loads CTranslate2: only when asked

    return EmbeddedEngine(Path(model))


def _name(kind: str, model: str) -> str:
    return "stub" if kind == "stub" else Path(model).name


if __name__ == "__main__":
    main()
