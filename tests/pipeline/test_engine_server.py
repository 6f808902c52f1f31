"""The small server: what it answers to a plain client."""

import asyncio
import subprocess
import sys
from typing import Any

import aiohttp

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


def test_chat() -> None:
    body = {"model": "stub", "messages": [{"role": "user", "content": TEXT}]}
    _, answer = ask("/chat/completions", body)
    assert answer["choices"][0]["message"]["content"] == "3 + 5 = 8\n\nThe answer is 8."


def test_wrong_model_and_bad_prompt_are_refused() -> None:
    assert ask("/completions", {"model": "other", "prompt": TEXT})[0] == 404
    assert ask("/completions", {"model": "stub", "prompt": ["x"]})[0] == 400
    assert ask("/completions", {"model": "stub"})[0] == 400


def test_the_command_serves_until_it_is_ended() -> None:
    command = [sys.executable, "-m", "pipeline.engines.server", "--port", "0"]
    options = ["--model", "error=0", "--served-model-name", "toy"]
    with subprocess.Popen([*command, *options], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
        finally:
            process.terminate()
    assert line.startswith("toy at http://127.0.0.1:")


def test_the_command_says_what_is_wrong_in_one_line() -> None:
    command = [sys.executable, "-m", "pipeline.engines.server", "--model", "eror=1"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("stub engine: unknown key 'eror'")
    assert len(done.stderr.splitlines()) == 1
