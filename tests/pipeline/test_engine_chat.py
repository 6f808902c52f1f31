"""The openai engine at a chat endpoint: a real server on the loopback address."""

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import pytest

from pipeline.engines import asking
from pipeline.engines.base import FAILED, Completion, Prompt, Request, Sampling, chat_prompt
from pipeline.engines.faults import Fault, Faults
from pipeline.engines.openai import OpenAIEngine
from pipeline.engines.server import Server, running_server
from pipeline.errors import EngineDown
from tests.scripted_engine import ScriptedEngine

T = TypeVar("T")
MESSAGES = (("system", "You judge."), ("user", "3 + 5 = 9"))
CHAT = chat_prompt(MESSAGES)
SCHEMA = '{"type":"object"}'
SEE_INSTEAD = "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "FIRST_WAIT_S", 0.01)
    monkeypatch.setattr(asking, "LONGEST_WAIT_S", 0.05)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


def vote(prompt: Prompt, draw: int) -> str:
    return "incorrect" if "= 9" in prompt.text else "correct"


def request(n: int = 1, prompt: Prompt = CHAT, **sampling: Any) -> Request:
    return Request("p", prompt, n, 0, Sampling(**sampling), seed=7)


def talk(
    body: Callable[[OpenAIEngine, Server], Awaitable[T]],
    *,
    answer: Callable[[Prompt, int], str | Completion] = vote,
    faults: Faults | None = None,
    server_has: dict[str, Any] | None = None,
    **options: Any,
) -> T:
    """Request 0 is the engine's look at the server."""

    async def run() -> T:
        async with running_server(ScriptedEngine(answer), faults=faults, name="m") as server:
            for name, value in (server_has or {}).items():
                setattr(server, name, value)
            revision = {"revision": "r1"} if options.get("api") == "completions" else {}
            given = {"api": "chat", "patience_s": 5} | revision | options
            engine = OpenAIEngine([server.url], "m", **given)
            await engine.start()
            try:
                return await body(engine, server)
            finally:
                await engine.close()

    return asyncio.run(run())


def complete(n: int = 1, schema: str = "", **options: Any) -> list[Completion]:
    return talk(lambda engine, _: engine.complete(request(n, schema=schema)), **options)


def sent(*requests: Request, **options: Any) -> list[dict[str, Any]]:
    """Bodies of what is posted for some requests in turn, after the look at the server."""

    async def body(engine: OpenAIEngine, server: Server) -> list[dict[str, Any]]:
        for one in requests:
            await engine.complete(one)
        return [body for _, body in server.seen][1:]

    return talk(body, **options)


def test_messages_go_out_and_contents_come_back() -> None:
    async def body(engine: OpenAIEngine, server: Server) -> tuple[list[Completion], Any]:
        return await engine.complete(request(2)), server.engine

    found, behind = talk(body)
    assert found == [Completion("incorrect", "stop", 10)] * 2
    assert behind.asked[-1].prompt.chat == MESSAGES


def test_a_chat_has_the_fields_of_a_completion() -> None:
    (body,) = sent(request(3, temperature=0.5, top_k=7, max_tokens=9, stop=("!",)))
    seed = body.pop("seed")
    assert 0 <= seed < 2**31
    assert body == {
        "model": "m",
        "messages": [
            {"role": "system", "content": "You judge."},
            {"role": "user", "content": "3 + 5 = 9"},
        ],
        "n": 3,
        "max_tokens": 9,
        "temperature": 0.5,
        "top_p": 1.0,
        "top_k": 7,
        "stop": ["!"],
    }


def test_a_prompt_that_is_no_chat_is_a_users_message() -> None:
    (body,) = sent(request(prompt=Prompt("3 + 5 = 8", (1, 2))))
    assert body["messages"] == [{"role": "user", "content": "3 + 5 = 8"}]


def test_a_completions_engine_continues_a_chats_text() -> None:
    (body,) = sent(request(), api="completions")
    assert body["prompt"] == "You judge.\n\n3 + 5 = 9\n"


def test_a_lone_surrogate_and_a_nul_are_sent() -> None:
    (body,) = sent(request(prompt=chat_prompt([("user", "a\ud800\0b")])))
    assert body["messages"][0]["content"] == "a\ud800\0b"


def test_a_server_that_only_chats_is_enough() -> None:
    assert complete(server_has={"chat_only": True})[0].text == "incorrect"


def test_completions_of_a_server_that_only_chats_are_refused_with_advice() -> None:
    with pytest.raises(EngineDown, match="can be a judge, with api = 'chat'"):
        complete(server_has={"chat_only": True}, api="completions")


def test_a_server_that_refuses_to_chat_is_said_at_start() -> None:
    with pytest.raises(EngineDown, match=r"refuses to chat: .*no messages here"):
        complete(server_has={"refuses": {"messages": "no messages here"}})


def test_reasoning_stands_before_the_answer() -> None:
    (found,) = complete(server_has={"reasoning": "3 + 5 is 8."})
    assert found.text == "<think>\n3 + 5 is 8.\n</think>\n\nincorrect"


def test_reasoning_that_is_cut_short_is_kept_and_answers_nothing() -> None:
    cut = Completion("", "length", 64)
    (found,) = complete(answer=lambda *_: cut, server_has={"reasoning": "3 + 5"})
    assert found == Completion("<think>\n3 + 5\n</think>\n\n", "length", 64)


def test_the_other_name_of_the_limit_is_used_once_it_is_named() -> None:
    wanted = {"refuses": {"max_tokens": SEE_INSTEAD}}
    bodies = sent(request(max_tokens=9), request(max_tokens=8), server_has=wanted)
    assert [body.get("max_completion_tokens") for body in bodies[1:]] == [9, 8]
    assert not any("max_tokens" in body for body in bodies[1:])


def test_the_other_name_and_no_schema_are_found_out_together() -> None:
    strict = {"refuses": {"max_tokens": SEE_INSTEAD, "response_format": "no such field"}}
    assert complete(2, SCHEMA, server_has=strict) == [Completion("incorrect", "stop", 10)] * 2


def test_a_schema_is_sent_as_chat_servers_have_it() -> None:
    (body,) = sent(request(schema=SCHEMA))
    assert body["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "verdicts", "schema": {"type": "object"}, "strict": True},
    }


def test_a_schema_is_sent_as_vllm_has_it_for_completions() -> None:
    (body,) = sent(request(schema=SCHEMA), api="completions")
    assert body["structured_outputs"] == {"json": {"type": "object"}}


@pytest.mark.parametrize(
    ("api", "name"), [("chat", "response_format"), ("completions", "structured_outputs")]
)
def test_a_schema_that_is_refused_is_sent_once_and_said_once(
    api: str, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    asked = [request(schema=SCHEMA)] * 3
    with caplog.at_level(logging.WARNING):
        bodies = sent(*asked, api=api, server_has={"refuses": {name: "no such field"}})
    assert [name in body for body in bodies] == [True, False, False, False]
    (warning,) = [record.getMessage() for record in caplog.records]
    assert warning.endswith(
        "no such field; without its JSON schema it is taken: none is sent any more"
    )


def test_a_server_of_one_choice_a_request_is_asked_as_often_as_needed() -> None:
    async def body(engine: OpenAIEngine, server: Server) -> list[int]:
        fault = Fault("status", 400)
        server.faults = lambda _: fault if server.seen[-1][1]["n"] > 1 else None
        assert len(await engine.complete(request(3, schema=SCHEMA))) == 3
        assert len(await engine.complete(request(2, schema=SCHEMA))) == 2
        assert all("response_format" in body for _, body in list(server.seen)[1:])
        return [body["n"] for _, body in server.seen]

    assert talk(body) == [1, 3, 1, 1, 1, 1, 1]


def test_a_server_that_refuses_schemas_still_gives_many_choices() -> None:
    refuses = {"refuses": {"response_format": "no such field"}}
    bodies = sent(request(3, schema=SCHEMA), request(4, schema=SCHEMA), server_has=refuses)
    assert [body["n"] for body in bodies] == [3, 1, 1, 2, 4]


def test_a_server_that_gave_many_choices_goes_on_to() -> None:
    async def body(engine: OpenAIEngine, server: Server) -> list[int]:
        fault = Fault("status", 400)
        server.faults = lambda at: fault if at == 2 else None
        for expected in (["incorrect"] * 3, [""] * 3, ["incorrect"] * 3):
            assert [one.text for one in await engine.complete(request(3))] == expected
        return [body["n"] for _, body in server.seen]

    assert talk(body) == [1, 3, 3, 3]


def test_many_that_are_refused_at_once_are_answered_and_said_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def body(engine: OpenAIEngine, _: Server) -> list[list[Completion]]:
        asked = [request(schema=SCHEMA)] * 20
        return await asyncio.gather(*map(engine.complete, asked))

    with caplog.at_level(logging.WARNING):
        found = talk(body, server_has={"refuses": {"response_format": "no such field"}})
    assert found == [[Completion("incorrect", "stop", 10)]] * 20
    assert len(caplog.records) == 1


def test_a_prompt_that_is_refused_with_and_without_schema_teaches_nothing() -> None:
    long = request(prompt=chat_prompt([("user", "too long")]), schema=SCHEMA)

    async def body(engine: OpenAIEngine, server: Server) -> list[Completion]:
        server.faults = lambda _: (
            Fault("status", 400) if "too long" in json.dumps(server.seen[-1][1]) else None
        )
        refused = await engine.complete(long)
        await engine.complete(request(schema=SCHEMA))
        assert "response_format" in server.seen[-1][1]
        return refused

    assert talk(body) == [FAILED]


@pytest.mark.parametrize(
    "fault",
    [Fault("status", 429, retry_after="0.01"), Fault("status", 503), Fault("close"), Fault("html")],
    ids=lambda fault: f"{fault.kind}-{fault.status}",
)
def test_a_passing_fault_is_tried_again(fault: Fault) -> None:
    found = complete(2, faults=lambda at: fault if at == 1 else None)
    assert [one.text for one in found] == ["incorrect", "incorrect"]


def test_retry_after_is_honoured() -> None:
    begun = time.monotonic()
    fault = Fault("status", 429, retry_after="0.5")
    complete(faults=lambda at: fault if at == 1 else None)
    assert time.monotonic() - begun >= 0.5


def test_missing_choices_are_asked_for_and_what_came_is_kept() -> None:
    few = Fault("few", keep=2)

    async def body(engine: OpenAIEngine, server: Server) -> list[int]:
        assert len(await engine.complete(request(5))) == 5
        return [body["n"] for _, body in server.seen]

    assert talk(body, faults=lambda at: few if at == 1 else None) == [1, 5, 3]


def test_every_request_waits_for_its_turn_tries_included() -> None:
    """The list of models, the look at the server, two faults and the answer: five of 120 a minute,
    of which two may go at once."""
    begun = time.monotonic()
    fault = Fault("status", 500)
    complete(faults=lambda at: fault if at in (1, 2) else None, requests_per_minute=120)
    assert time.monotonic() - begun >= 1.4


def test_to_wait_for_ones_turn_is_no_silence_of_the_server() -> None:
    """With a patience of 0.2 s and a turn every half second, one fault is no reason to give up."""
    fault = Fault("status", 500)
    options = {"requests_per_minute": 120, "patience_s": 0.2}

    async def body(engine: OpenAIEngine, server: Server) -> list[int]:
        server.faults = lambda at: fault if at == 1 else None
        assert (await engine.complete(request()))[0].text == "incorrect"
        return [body["max_tokens"] for _, body in server.seen]

    assert talk(body, **options) == [16, 256, 256]  # no look for life between the two tries


def test_a_chat_has_another_identity_than_completions_of_one_model() -> None:
    async def revision(engine: OpenAIEngine, _: Server) -> str:
        return engine.identity.model_revision

    assert talk(revision, revision="abc") == "chat:abc"
    assert talk(revision, revision="abc", api="completions") == "abc"


def test_a_chat_scores_nothing_and_asks_nobody() -> None:
    async def body(engine: OpenAIEngine, server: Server) -> int:
        assert await engine.score("p", CHAT, Prompt("correct")) is None
        return len(server.seen)

    assert talk(body) == 1


def test_a_chats_text_is_its_contents_without_roles() -> None:
    prompt = chat_prompt([("system", "Judge.\n"), ("user", "3 + 5 = 9")])
    assert prompt == Prompt(
        "Judge.\n\n3 + 5 = 9\n", None, (("system", "Judge.\n"), ("user", "3 + 5 = 9"))
    )
