"""The openai engine against a real server on the loopback address, with real faults."""

import asyncio
import logging
import re
import socket
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import pytest

from pipeline.engines import asking
from pipeline.engines.base import FAILED, Completion, Prompt, Request, Sampling
from pipeline.engines.known_policies import KnownPolicies
from pipeline.engines.openai import OpenAIEngine
from pipeline.engines.server import Fault, Faults, Server, running_server
from pipeline.engines.stub import StubEngine
from pipeline.errors import EngineDown, RecipeError

T = TypeVar("T")
TEXT = "Add up: 3 + 5 + 8 + 2"
RIGHT = "3 + 5 = 8\n\n8 + 8 = 16\n\n16 + 2 = 18\n\nThe answer is 18."


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "FIRST_WAIT_S", 0.01)
    monkeypatch.setattr(asking, "LONGEST_WAIT_S", 0.05)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


def request(n: int = 1, first: int = 0, problem: str = "p", **sampling: Any) -> Request:
    return Request(problem, Prompt(TEXT), n, first, Sampling(**sampling), seed=7)


def talk(
    body: Callable[[OpenAIEngine, Server], Awaitable[T]],
    *,
    spec: str = "error=0",
    faults: Faults | None = None,
    **options: Any,
) -> T:
    """Request 0 is the engine's probe."""

    async def run() -> T:
        stub = StubEngine(spec)
        async with running_server(stub, faults=faults) as server:
            engine = OpenAIEngine(
                [server.url], "stub", **({"patience_s": 5.0, "revision": "r1"} | options)
            )
            await engine.start()
            try:
                return await body(engine, server)
            finally:
                await engine.close()

    return asyncio.run(run())


def complete(n: int = 1, **options: Any) -> list[Completion]:
    return talk(lambda engine, _: engine.complete(request(n)), **options)


def prompt(server: Server) -> Any:
    """Of the request that is being answered."""
    return server.seen[-1][1]["prompt"]


class ScoredStub(StubEngine):
    """Says that each token has log-probability -0.5, where it is asked."""

    async def complete(self, request: Request) -> list[Completion]:
        completions = await super().complete(request)
        if not request.logprobs:
            return completions
        return [replace(one, logprobs=(-0.5,) * len(one.token_ids or ())) for one in completions]


async def ask_strict(refuse: Callable[[dict[str, Any]], bool]) -> tuple[Server, list[Completion]]:
    """One scored completion from a server that refuses some requests; it and the answer."""
    async with running_server(ScoredStub("error=0")) as server:
        server.faults = lambda _: Fault("status", 400) if refuse(server.seen[-1][1]) else None
        engine = OpenAIEngine([server.url], "stub", patience_s=5.0, revision="r1")
        await engine.start()
        try:
            prompt = Prompt(TEXT, tuple(map(ord, TEXT)))
            asked = Request("p", prompt, 1, 0, Sampling(), seed=7, logprobs=True)
            return server, await engine.complete(asked)
        finally:
            await engine.close()


def only(index: int, fault: Fault) -> Faults:
    return lambda at: fault if at == index else None


def always(fault: Fault) -> Faults:
    return lambda at: fault if at else None


def test_a_completion_has_text_ids_and_count() -> None:
    ids = tuple(map(ord, RIGHT))
    assert complete(2) == [Completion(RIGHT, "stop", len(RIGHT) + 1, ids)] * 2


def test_draws_differ_and_equal_requests_are_equal() -> None:
    async def body(engine: OpenAIEngine, _: Server) -> None:
        one, again = await engine.complete(request(6)), await engine.complete(request(6))
        other = await engine.complete(request(6, first=6))
        assert one == again
        assert one != other

    talk(body, spec="error=0.5")


def test_sampling_is_sent_and_silent_options_are_not() -> None:
    async def body(engine: OpenAIEngine, server: Server) -> None:
        await engine.complete(request(temperature=0.5, top_k=7, max_tokens=9, stop=("!",)))
        await engine.complete(request())
        first, second = server.seen[1][1], server.seen[2][1]
        sent = {key: first[key] for key in ("temperature", "top_k", "max_tokens", "stop", "n")}
        expected = {"temperature": 0.5, "top_k": 7, "max_tokens": 9, "stop": ["!"], "n": 1}
        assert sent == expected
        assert "top_k" not in second
        assert "stop" not in second

    talk(body)


@pytest.mark.parametrize(("owner", "seeded"), [("vllm", False), ("somebody", True)])
def test_vllm_gets_no_seeds(owner: str, seeded: bool) -> None:
    async def run() -> bool:
        async with running_server(StubEngine("error=0")) as server:
            server.owner = owner
            engine = OpenAIEngine([server.url], "stub", revision="r1")
            await engine.start()
            await engine.complete(request())
            await engine.close()
            return "seed" in server.seen[-1][1]

    assert asyncio.run(run()) is seeded


def test_token_ids_are_sent_as_the_prompt() -> None:
    async def body(engine: OpenAIEngine, server: Server) -> None:
        ids = tuple(map(ord, TEXT))
        await engine.complete(Request("p", Prompt(TEXT, ids), 1, 0, Sampling(), 7))
        session, sent = server.seen[-1]
        assert (session, sent["prompt"]) == ("p", list(ids))

    talk(body)


def test_a_server_that_refuses_ids_gets_text() -> None:
    server, _ = asyncio.run(ask_strict(lambda sent: isinstance(sent["prompt"], list)))
    assert server.seen[-1][1]["prompt"] == TEXT


@pytest.mark.parametrize(
    "fault",
    [
        Fault("status", 429, retry_after="0.01"),
        Fault("status", 500),
        Fault("status", 503),
        Fault("close"),
        Fault("html"),
        Fault("truncated"),
    ],
    ids=lambda fault: f"{fault.kind}-{fault.status}",
)
def test_a_passing_fault_is_tried_again(fault: Fault) -> None:
    assert [one.text for one in complete(2, faults=only(1, fault))] == [RIGHT, RIGHT]


def test_a_hanging_request_is_tried_again_after_the_time_limit() -> None:
    faults = only(1, Fault("hang", seconds=60))
    assert complete(faults=faults, timeout_s=0.2)[0].text == RIGHT


def test_retry_after_is_honoured() -> None:
    begun = time.monotonic()
    complete(faults=only(1, Fault("status", 429, retry_after="0.5")))
    assert time.monotonic() - begun >= 0.5


def test_missing_choices_are_asked_for_and_what_came_is_kept() -> None:
    async def body(engine: OpenAIEngine, server: Server) -> None:
        assert len(await engine.complete(request(5))) == 5
        assert [sent["n"] for _, sent in server.seen] == [1, 5, 3]

    talk(body, faults=only(1, Fault("few", keep=2)))


def test_an_empty_text_is_an_answer() -> None:
    assert complete(faults=always(Fault("empty"))) == [Completion("", "stop", 1, ())]


def test_a_refused_prompt_is_data() -> None:
    assert complete(3, faults=always(Fault("status", 400))) == [FAILED] * 3


def test_a_request_that_fails_alone_is_given_up() -> None:
    poison = Request("p", Prompt("poison"), 2, 0, Sampling(), 7)

    async def body(engine: OpenAIEngine, server: Server) -> list[Completion]:
        server.faults = lambda _: Fault("status", 500) if prompt(server) == "poison" else None
        task = asyncio.create_task(engine.complete(poison))
        while not task.done():
            assert (await engine.complete(request()))[0].text == RIGHT
        return await task

    assert talk(body, patience_s=60.0) == [FAILED, FAILED]


def test_the_last_request_that_fails_on_a_healthy_server_is_data() -> None:
    async def body(engine: OpenAIEngine, server: Server) -> list[Completion]:
        server.faults = lambda _: Fault("status", 500) if prompt(server) == TEXT else None
        return await engine.complete(request())

    assert talk(body, patience_s=0.3) == [FAILED]


def test_a_fault_in_looking_for_life_does_not_end_the_run() -> None:
    async def body(engine: OpenAIEngine, server: Server) -> list[Completion]:
        looked: list[int] = []

        def faults(at: int) -> Fault | None:
            if prompt(server) != TEXT:
                looked.append(at)
            return Fault("status", 500) if prompt(server) == TEXT or len(looked) == 1 else None

        server.faults = faults
        return await engine.complete(request())

    assert talk(body, patience_s=0.3) == [FAILED]


def test_no_answer_to_anyone_is_engine_down() -> None:
    with pytest.raises(EngineDown, match=r"no answer for 0.3 s from http://127.*HTTP 500.*vllm"):
        complete(faults=always(Fault("status", 500)), patience_s=0.3)


def test_a_server_that_dies_is_engine_down_for_everyone() -> None:
    async def run() -> list[Any]:
        async with running_server(StubEngine("latency_ms=50")) as server:
            engine = OpenAIEngine([server.url], "stub", patience_s=0.5, revision="r1")
            await engine.start()
            tasks = [
                asyncio.create_task(engine.complete(request(first=index))) for index in range(20)
            ]
            await asyncio.sleep(0.01)
        try:
            return await asyncio.gather(*tasks, return_exceptions=True)
        finally:
            await engine.close()

    assert {type(result) for result in asyncio.run(run())} == {EngineDown}


@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_key_is_engine_down_and_not_shown(
    status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    with pytest.raises(EngineDown, match="OPENAI_API_KEY") as caught:
        complete(faults=always(Fault("status", status)))
    assert "sk-secret" not in repr((caught.value, caught.value.fields))


def test_a_wrong_model_name_lists_what_is_served() -> None:
    async def run() -> None:
        async with running_server(StubEngine(), name="toy-7b") as server:
            await OpenAIEngine([server.url], "toy").start()

    with pytest.raises(EngineDown, match="does not serve the model 'toy'; it serves: toy-7b"):
        asyncio.run(run())


def free_url() -> str:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{one.getsockname()[1]}/v1"


def test_no_server_at_start_names_the_url_and_what_to_start() -> None:
    url = free_url()
    with pytest.raises(
        EngineDown, match=r"no server answers.*vllm serve toy --port 8000"
    ) as caught:
        asyncio.run(OpenAIEngine([url], "toy").start())
    assert url in caught.value.message


@pytest.mark.parametrize("urls", [[], ["localhost:8000/v1"]])
def test_what_is_no_url_is_a_recipe_error(urls: list[str]) -> None:
    with pytest.raises(RecipeError, match="URLs like http://host:port/v1 wanted"):
        OpenAIEngine(urls, "toy")


def test_something_else_at_the_url_is_said() -> None:
    async def run() -> None:
        async with running_server(StubEngine()) as server:
            await OpenAIEngine([server.url.removesuffix("/v1")], "stub").start()

    with pytest.raises(EngineDown, match="does the URL end in /v1"):
        asyncio.run(run())


def test_requests_of_one_problem_go_to_one_url_and_move_when_it_is_down() -> None:
    async def run() -> tuple[list[set[str]], list[Completion]]:
        stub = StubEngine("error=0")
        async with running_server(stub) as first:
            async with running_server(stub) as second:
                engine = OpenAIEngine(
                    [first.url, second.url], "stub", patience_s=5.0, revision="r1"
                )
                await engine.start()
                asked = [request(problem=f"p{index % 20}", first=index) for index in range(60)]
                await asyncio.gather(*map(engine.complete, asked))
                places = [{session for session, _ in one.seen} for one in (first, second)]
            moved = [await engine.complete(one) for one in asked[:20]]
            await engine.close()
            return places, [completion for part in moved for completion in part]

    (at_first, at_second), moved = asyncio.run(run())
    assert len(at_first - {"probe"}) + len(at_second - {"probe"}) == 20
    assert min(len(at_first), len(at_second)) >= 3
    assert [one.text for one in moved] == [RIGHT] * 20


def test_one_url_that_is_down_at_start_is_passed_over() -> None:
    async def run() -> list[Completion]:
        async with running_server(StubEngine("error=0")) as server:
            engine = OpenAIEngine([free_url(), server.url], "stub", patience_s=5.0, revision="r1")
            await engine.start()
            asked = [request(problem=f"p{index}") for index in range(10)]
            parts = await asyncio.gather(*map(engine.complete, asked))
            await engine.close()
            return [completion for part in parts for completion in part]

    assert [one.text for one in asyncio.run(run())] == [RIGHT] * 10


def test_large_requests_are_split_and_running_sequences_bounded() -> None:
    async def body(engine: OpenAIEngine, server: Server) -> None:
        assert len(set(await engine.complete(request(10)))) > 3
        assert [sent["n"] for _, sent in server.seen][1:] == [4, 4, 2]

    talk(body, spec="error=0.5", max_running=4)


async def identity(engine: OpenAIEngine, _: Server) -> str:
    return engine.identity.model_revision


def test_identity_is_the_revision() -> None:
    assert talk(identity, revision="abc") == "abc"


def test_without_a_revision_it_is_the_fingerprint_that_was_seen_first(tmp_path: Path) -> None:
    known = KnownPolicies([tmp_path])
    unnamed = talk(identity, revision="", known=known)
    assert re.fullmatch("fingerprint:[0-9a-f]{12}", unnamed)
    assert talk(identity, revision="", known=known) == unnamed
    assert talk(identity, revision="", known=known, spec="revision=b") != unnamed


def test_a_server_that_lists_no_tokens_needs_a_revision() -> None:
    async def run() -> None:
        async with running_server(StubEngine()) as server:
            server.refuses["logprobs"] = "logprobs are not supported"
            await OpenAIEngine([server.url], "stub").start()

    with pytest.raises(RecipeError, match="say in `revision` what they are"):
        asyncio.run(run())


def test_two_urls_with_two_policies_are_refused() -> None:
    async def run() -> None:
        async with (
            running_server(StubEngine("error=0.1")) as one,
            running_server(StubEngine("error=0.2")) as other,
        ):
            await OpenAIEngine([one.url, other.url], "stub").start()

    with pytest.raises(EngineDown, match="serves another model than this run began with"):
        asyncio.run(run())


def test_a_change_of_weights_behind_the_same_name_is_seen_at_the_end() -> None:
    async def body(engine: OpenAIEngine, server: Server) -> None:
        await engine.verify()
        server.engine = StubEngine("error=0.5")
        with pytest.raises(EngineDown, match="Serve the old weights again"):
            await engine.verify()

    talk(body, revision="")


def test_a_server_that_comes_back_with_other_weights_ends_the_run() -> None:
    async def run() -> None:
        async with running_server(StubEngine("error=0")) as first:
            port = int(first.url.split(":")[2].removesuffix("/v1"))
            engine = OpenAIEngine([first.url], "stub", patience_s=20.0)
            await engine.start()
        try:
            task = asyncio.create_task(engine.complete(request()))
            await asyncio.sleep(0.1)
            async with running_server(StubEngine("error=0.5"), port=port):
                await task
        finally:
            await engine.close()

    with pytest.raises(EngineDown, match="serves another model than this run began with"):
        asyncio.run(run())


def test_a_tokenizer_file_gives_offsets_and_a_hash(tmp_path: Path) -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers

    tokenizer = Tokenizer(models.WordLevel({"a": 0, "b": 1}, unk_token="a"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    engine = OpenAIEngine(["http://x/v1"], "m", tokenizer=tmp_path / "tokenizer.json")
    assert engine.encode("a b") == (0, 1)
    assert engine.char_ends((0, 1)) == [1, 3]
    assert len(engine.identity.tokenizer_hash) == 16
    assert OpenAIEngine(["http://x/v1"], "m").encode("a b") is None


def test_log_probabilities_come_where_they_are_asked_for() -> None:
    server, (completion,) = asyncio.run(ask_strict(lambda _: False))
    assert completion.text == RIGHT
    assert completion.logprobs == (-0.5,) * len(RIGHT)
    assert [sent["logprobs"] for _, sent in server.seen] == [0, 0]  # of the probe and the request


def test_log_probabilities_are_not_asked_for_without_a_wish() -> None:
    async def body(engine: OpenAIEngine, server: Server) -> None:
        await engine.complete(request())
        assert "logprobs" not in server.seen[-1][1]

    talk(body)


def test_a_server_that_refuses_the_field_gives_ids_all_the_same() -> None:
    server, completions = asyncio.run(ask_strict(lambda sent: "logprobs" in sent))
    assert completions == [Completion(RIGHT, "stop", len(RIGHT) + 1, tuple(map(ord, RIGHT)))]
    assert len(server.seen) == 3  # two probes
    assert isinstance(server.seen[-1][1]["prompt"], list)


def test_a_server_that_trips_over_the_field_gives_ids_all_the_same() -> None:
    async def run() -> list[Completion]:
        async with running_server(StubEngine("error=0")) as server:
            server.faults = lambda _: (
                Fault("status", 500) if "logprobs" in server.seen[-1][1] else None
            )
            engine = OpenAIEngine([server.url], "stub", patience_s=0.1, revision="r1")
            await engine.start()
            try:
                return await engine.complete(request())
            finally:
                await engine.close()

    assert asyncio.run(run())[0].token_ids == tuple(map(ord, RIGHT))


def test_a_server_that_refuses_ids_as_prompts_still_gives_log_probabilities() -> None:
    server, (completion,) = asyncio.run(ask_strict(lambda sent: isinstance(sent["prompt"], list)))
    assert completion.logprobs == (-0.5,) * len(RIGHT)
    assert len(server.seen) == 5  # four probes


def test_a_server_without_ids_is_not_asked_for_log_probabilities(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING):
        server, (completion,) = asyncio.run(ask_strict(lambda sent: "return_token_ids" in sent))
    assert (completion.text, completion.token_ids, completion.logprobs) == (RIGHT, None, None)
    assert "logprobs" not in server.seen[-1][1]
    assert [record.getMessage() for record in caplog.records] == [
        "the server gives no log-probabilities of known tokens: none are recorded"
    ]
