"""The small server: what it answers to a plain client."""

import asyncio
import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from pipeline.engines.faults import Fault, fault_plan
from pipeline.engines.server import running_server
from pipeline.engines.stub import StubEngine

TEXT = "Add up: 3 + 5"


def ask(path: str, body: dict[str, Any] | None = None) -> tuple[int, Any]:
    async def run() -> tuple[int, Any]:
        engine = StubEngine("error=0")
        async with (
            running_server(engine) as server,
            aiohttp.ClientSession() as session,
            session.request("POST" if body else "GET", server.url + path, json=body) as response,
        ):
            return response.status, await response.json()

    return asyncio.run(run())


def test_models() -> None:
    status, answer = ask("/models")
    assert (status, [one["id"] for one in answer["data"]]) == (200, ["stub"])


def test_completion_with_usage() -> None:
    status, answer = ask("/completions", {"model": "stub", "prompt": TEXT, "max_tokens": 99})
    (choice,) = answer["choices"]
    text = "3 + 5 = 8\n\nThe answer is 8."
    assert (status, choice) == (200, {"index": 0, "finish_reason": "stop", "text": text})
    assert answer["usage"] == {"prompt_tokens": 13, "completion_tokens": 28, "total_tokens": 41}


def test_token_ids_in_and_out() -> None:
    body = {"model": "stub", "prompt": [ord(c) for c in TEXT], "max_tokens": 3, "n": 2}
    _, answer = ask("/completions", body | {"return_token_ids": True})
    assert [choice["token_ids"] for choice in answer["choices"]] == [[51, 32, 43]] * 2


def test_a_chat_answer_is_a_message() -> None:
    body = {"model": "stub", "messages": [{"role": "user", "content": TEXT}]}
    _, answer = ask("/chat/completions", body)
    assert answer["object"] == "chat.completion"
    assert answer["usage"]["completion_tokens"] == 28
    (choice,) = answer["choices"]
    text = "3 + 5 = 8\n\nThe answer is 8."
    message = {"role": "assistant", "content": text}
    assert choice == {"index": 0, "finish_reason": "stop", "message": message}


@pytest.mark.parametrize(
    "messages", [[], "a", [{}], [{"role": "user"}], [{"role": "user", "content": [1]}], 5]
)
def test_what_are_no_messages_is_refused(messages: Any) -> None:
    assert ask("/chat/completions", {"model": "stub", "messages": messages})[0] == 400


def test_wrong_model_and_bad_prompt_are_refused() -> None:
    assert ask("/completions", {"model": "other", "prompt": TEXT})[0] == 404
    assert ask("/completions", {"model": "stub", "prompt": ["x"]})[0] == 400
    assert ask("/completions", {"model": "stub"})[0] == 400


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_the_command_serves_until_it_is_ended(how: signal.Signals) -> None:
    command = [sys.executable, "-m", "pipeline.engines.server", "--port", "0"]
    options = ["--model", "error=0", "--served-model-name", "toy"]
    with subprocess.Popen([*command, *options], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("toy at http://127.0.0.1:")
        process.send_signal(how)
        assert process.stdout.read() == "toy: 0 requests; faults planted: none\n"
    assert process.returncode == 0


def test_a_port_that_is_taken_is_said_in_one_line() -> None:
    async def run() -> tuple[int | None, bytes]:
        async with running_server(StubEngine()) as server:
            port = server.url.split(":")[2].removesuffix("/v1")
            command = ["-m", "pipeline.engines.server", "--port", port]
            process = await asyncio.create_subprocess_exec(
                sys.executable, *command, stderr=subprocess.PIPE
            )
            _, errors = await process.communicate()
            return process.returncode, errors

    code, errors = asyncio.run(run())
    assert code == 1
    assert b"; choose another --port\n" in errors
    assert errors.startswith(b"cannot listen on port ")


async def post(session: aiohttp.ClientSession, url: str, **body: Any) -> tuple[int, str]:
    whole = {"model": "stub", "prompt": TEXT, "max_tokens": 99} | body
    async with session.post(url + "/completions", json=whole) as response:
        return response.status, await response.text()


def test_planted_faults_are_counted_and_logged(tmp_path: Path) -> None:
    log = tmp_path / "log.jsonl"

    async def run() -> tuple[list[int], str]:
        plan = fault_plan(["429:0", "truncated:0"], seed=0, first=2)
        async with (
            running_server(StubEngine("error=0"), faults=plan, log=log) as server,
            aiohttp.ClientSession() as session,
        ):
            statuses = [(await post(session, server.url, n=2, seed=5))[0] for _ in range(3)]
            return statuses, server.report()

    statuses, report = asyncio.run(run())
    assert statuses == [429, 200, 200]
    assert report == "stub: 3 requests; faults planted: 429: 1, truncated: 1"
    asked = {"prompt": "1597e3ad51235b26", "seed": 5, "n": 2}
    assert [json.loads(line) for line in log.read_text().splitlines()] == [
        asked | {"choices": 0, "fault": "429"},
        asked | {"choices": 0, "fault": "truncated"},
        asked | {"choices": 2, "fault": None},
    ]


def test_a_planted_429_asks_for_a_second() -> None:
    async def run() -> str | None:
        async with (
            running_server(StubEngine(), faults=fault_plan(["429:1"], seed=0)) as server,
            aiohttp.ClientSession() as session,
            session.post(server.url + "/completions", json={"prompt": "", "model": "stub"}) as got,
        ):
            return got.headers.get("Retry-After")

    assert asyncio.run(run()) == "1"


def test_a_fault_of_ones_own_choice_is_named_by_request() -> None:
    async def run() -> list[int]:
        faults = {1: Fault("status", 418)}
        async with (
            running_server(StubEngine(), faults=faults.get) as server,
            aiohttp.ClientSession() as session,
        ):
            return [(await post(session, server.url))[0] for _ in range(3)]

    assert asyncio.run(run()) == [200, 418, 200]


def test_the_command_says_what_is_wrong_in_one_line() -> None:
    command = [sys.executable, "-m", "pipeline.engines.server", "--model", "eror=1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("stub engine: unknown key 'eror'")
    assert len(done.stderr.splitlines()) == 1


def test_log_probabilities_are_given_where_asked_for_and_known() -> None:
    from dataclasses import replace

    from pipeline.engines.base import Completion, Request

    class Scored(StubEngine):
        async def complete(self, request: Request) -> list[Completion]:
            known = (-0.5, -0.25, -1.0) if request.logprobs else None
            return [replace(one, logprobs=known) for one in await super().complete(request)]

    async def run(engine: StubEngine, wish: dict[str, Any]) -> Any:
        body = {"model": "stub", "prompt": TEXT, "max_tokens": 3} | wish
        async with (
            running_server(engine) as server,
            aiohttp.ClientSession() as session,
            session.post(server.url + "/completions", json=body) as got,
        ):
            return (await got.json())["choices"][0].get("logprobs")

    given = {"tokens": ["3", " ", "+"], "token_logprobs": [-0.5, -0.25, -1.0]}
    scored, plain = Scored("error=0"), StubEngine("error=0")
    assert asyncio.run(run(scored, {"logprobs": 0})) == given
    assert asyncio.run(run(scored, {"logprobs": None})) is None
    assert asyncio.run(run(plain, {"logprobs": 0})) is None
