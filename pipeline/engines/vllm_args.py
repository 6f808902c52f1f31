"""The arguments of a recipe for vLLM's server: which are ours to set, which change what is said.

Guarantees: an argument that Stepsmith sets itself is refused with the reason; every
argument that is not known to be about speed, memory or logs alone is part of the model's identity,
and where its value is a file, so is that file's content. An argument we do not know counts: two
labels too many are cheaper than two policies in one dataset.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from pipeline.errors import RecipeError
from pipeline.recipe import content_hash

_LOOPBACK = "servers listen on the loopback address"
_OURS = {
    "--model": "the key model says it",
    "--served-model-name": "it is the model's name in the recipe",
    "--host": _LOOPBACK,
    "--port": "a free one is taken",
    "--uds": _LOOPBACK,
    "--root-path": _LOOPBACK,
    "--ssl-keyfile": _LOOPBACK,
    "--ssl-certfile": _LOOPBACK,
    "--api-key": _LOOPBACK,
    "--hf-token": "set HF_TOKEN in the environment",
    "--config": "what stands in another file is not checked",
    "--headless": "the server is what we talk to",
    "--revision": "the key revision says it",
    "--tokenizer": "a policy has the tokenizer that is beside its weights",
    "--tokenizer-revision": "the key revision says it",
    "--tensor-parallel-size": "server.gpus says it",
    "-tp": "server.gpus says it",
    "--data-parallel-size": "server.replicas says it",
    "-dp": "server.replicas says it",
}
# Speed, memory and logs: another value gives the same distribution of texts.
SCHEDULING = {
    "--aggregate-engine-logging", "--async-scheduling", "--attention-backend", "--block-size",
    "--compilation-config", "-cc", "--cpu-offload-gb", "--cudagraph-capture-sizes",
    "--disable-custom-all-reduce", "--disable-log-stats", "--disable-uvicorn-access-log",
    "--distributed-executor-backend", "--download-dir", "--enable-chunked-prefill",
    "--enable-log-requests", "--enable-prefix-caching", "--enforce-eager",
    "--gpu-memory-utilization", "--kv-cache-memory-bytes", "--load-format",
    "--long-prefill-token-threshold", "--max-cudagraph-capture-size", "--max-logprobs",
    "--max-num-batched-tokens", "--max-num-partial-prefills", "--max-num-queued-reqs",
    "--max-num-queued-tokens", "--max-num-scheduled-tokens", "--max-num-seqs",
    "--max-parallel-loading-workers", "--num-gpu-blocks-override", "--numa-bind",
    "--optimization-level", "--performance-mode", "--pipeline-parallel-size", "-pp",
    "--prefix-caching-hash-algo", "--safetensors-load-strategy", "--scheduling-policy", "--seed",
    "--shutdown-timeout", "--stream-interval", "--swap-space", "--uvicorn-log-level",
}  # fmt: skip
_SECRET = ("KEY", "TOKEN", "SECRET", "PASSWORD")


def parse(args: Sequence[str]) -> list[tuple[str, list[str]]]:
    """(name, values) in order: `--a=b`, `--a b c`, `--no-a` (as `--a` with the value "no")."""
    found: list[tuple[str, list[str]]] = []
    for arg in args:
        if _is_name(arg):
            name, equals, value = arg.partition("=")
            if name.startswith("--"):
                name = name.replace("_", "-")
            values = [value] if equals else []
            if name.startswith("--no-"):
                name, values = "--" + name.removeprefix("--no-"), ["no"]
            found.append((name, values))
        elif not found:
            raise RecipeError(f"server.args: begins with a value, {arg!r}", key="server.args")
        else:
            found[-1][1].append(arg)
    return found


def check(args: Sequence[str], env: Mapping[str, str]) -> None:
    """Raises RecipeError."""
    for name, _ in parse(args):
        if name in _OURS:
            raise RecipeError(f"server.args: leave {name} out: {_OURS[name]}", key=name)
    for name in env:
        if any(word in name.upper().split("_") for word in _SECRET):
            raise RecipeError(
                f"server.env: {name} looks like a secret, and a recipe is copied into the dataset: "
                "set it in the environment that stepsmith runs in",
                key=name,
            )


def has(args: Sequence[str], name: str) -> bool:
    return any(name == found for found, _ in parse(args))


def identity(args: Sequence[str]) -> str:
    """Of those that change what is generated; an empty text where none does."""
    told = [
        [name, [_value(value) for value in values]]
        for name, values in parse(args)
        if name not in SCHEDULING and not name.startswith("-O")  # -O3: how it is compiled
    ]
    return content_hash(sorted(told)) if told else ""


def _value(value: str) -> str:
    path = Path(value)
    if len(value) < 1024 and path.is_file():
        return f"file:{hashlib.sha256(path.read_bytes()).hexdigest()}"
    return value


def _is_name(arg: str) -> bool:
    """Not a negative number."""
    return arg.startswith("-") and not arg[1:2].isdigit() and arg[1:2] != "."
