"""How likely a given text is: the same from every engine, and the engine's own numbers."""

import asyncio
import logging
import math
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import pytest

from pipeline.engines import asking
from pipeline.engines.answers import BadAnswer
from pipeline.engines.base import Completion, Engine, Prompt, Request, Sampling, Scored
from pipeline.engines.embedded import EmbeddedEngine
from pipeline.engines.faults import Fault, Faults
from pipeline.engines.openai import OpenAIEngine
from pipeline.engines.prompt_logprobs import RatedIds, RatedText, prompt_tokens
from pipeline.engines.server import Server, running_server
from pipeline.engines.stub import StubEngine
from pipeline.engines.toy_chance import total_chances
from pipeline.errors import EngineDown

T = TypeVar("T")
SMALL = Path(__file__).parents[2] / "data" / "policies" / "small"
TOKENIZER = SMALL / "tokenizer.json"
PROBLEM = (
    "Tim has 4 pens. Measured against Tim, Zoe has 3 more pens. How many pens does Zoe have?\n"
)
SUM = "Add up: 3 + 5 + 8\n"
ANSWER = Prompt("The answer is 16.")


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "FIRST_WAIT_S", 0.01)
    monkeypatch.setattr(asking, "LONGEST_WAIT_S", 0.05)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


def embedded(body: Callable[[EmbeddedEngine], Awaitable[T]]) -> T:
    async def run() -> T:
        engine = EmbeddedEngine(SMALL)
        await engine.start()
        try:
            return await body(engine)
        finally:
            await engine.close()

    return asyncio.run(run())


def served(
    engine: Engine,
    body: Callable[[OpenAIEngine, Server], Awaitable[T]],
    faults: Faults | None = None,
    **options: Any,
) -> T:
    """Request 0 is the engine's probe, request 1 asks whether prompts are rated."""

    async def run() -> T:
        await engine.start()
        async with running_server(engine, faults=faults) as server:
            client = OpenAIEngine(
                [server.url], "stub", **({"patience_s": 5.0, "revision": "r1"} | options)
            )
            await client.start()
            try:
                return await body(client, server)
            finally:
                await client.close()
                await engine.close()

    return asyncio.run(run())


def score(engine: Engine, prompt: str, continuation: Prompt = ANSWER) -> Scored | None:
    return asyncio.run(engine.score("p", Prompt(prompt), continuation))


# The embedded engine.


def test_scores_are_the_log_probabilities_of_the_engine_s_own_completion() -> None:
    async def body(engine: EmbeddedEngine) -> None:
        ids = engine.encode(PROBLEM)
        asked = Request("p", Prompt(PROBLEM, ids), 4, 0, Sampling(), 0, logprobs=True)
        for one in await engine.complete(asked):
            assert one.token_ids is not None
            assert one.logprobs is not None
            kept = one.text.index("\n\n") + 2  # a blank line is one token: here tokens end
            cut = engine.char_ends(one.token_ids).index(kept) + 1
            prompt = Prompt(PROBLEM + one.text[:kept], ids + one.token_ids[:cut])
            rest = one.token_ids[cut:]
            by_ids = await engine.score("p", prompt, Prompt(one.text[kept:], rest))
            assert by_ids is not None
            # int8 rounding depends on what shares a pass: 0.22 a token was the most ever seen.
            assert by_ids.logprobs == pytest.approx(one.logprobs[cut:], abs=0.3)
            mean, own = (sum(part) / len(rest) for part in (by_ids.logprobs, one.logprobs[cut:]))
            assert mean == pytest.approx(own, abs=0.02)
            assert by_ids.ends == tuple(engine.char_ends(rest))
            if engine.encode(one.text[kept:]) == rest:
                by_text = await engine.score("p", prompt, Prompt(one.text[kept:]))
                assert by_text is not None
                assert by_text.logprobs == pytest.approx(by_ids.logprobs, abs=1e-3)

    embedded(body)


def test_tokens_end_where_they_end_in_the_continuation() -> None:
    found = embedded(lambda engine: engine.score("p", Prompt(PROBLEM), Prompt("The answer is 42.")))
    assert found is not None
    # The| answer| is| 4|2|.
    assert found.ends == (3, 10, 13, 15, 16, 17)
    assert len(found.logprobs) == 6
    assert max(found.logprobs) <= 0


def test_a_continuation_is_encoded_by_itself() -> None:
    """ " answer" is one token, and a prompt that ends within it does not change that."""

    async def body(engine: EmbeddedEngine) -> None:
        assert len(engine.encode(" answer")) == 1
        found = await engine.score("p", Prompt(PROBLEM + " ans"), Prompt("wer"))
        assert found is not None
        ids = engine.encode(PROBLEM + " ans")
        same = await engine.score("p", Prompt("", ids), Prompt("", engine.encode("wer")))
        assert same == found

    embedded(body)


def test_scores_of_many_prefixes_share_batches() -> None:
    async def body(engine: EmbeddedEngine) -> tuple[int, int]:
        generator, batches = engine._generator, []

        class Counting:
            def score_batch(self, sequences: list[list[str]], **options: Any) -> Any:
                batches.append(len(sequences))
                return generator.score_batch(sequences, **options)

        engine._generator = Counting()
        prompts = [Prompt(PROBLEM + "Tim has 4 pens. " * (index % 7)) for index in range(320)]
        found = await asyncio.gather(*(engine.score("p", one, ANSWER) for one in prompts))
        assert None not in found
        assert len(set(found)) <= 7 * 2  # equal inputs, but for rounding in unequal batches
        return sum(batches), len(batches)

    asked, batches = embedded(body)
    assert asked == 320
    assert batches <= 45  # of 16, or a few less


@pytest.mark.parametrize(
    ("prompt", "continuation"),
    [
        (Prompt(""), ANSWER),  # the first token of all has no probability
        (Prompt(PROBLEM), Prompt("")),
        (Prompt("", (5, 99_999)), ANSWER),
        (Prompt(PROBLEM), Prompt("", (5, -1))),
        (Prompt("a\ud800"), ANSWER),
        (Prompt(PROBLEM), Prompt("a\ud800")),
        (Prompt("", (5,) * 100_000), ANSWER),  # more than there are positions
    ],
)
def test_what_the_model_cannot_read_is_none(prompt: Prompt, continuation: Prompt) -> None:
    assert embedded(lambda engine: engine.score("p", prompt, continuation)) is None


def test_a_batch_that_cannot_be_scored_is_tried_member_by_member(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def body(engine: EmbeddedEngine) -> list[Scored | None]:
        generator, poison = engine._generator, engine._pieces[70]

        class Poisoned:
            def score_batch(self, sequences: list[list[str]], **options: Any) -> Any:
                if any(pieces[0] == poison for pieces in sequences):
                    raise RuntimeError("poisoned")
                return generator.score_batch(sequences, **options)

        engine._generator = Poisoned()
        prompts = [Prompt("", (65,)), Prompt("", (70,)), Prompt("", (66,)), Prompt("", (70, 1))]
        return list(await asyncio.gather(*(engine.score("p", one, ANSWER) for one in prompts)))

    with caplog.at_level(logging.WARNING):
        found = embedded(body)
    assert [one is None for one in found] == [False, True, False, True]
    assert len(caplog.records) == 1


def test_an_engine_that_is_not_there_is_down() -> None:
    with pytest.raises(EngineDown, match="not started"):
        asyncio.run(EmbeddedEngine(SMALL).score("p", Prompt(PROBLEM), ANSWER))


# The stub: its own process in closed form.


def test_the_stub_is_sure_of_itself_without_errors() -> None:
    found = score(StubEngine("error=0"), SUM)
    assert found == Scored((0.0,) * 17, tuple(range(1, 18)))


def test_the_stub_s_number_carries_the_chance_of_ending_in_it() -> None:
    """One addition is left: it errs with chance 0.2, and 15 is one of its ten errors."""
    engine, prompt = StubEngine("error=0.2,luck=0,garble=0.5"), SUM + "3 + 5 = 8\n\n"
    for number, chance in ((16, 0.8 * 0.5), (15, 0.02 * 0.5)):
        found = score(engine, prompt, Prompt(f"The answer is {number}."))
        assert found is not None
        assert found.logprobs[14] == pytest.approx(math.log(chance))
        assert sum(found.logprobs) == found.logprobs[14]


def test_the_stub_scores_what_it_draws() -> None:
    engine = StubEngine("error=0.3,repair=0.2,luck=0.1,spread=0.5")
    prompt, draws = SUM + "3 + 5 = 9\n\n", 20_000
    asked = Request("p", Prompt(prompt), draws, 0, Sampling(), seed=1)
    completions = asyncio.run(engine.complete(asked))
    seen = Counter(one.text.rpartition("\n\n")[2] for one in completions)
    assert len(seen) > 5
    for sentence, count in seen.items():
        found = score(engine, prompt, Prompt(sentence))
        assert found is not None
        chance = math.exp(sum(found.logprobs))
        assert abs(count / draws - chance) < 5 * math.sqrt(chance * (1 - chance) / draws)


def test_the_stub_holds_the_impossible_for_very_unlikely() -> None:
    found = score(StubEngine("error=0"), SUM, Prompt("The answer is 9."))
    assert found is not None
    assert min(found.logprobs) == -30.0


@pytest.mark.parametrize(
    ("prompt", "text"),
    [
        (SUM, "The answer is unknown."),
        (SUM, "The answer is 16. Or so."),
        (SUM + "The answer is 16.\n", "The answer is 16."),
        ("What is love?\n", "The answer is 16."),
    ],
)
def test_the_stub_knows_of_answers_alone(prompt: str, text: str) -> None:
    assert score(StubEngine(), prompt, Prompt(text)) is None


def test_the_stub_fails_and_logs_as_told(tmp_path: Path) -> None:
    async def run(spec: str) -> Scored | None:
        engine = StubEngine(f"{spec},log={tmp_path / 'log'}")
        await engine.start()
        found = await engine.score("p", Prompt(SUM), ANSWER)
        await engine.close()
        return found

    assert asyncio.run(run("fail=1")) is None
    assert asyncio.run(run("fail=0")) is not None
    assert [line.split()[1] for line in (tmp_path / "log").read_text().splitlines()] == ["score"]


def test_chances_of_all_totals_add_up_to_one() -> None:
    chances = total_chances([3, 5, 8, 2], 1, 7, error=0.2, repair=0.1, luck=0.3)
    assert sum(chances.values()) == pytest.approx(1.0)
    assert max(chances, key=lambda total: chances[total]) == 18


# What a server says.


def said(*tokens: tuple[int, str, float] | None) -> dict[str, Any]:
    rated = [
        None
        if one is None
        else {str(one[0]): {"logprob": one[2], "rank": 1, "decoded_token": one[1]}}
        for one in tokens
    ]
    return {"choices": [{"index": 0, "text": "x", "prompt_logprobs": rated}]}


WHOLE = said(None, (7, " is", -0.5), (8, " 4", -1.5), (9, "2", -0.25))


def test_ids_are_looked_up_beside_what_else_is_listed() -> None:
    answer = said(None, (7, " is", -0.5), (8, " 4", -1.5))
    listed = answer["choices"][0]["prompt_logprobs"][2]
    answer["choices"][0]["prompt_logprobs"][2] = {"3": {"logprob": -0.1}} | listed
    assert RatedIds((5, 7), (8,), (2,)).read(answer) == [Scored((-1.5,), (2,))]


def test_a_list_of_another_length_is_another_prompt_s() -> None:
    assert RatedIds((5, 7), (8, 9), (2, 3)).read(WHOLE) == [Scored((-1.5, -0.25), (2, 3))]
    assert RatedIds((7,), (8, 9), (2, 3)).read(WHOLE) == [None]
    assert RatedIds((5, 7), (8, 10), (2, 3)).read(WHOLE) == [None]


def test_the_end_of_a_text_is_found_by_its_tokens() -> None:
    assert RatedText("It is", " 42").read(WHOLE) == [Scored((-1.5, -0.25), (2, 3))]


def test_a_token_over_the_boundary_is_the_continuation_s() -> None:
    assert RatedText("It is ", "42").read(WHOLE) == [Scored((-1.5, -0.25), (1, 2))]


@pytest.mark.parametrize(
    ("given", "asked"),
    [("It is", " 43"), ("It is", "42"), ("It", " was 42"), ("", "It is 42"), ("It is 42", "")],
)
def test_tokens_that_do_not_join_to_the_text_tell_nothing(given: str, asked: str) -> None:
    assert RatedText(given, asked).read(WHOLE) == [None]


@pytest.mark.parametrize("value", [-9999.0, 0.5, float("nan")])
def test_one_number_that_is_none_makes_all_unknown(value: float) -> None:
    answer = said(None, (8, "4", value), (9, "2", -0.25))
    assert RatedIds((5,), (8, 9), (1, 2)).read(answer) == [None]
    assert RatedText("x", "42").read(answer) == [None]


@pytest.mark.parametrize("answer", [{}, {"choices": []}, {"choices": [{"prompt_logprobs": None}]}])
def test_an_answer_without_the_list_is_a_bad_one(answer: dict[str, Any]) -> None:
    with pytest.raises(BadAnswer):
        prompt_tokens(answer)


# The openai engine, end to end.


def test_a_server_gives_the_scores_of_the_engine_behind_it() -> None:
    async def body(client: OpenAIEngine, server: Server) -> None:
        engine = server.engine
        ids = engine.encode(PROBLEM)
        for text in ("The answer is 7.", "Tim has 4 pens.\n\n", "é"):
            own = await engine.score("p", Prompt(PROBLEM, ids), Prompt(text))
            found = await client.score("p", Prompt(PROBLEM, ids), Prompt(text))
            assert own is not None
            assert found is not None
            assert found.logprobs == pytest.approx(own.logprobs, abs=1e-3)
            assert found.ends == own.ends
            asked = server.seen[-1][1]
            assert asked["prompt"] == [*(ids or ()), *(engine.encode(text) or ())]
            assert (asked["max_tokens"], asked["prompt_logprobs"]) == (1, 0)

    served(EmbeddedEngine(SMALL), body, tokenizer=TOKENIZER)


@pytest.mark.parametrize("tokenizer", [None, TOKENIZER])
def test_a_prompt_that_is_text_is_sent_as_text(tokenizer: Path | None) -> None:
    async def body(client: OpenAIEngine, server: Server) -> None:
        own = await server.engine.score("p", Prompt(PROBLEM), Prompt("The answer is 7."))
        found = await client.score("p", Prompt(PROBLEM), Prompt("The answer is 7."))
        assert own is not None
        assert found is not None
        assert server.seen[-1][1]["prompt"] == PROBLEM + "The answer is 7."
        assert found.logprobs == pytest.approx(own.logprobs, abs=1e-3)
        assert found.ends == own.ends

    served(EmbeddedEngine(SMALL), body, tokenizer=tokenizer)


def test_a_server_over_the_stub_gives_its_chances() -> None:
    async def body(client: OpenAIEngine, server: Server) -> None:
        prompt = Prompt(SUM + "3 + 5 = 8\n\n")
        assert await client.score("p", prompt, ANSWER) == await server.engine.score(
            "p", prompt, ANSWER
        )
        assert await client.score("p", prompt, Prompt("Or so.")) is None

    served(StubEngine("error=0.2"), body)


FAULTS = [
    Fault("status", 429, retry_after="0.01"),
    Fault("status", 500),
    Fault("close"),
    Fault("html"),
    Fault("truncated"),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_that_passes_leaves_no_trace(fault: Fault) -> None:
    def twice(index: int) -> Fault | None:
        return fault if index in (2, 3) else None

    async def body(client: OpenAIEngine, server: Server) -> None:
        found = await client.score("p", Prompt(SUM), ANSWER)
        assert found == await server.engine.score("p", Prompt(SUM), ANSWER)
        assert server.requests == 5

    served(StubEngine(), body, faults=twice)


def test_a_refused_score_is_none_and_the_others_go_on(caplog: pytest.LogCaptureFixture) -> None:
    def second(index: int) -> Fault | None:
        return Fault("status", 400) if index == 2 else None

    async def body(client: OpenAIEngine, _: Server) -> list[Scored | None]:
        return [await client.score("p", Prompt(SUM), ANSWER) for _ in range(2)]

    with caplog.at_level(logging.WARNING):
        found = served(StubEngine(), body, faults=second)
    assert [one is None for one in found] == [True, False]
    assert caplog.records[0].getMessage().endswith("; its score is recorded as unknown")


def test_a_server_that_does_not_know_the_field_is_asked_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def nothing(*_: Any) -> None:
        return None

    monkeypatch.setattr("pipeline.engines.server.prompt_logprobs", nothing)

    async def body(client: OpenAIEngine, server: Server) -> int:
        asked = [client.score("p", Prompt(SUM), ANSWER) for _ in range(20)]
        assert set(await asyncio.gather(*asked)) == {None}
        return server.requests

    with caplog.at_level(logging.WARNING):
        assert served(StubEngine(), body) == 2
    assert [record.getMessage() for record in caplog.records] == [
        "the server gives no log-probabilities of a prompt (no list of prompt_logprobs): no scores"
    ]


def test_a_server_that_refuses_the_field_is_asked_once() -> None:
    async def body(client: OpenAIEngine, server: Server) -> int:
        server.faults = lambda _: (
            Fault("status", 400) if "prompt_logprobs" in server.seen[-1][1] else None
        )
        assert await client.score("p", Prompt(SUM), ANSWER) is None
        assert await client.score("q", Prompt(SUM), ANSWER) is None
        return server.requests

    assert served(StubEngine(), body) == 2


def test_a_server_that_is_gone_ends_scores_with_engine_down() -> None:
    async def run() -> None:
        async with running_server(StubEngine()) as server:
            client = OpenAIEngine([server.url], "stub", patience_s=0.3, revision="r1")
            await client.start()
            assert await client.score("p", Prompt(SUM), ANSWER) is not None
        try:
            with pytest.raises(EngineDown):
                await client.score("p", Prompt(SUM), ANSWER)
        finally:
            await client.close()

    asyncio.run(run())


def test_scores_take_slots_beside_completions() -> None:
    class Slow(StubEngine):
        running = most = 0

        async def complete(self, request: Request) -> list[Completion]:
            self.running += 1
            self.most = max(self.most, self.running)
            await asyncio.sleep(0.005)
            self.running -= 1
            return await super().complete(request)

    engine = Slow()

    async def body(client: OpenAIEngine, _: Server) -> None:
        asked = [client.score("p", Prompt(SUM), ANSWER) for _ in range(30)]
        assert None not in await asyncio.gather(*asked)

    served(engine, body, max_running=3)
    assert engine.most == 3
