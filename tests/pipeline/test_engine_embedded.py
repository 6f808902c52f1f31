"""The embedded engine, on a tiny model with random weights that is made here."""

import asyncio
import json
import logging
import math
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest
from ctranslate2.specs import common_spec, transformer_spec
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from pipeline.engines.base import FAILED, Completion, Prompt, Request, Sampling
from pipeline.engines.embedded import SCORED_AT_ONCE, EmbeddedEngine
from pipeline.engines.openai import OpenAIEngine
from pipeline.errors import EngineDown, PolicyError

T = TypeVar("T")
END = 0
POSITIONS = 64


def make_policy(folder: Path) -> None:
    """One Llama-like layer over a byte-level BPE; nothing in it means anything."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=270,
        special_tokens=["<|end|>"],
        initial_alphabet=alphabet,
        show_progress=False,
    )
    tokenizer.train_from_iterator(["abab abab 12"], trainer)
    size, width, hidden = tokenizer.get_vocab_size(), 16, 32
    rng = np.random.default_rng(0)

    def weights(*shape: int) -> Any:
        return rng.normal(0, 0.3, shape).astype(np.float32)

    spec = transformer_spec.TransformerDecoderModelSpec.from_config(
        1,
        2,
        activation=common_spec.Activation.SWISH,
        ffn_glu=True,
        rms_norm=True,
        rotary_dim=0,
        rotary_interleave=False,
    )
    decoder = spec.decoder
    decoder.scale_embeddings = False
    decoder.embeddings.weight = weights(size, width)
    decoder.layer_norm.gamma = np.ones(width, np.float32)
    decoder.projection.weight = weights(size, width)
    for layer in decoder.layer:
        layer.self_attention.layer_norm.gamma = np.ones(width, np.float32)
        layer.self_attention.linear[0].weight = weights(3 * width, width)
        layer.self_attention.linear[1].weight = weights(width, width)
        layer.ffn.layer_norm.gamma = np.ones(width, np.float32)
        layer.ffn.linear_0.weight = weights(hidden, width)
        layer.ffn.linear_0_noact.weight = weights(hidden, width)
        layer.ffn.linear_1.weight = weights(width, hidden)
    spec.register_vocabulary([tokenizer.id_to_token(index) for index in range(size)])
    spec.config.bos_token = spec.config.eos_token = "<|end|>"
    spec.config.unk_token = ""
    spec.config.layer_norm_epsilon = 1e-5
    spec.validate()
    (folder / "ct2").mkdir()
    spec.save(str(folder / "ct2"))
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {"max_position_embeddings": POSITIONS, "eos_token_id": END}
    (folder / "config.json").write_text(json.dumps(config))


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("policy")
    make_policy(folder)
    return folder


def using(policy: Path, body: Callable[[EmbeddedEngine], Awaitable[T]]) -> T:
    async def run() -> T:
        engine = EmbeddedEngine(policy)
        await engine.start()
        try:
            return await body(engine)
        finally:
            await engine.close()

    return asyncio.run(run())


def request(
    text: str, n: int = 1, sampling: Sampling | None = None, ids: tuple[int, ...] | None = None
) -> Request:
    return Request("p", Prompt(text, ids), n, 0, sampling or Sampling(max_tokens=20), seed=1)


def scored(n: int, ids: tuple[int, ...], **sampling: Any) -> Request:
    """A request that wants log-probabilities."""
    return Request("p", Prompt("", ids), n, 0, Sampling(**sampling), seed=1, logprobs=True)


def test_completions_are_counted_and_decode_to_their_text(policy: Path) -> None:
    async def body(engine: EmbeddedEngine) -> None:
        completions = await engine.complete(request("abab 12", n=100))
        assert len(completions) == 100
        assert len(set(completions)) > 50
        for one in completions:
            assert one.token_ids is not None
            assert one.text == engine.decode(one.token_ids)
            assert one.tokens == len(one.token_ids) + (one.finish_reason == "stop")
            assert (one.finish_reason == "length") == (len(one.token_ids) == 20)

    using(policy, body)


def test_many_requests_of_several_kinds_all_come_back(policy: Path) -> None:
    async def body(engine: EmbeddedEngine) -> list[int]:
        asked = [request("ab" * (1 + index % 9), n=1 + index % 7) for index in range(200)]
        return [len(part) for part in await asyncio.gather(*map(engine.complete, asked))]

    assert using(policy, body) == [1 + index % 7 for index in range(200)]


def test_temperature_zero_is_greedy(policy: Path) -> None:
    async def body(engine: EmbeddedEngine) -> list[Completion]:
        return await engine.complete(request("12 a", 3, Sampling(temperature=0, max_tokens=8)))

    assert len(set(using(policy, body))) == 1


def test_top_k_above_the_vocabulary_and_top_p_are_taken(policy: Path) -> None:
    async def body(engine: EmbeddedEngine) -> list[Completion]:
        sampling = Sampling(top_k=100_000, top_p=0.9, max_tokens=4)
        return await engine.complete(request("12 a", 2, sampling))

    assert FAILED not in using(policy, body)


def test_token_ids_are_what_the_model_sees(policy: Path) -> None:
    async def body(engine: EmbeddedEngine) -> list[Completion]:
        return await engine.complete(request("", ids=(65, 66)))

    assert FAILED not in using(policy, body)


def test_the_room_ends_at_the_last_position(policy: Path) -> None:
    async def body(engine: EmbeddedEngine) -> None:
        ids = (65,) * (POSITIONS - 3)
        completions = await engine.complete(request("", 40, Sampling(max_tokens=20), ids))
        assert max(one.tokens for one in completions) == 3

    using(policy, body)


@pytest.mark.parametrize("ids", [(), (65,) * POSITIONS, (65, 9999)])
def test_prompts_that_cannot_be_continued_fail_as_data(policy: Path, ids: tuple[int, ...]) -> None:
    async def body(engine: EmbeddedEngine) -> list[Completion]:
        return await engine.complete(request("", n=2, ids=ids))

    assert using(policy, body) == [FAILED, FAILED]


def test_a_text_that_is_no_unicode_fails_as_data(policy: Path) -> None:
    async def body(engine: EmbeddedEngine) -> list[Completion]:
        return await engine.complete(request("a\ud800"))

    assert using(policy, body) == [FAILED]


def test_a_stop_string_cuts_text_and_ids(policy: Path) -> None:
    engine = EmbeddedEngine(policy)
    ids = list(engine.encode("12 abab 12"))
    assert [engine.decode((one,)) for one in ids] == ["12", " abab", " 12"]
    cut = engine._completion([*ids, END], 20, Sampling(stop=(" a", "12 a")))
    assert cut == Completion("", "stop", len(ids) + 1, ())
    cut = engine._completion(ids, 20, Sampling(stop=("b 1", "bab")))
    assert (cut.text, cut.finish_reason, cut.tokens) == ("12 a", "stop", len(ids))
    assert cut.token_ids == (ids[0], *engine.encode(" a"))


def test_a_batch_that_fails_is_tried_member_by_member(policy: Path) -> None:
    async def body(engine: EmbeddedEngine) -> list[list[Completion]]:
        generator, poison = engine._generator, list(map(engine._pieces.__getitem__, (70, 71)))

        class Poisoned:
            def generate_batch(self, prompts: list[list[str]], **options: Any) -> Any:
                if poison in prompts:
                    raise RuntimeError("poisoned")
                return generator.generate_batch(prompts, **options)

        engine._generator = Poisoned()
        good, bad = request("", ids=(65, 66)), request("", ids=(70, 71))
        return list(await asyncio.gather(engine.complete(good), engine.complete(bad)))

    good, bad = using(policy, body)
    assert good != [FAILED]
    assert bad == [FAILED]


def test_the_event_loop_is_never_blocked(policy: Path) -> None:
    async def body(engine: EmbeddedEngine) -> int:
        work = asyncio.gather(*(engine.complete(request("ab", 64)) for _ in range(8)))
        ticks = 0
        while not work.done():
            await asyncio.sleep(0.001)
            ticks += 1
        await work
        return ticks

    assert using(policy, body) > 3


def test_a_cancelled_request_harms_no_other(policy: Path) -> None:
    async def body(engine: EmbeddedEngine) -> list[Completion]:
        tasks = [asyncio.create_task(engine.complete(request("ab", 16))) for _ in range(20)]
        await asyncio.sleep(0)
        for task in tasks[:19]:
            task.cancel()
        return await tasks[19]

    assert len(using(policy, body)) == 16


def test_closing_ends_what_waits_with_engine_down(policy: Path) -> None:
    async def run() -> None:
        engine = EmbeddedEngine(policy)
        await engine.start()
        sampling = Sampling(max_tokens=60)
        asked = [request("ab", 64, sampling) for _ in range(300)]
        tasks = [asyncio.create_task(engine.complete(one)) for one in asked]
        await asyncio.sleep(0.01)
        await engine.close()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert isinstance(results[-1], EngineDown)
        await engine.close()

    asyncio.run(run())


def test_identity_follows_the_weights_and_not_the_folder(policy: Path, tmp_path: Path) -> None:
    identity = EmbeddedEngine(policy).identity
    assert identity.model_revision.startswith("sha256:")
    other = OpenAIEngine(["http://x/v1"], "m", tokenizer=policy / "tokenizer.json")
    assert identity.tokenizer_hash == other.identity.tokenizer_hash
    make_policy(tmp_path)
    assert EmbeddedEngine(tmp_path).identity.tokenizer_hash == identity.tokenizer_hash
    with (tmp_path / "ct2" / "model.bin").open("ab") as file:
        file.write(b"\0")
    assert EmbeddedEngine(tmp_path).identity.model_revision != identity.model_revision


def test_a_flat_folder_is_a_policy_too(policy: Path, tmp_path: Path) -> None:
    for name in ("model.bin", "vocabulary.json"):
        (tmp_path / name).write_bytes((policy / "ct2" / name).read_bytes())
    (tmp_path / "config.json").write_bytes((policy / "ct2" / "config.json").read_bytes())
    (tmp_path / "tokenizer.json").write_bytes((policy / "tokenizer.json").read_bytes())

    async def body(engine: EmbeddedEngine) -> list[Completion]:
        return await engine.complete(request("ab"))

    assert FAILED not in using(tmp_path, body)


def test_a_folder_that_is_no_policy_says_what_it_lacks(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(PolicyError, match=r"lacks ct2/model.bin.*tokenizer.json.*vocabulary.json"):
        EmbeddedEngine(tmp_path)
    with pytest.raises(PolicyError, match="no such policy folder"):
        EmbeddedEngine(tmp_path / "nowhere")


def test_weights_that_are_none_are_a_policy_error(policy: Path, tmp_path: Path) -> None:
    make_policy(tmp_path)
    (tmp_path / "ct2" / "model.bin").write_bytes(b"not a model")
    with pytest.raises(PolicyError, match="CTranslate2 cannot load it"):
        asyncio.run(EmbeddedEngine(tmp_path).start())


def first_tokens(completions: list[Completion]) -> dict[int, float]:
    """Log-probability of each first token that was drawn."""
    found = {}
    for one in completions:
        assert one.token_ids is not None
        assert one.logprobs is not None
        found.update(dict(zip(one.token_ids[:1], one.logprobs[:1], strict=True)))
    return found


def test_log_probabilities_are_there_only_where_asked_for(policy: Path) -> None:
    async def body(engine: EmbeddedEngine) -> None:
        silent, asked = request("", 8, ids=(65, 66)), scored(8, (65, 66))
        plain, full = await asyncio.gather(engine.complete(silent), engine.complete(asked))
        assert {one.logprobs for one in plain} == {None}
        for one in full:
            assert one.token_ids is not None
            assert one.logprobs is not None
            assert len(one.logprobs) == len(one.token_ids)

    using(policy, body)


def test_log_probabilities_are_the_frequencies_at_temperature_one(policy: Path) -> None:
    """After a prompt of one token, which has no score of its own."""
    draws = 8192

    async def body(engine: EmbeddedEngine) -> list[Completion]:
        return await engine.complete(scored(draws, (65,), temperature=1.0, max_tokens=1))

    completions = using(policy, body)
    seen = Counter(one.token_ids for one in completions)
    chances = {ids: math.exp(logprob) for ids, logprob in first_tokens(completions).items()}
    likely = {index: chance for index, chance in chances.items() if chance > 0.01}
    assert len(likely) >= 10
    for index, chance in likely.items():
        five_sigma = 5 * math.sqrt(chance * (1 - chance) / draws)
        assert abs(seen[(index,)] / draws - chance) < five_sigma
    assert 0.9 < sum(chances.values()) <= 1.0


@pytest.mark.parametrize("sampling", [{"temperature": 0.5}, {"top_k": 20}, {"top_p": 0.7}], ids=str)
def test_log_probabilities_do_not_follow_the_sampling(
    policy: Path, sampling: dict[str, Any]
) -> None:
    async def body(engine: EmbeddedEngine) -> None:
        plain = scored(8192, (65,), temperature=1.0, max_tokens=1)
        other = scored(64, (65,), **({"temperature": 1.0, "max_tokens": 1} | sampling))
        expected = first_tokens(await engine.complete(plain))
        found = first_tokens(await engine.complete(other))
        assert len(found) > 3
        assert found == pytest.approx({index: expected[index] for index in found}, abs=1e-4)

    using(policy, body)


def test_log_probabilities_are_the_same_after_a_prefix_that_was_cut(policy: Path) -> None:
    async def body(engine: EmbeddedEngine) -> None:
        (whole,) = await engine.complete(scored(1, (65, 66), temperature=0, max_tokens=12))
        assert whole.token_ids is not None
        assert whole.logprobs is not None
        assert len(whole.token_ids) == 12
        prefix = (65, 66, *whole.token_ids[:5])
        (rest,) = await engine.complete(scored(1, prefix, temperature=0, max_tokens=7))
        assert rest.token_ids == whole.token_ids[5:]
        assert rest.logprobs == pytest.approx(whole.logprobs[5:], abs=1e-4)

    using(policy, body)


def test_a_text_that_a_stop_string_cut_has_those_of_what_is_left(policy: Path) -> None:
    async def body(engine: EmbeddedEngine) -> list[Completion]:
        return await engine.complete(scored(64, (65, 66), stop=("a", "1", "x"), max_tokens=40))

    completions = using(policy, body)
    cut = [one for one in completions if len(one.token_ids or ()) < one.tokens - 1]
    assert len(cut) > 5
    for one in completions:
        assert one.token_ids is not None
        assert one.logprobs is not None
        assert len(one.logprobs) == len(one.token_ids)


def test_an_empty_completion_has_no_log_probabilities_to_miss(policy: Path) -> None:
    every = tuple(chr(code) for code in range(33, 127))

    async def body(engine: EmbeddedEngine) -> list[Completion]:
        completions = await engine.complete(scored(64, (65,), stop=every))
        return [one for one in completions if one.token_ids == ()]

    empty = using(policy, body)
    assert empty
    assert {one.logprobs for one in empty} == {()}


def test_log_probabilities_reach_to_the_last_position(policy: Path) -> None:
    async def body(engine: EmbeddedEngine) -> None:
        completions = await engine.complete(scored(40, (65,) * (POSITIONS - 3), max_tokens=20))
        assert max(len(one.logprobs or ()) for one in completions) == 3

    using(policy, body)


def test_a_prompt_longer_than_one_scoring_pass_is_scored_to_its_end(
    policy: Path, tmp_path: Path
) -> None:
    make_policy(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"eos_token_id": END}))

    async def body(engine: EmbeddedEngine) -> None:
        prompt = (65,) * (SCORED_AT_ONCE + 100)
        (one,) = await engine.complete(scored(1, prompt, temperature=0, max_tokens=3))
        assert len(one.logprobs or ()) == len(one.token_ids or ()) > 0

    using(tmp_path, body)


def test_completions_that_cannot_be_scored_come_without(
    policy: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def body(engine: EmbeddedEngine) -> list[Completion]:
        generator = engine._generator

        class Unable:
            generate_batch = generator.generate_batch

            def score_batch(self, *_: Any, **__: Any) -> Any:
                raise RuntimeError("no room")

        engine._generator = Unable()
        first = await engine.complete(scored(4, (65, 66)))
        return first + await engine.complete(scored(4, (65, 66)))

    with caplog.at_level(logging.WARNING):
        completions = using(policy, body)
    assert FAILED not in completions
    assert {one.logprobs for one in completions} == {None}
    assert [record.getMessage() for record in caplog.records] == [
        "no log-probabilities: CTranslate2 cannot score: no room"
    ]


def test_draws_of_one_request_are_not_sorted_by_probability(policy: Path) -> None:
    """CTranslate2 gives the likeliest first; the first draw of many must be any draw."""

    async def body(engine: EmbeddedEngine) -> list[list[Completion]]:
        asked = [scored(8, (65,), temperature=1.0, max_tokens=1) for _ in range(50)]
        return list(await asyncio.gather(*map(engine.complete, asked)))

    first_is_likeliest = 0
    for part in using(policy, body):
        firsts = [sum(one.logprobs or ()) for one in part if one.token_ids]
        first_is_likeliest += len(firsts) > 1 and firsts[0] == max(firsts)
    assert first_is_likeliest < 35
