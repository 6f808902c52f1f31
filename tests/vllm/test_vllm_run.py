"""A whole run on real vLLM servers that it starts itself, and the same policy asked both ways.

One run for all tests of this file: a policy and a judge that must answer by a JSON schema, search,
tools, answer log-probabilities. Its servers stay up for the tests that ask them more.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from flows.run import LabelRun
from pipeline.engines.base import Engine, Prompt, Request, Sampling
from pipeline.engines.embedded import EmbeddedEngine
from pipeline.folder import DatasetFolder
from pipeline.grading.grader import Grader
from pipeline.verdict import Verdict
from tests.vllm import serving

pytestmark = serving.REAL

EACH = 12  # problems of each world
SAMPLING = Sampling(temperature=0.8, max_tokens=400)
# A fair pair of engines fails one of the three comparisons less than once in 10^4 tests.
LIMIT = 4.2
POWER = 0.84  # four differences of 5 points in five are noticed
AT_ONCE = 8  # draws a request
COMPACT = '{"backend": "xgrammar", "disable_any_whitespace": true}'


@dataclass(slots=True)
class Labelled:
    run: LabelRun
    folder: DatasetFolder
    problems: list[dict[str, Any]]

    @property
    def policy(self) -> Engine:
        return self.run.context.policy.engine

    @property
    def judge(self) -> Engine:
        return self.run.context.judges["judge"].judge.engine

    def table(self, name: str) -> pl.DataFrame:
        return self.folder.side_table(name)


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Labelled]:
    place = tmp_path_factory.mktemp("vllm")
    source = serving.problems(place / "problems.jsonl", EACH)
    base = Path(serving.ROOT / "annotators" / "judge" / "probes" / "base.jsonl")
    few = place / "probes.jsonl"
    few.write_text("".join(base.read_text(encoding="utf-8").splitlines(keepends=True)[:6]))
    judge = {
        "engine": "vllm",
        "model": str(serving.JUDGE),
        "prompts": str(serving.JUDGE / "prompts"),
        "temperature": 0,
        "samples": 1,
        "max_tokens": 128,
        "probes": str(few),
        # It was taught other words than the schema's: its votes are poor, and not the point.
        "gate": "warn",
        "server": serving.server("--structured-outputs-config", COMPACT),
    }
    recipe = serving.recipe(
        place,
        source,
        annotators={"arithmetic": {}, "quantities": {}, "answer_logprob": {}, "judge": judge},
    )
    folder = DatasetFolder(place / "out")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(place / "cache"))
        with LabelRun(recipe, folder) as run:
            run.admit()
            for stages, then in run.phases():

                def work(group: list[str], stages: tuple[str, ...] = stages) -> None:
                    for name in stages:
                        run.stage(name, group)

                with ThreadPoolExecutor(4) as pool:
                    list(pool.map(work, run.groups()))
                if then is not None:
                    then()
            run.finish()
            rows = [json.loads(line) for line in source.read_text(encoding="utf-8").splitlines()]
            yield Labelled(run, folder, rows)


def test_every_problem_is_labelled(labelled):
    labels = labelled.folder.labels()
    assert labels["problem_id"].n_unique() == 2 * EACH
    assert labels["p_correct"].explode().drop_nulls().len() > 300
    counts = json.loads(labelled.folder.manifest.read_text())["last_run"]
    assert counts["completions_failed"] == 0
    assert counts["tokens_bought"] > 10_000


def test_solutions_have_token_ids_and_logprobs_that_fit_their_texts(labelled):
    solutions = labelled.table("solutions")
    assert solutions["token_ids"].null_count() == 0
    for row in solutions.iter_rows(named=True):
        assert labelled.policy.decode(tuple(row["token_ids"])) == row["text"]
        for step in row["steps"]:
            assert step["logprob"] is None or step["logprob"] <= 0
    steps = solutions["steps"].explode().struct.unnest()
    assert steps["token_end"].null_count() == 0
    assert steps["logprob"].null_count() < 0.01 * len(steps)


def test_rollouts_continue_the_ids_of_their_prefix(labelled):
    rollouts = labelled.table("rollouts")
    assert len(rollouts) > 100
    outcomes = dict(rollouts["outcome"].value_counts().iter_rows())
    assert outcomes["correct"] > 20
    assert outcomes["incorrect"] > 20
    assert outcomes.get("unknown", 0) < 0.05 * len(rollouts)


def test_the_judges_answers_have_the_schemas_form(labelled):
    judgements = labelled.table("judgements")
    whole = judgements.filter(finish_reason="stop")
    assert len(whole) > 0.9 * len(judgements) > 20
    assert whole["reason"].null_count() == len(whole)  # every one is read
    steps = dict(
        labelled.table("solutions").select("solution_id", pl.col("steps").list.len()).rows()
    )
    for row in whole.iter_rows(named=True):
        answer = json.loads(row["text"])
        assert list(answer) == ["critique", "verdicts", "correction"]
        assert list(answer["verdicts"]) == [str(at) for at in range(steps[row["solution_id"]])]
        assert set(answer["verdicts"].values()) <= {"correct", "incorrect", "unknown"}


def test_it_is_vllm_that_holds_them_to_it(labelled):
    """The same prompts without the schema: the judge then never writes a critique."""
    prompt = Prompt("What is 1 + 1?\n1 + 1 = 2. [0]\n\nThe answer is 2. [1]\n\nVerdicts:\n")
    schema = '{"properties":{"blue":{"enum":["x","y"]}},"required":["blue"],"type":"object",'
    schema += '"additionalProperties":false}'

    async def ask(schema: str) -> list[str]:
        sampling = Sampling(temperature=0.0, max_tokens=64, schema=schema)
        request = Request("p", prompt, 4, 0, sampling, seed=0)
        return [one.text for one in await labelled.judge.complete(request)]

    call = labelled.run.context.loop.call
    assert {json.loads(text)["blue"] for text in call(ask(schema))} <= {"x", "y"}
    assert not any("blue" in text for text in call(ask("")))


def test_answer_logprobs_fall_where_the_first_error_is(labelled):
    evidence = labelled.table("evidence").filter(annotator="answer_logprob")
    scores = evidence["score"].drop_nulls()
    assert len(scores) > 0.95 * len(evidence) > 100
    assert (scores <= 0).all()
    outcomes = labelled.table("solutions").select("solution_id", "outcome")
    last = evidence.sort("step").group_by("solution_id").last().join(outcomes, on="solution_id")
    means = dict(last.group_by("outcome").agg(pl.col("score").mean()).iter_rows())
    assert means["correct"] > means["incorrect"] + 0.5


def test_scores_are_those_of_the_embedded_engine(labelled):
    """The very same ids: int8 weights here, bfloat16 there."""
    rows = labelled.table("solutions").head(24).iter_rows(named=True)
    texts = {row["problem_id"]: row["text"] for row in labelled.problems}

    async def both(embedded: EmbeddedEngine) -> list[tuple[float, float]]:
        found = []
        for row in rows:
            ids = embedded.encode(texts[row["problem_id"]] + "\n")
            prompt = Prompt(texts[row["problem_id"]] + "\n", ids)
            continuation = Prompt(row["text"], tuple(row["token_ids"]))
            ours = await embedded.score("p", prompt, continuation)
            theirs = await labelled.policy.score("p", prompt, continuation)
            assert ours is not None
            assert theirs is not None
            assert ours.ends == theirs.ends
            found.append((_mean(ours.logprobs), _mean(theirs.logprobs)))
        return found

    pairs = _with_embedded(labelled, both)
    assert max(abs(a - b) for a, b in pairs) < 0.02


@pytest.mark.parametrize(("world", "draws"), [("chains", 232), ("deduction", 176)])
def test_pass_at_1_is_that_of_the_embedded_engine(labelled, world, draws):
    rows = [row for row in labelled.problems if row["domain"] == world]
    prompts = [(row, Prompt(row["text"] + "\n")) for row in rows]
    pairs = _with_embedded(labelled, lambda embedded: _passes(labelled, embedded, prompts, draws))
    _agree(pairs, draws)


def test_values_of_prefixes_are_those_of_the_embedded_engine(labelled):
    """Prefixes in the middle of solutions, continued from the very ids."""
    draws = 40
    by_id = {row["problem_id"]: row for row in labelled.problems}
    prompts = []
    solutions = labelled.table("solutions").sort("solution_id").iter_rows(named=True)
    for row in [row for row in solutions if len(row["steps"]) >= 3][:64]:
        problem = by_id[row["problem_id"]]
        text = problem["text"] + "\n"
        step = row["steps"][len(row["steps"]) // 2 - 1]
        ids = labelled.policy.encode(text)
        assert ids is not None
        ids += tuple(row["token_ids"][: step["token_end"]])
        prompts.append((problem, Prompt(text + row["text"][: step["end"]], ids)))
    pairs = _with_embedded(labelled, lambda embedded: _passes(labelled, embedded, prompts, draws))
    _agree(pairs, draws)


def _agree(pairs: list[tuple[float, float]], draws: int) -> None:
    """Pairs of rates, stratum by stratum."""
    difference = sum(a - b for a, b in pairs) / len(pairs)
    variance = sum(_noise(a, draws) + _noise(b, draws) for a, b in pairs) / len(pairs) ** 2
    error = math.sqrt(variance)
    print(f"difference {difference:+.4f}, its standard error {error:.4f}, {len(pairs)} strata")
    assert 0.05 / error > LIMIT + POWER, "too few draws to tell"
    assert abs(difference) / error < LIMIT


def _noise(rate: float, draws: int) -> float:
    """Of a rate; a stratum that was always right has some left (Agresti and Coull)."""
    rate = (rate * draws + 1) / (draws + 2)
    return rate * (1 - rate) / draws


async def _passes(
    labelled: Labelled,
    embedded: EmbeddedEngine,
    prompts: list[tuple[dict[str, Any], Prompt]],
    draws: int,
) -> list[tuple[float, float]]:
    assert draws % AT_ONCE == 0

    async def rate(engine: Engine, problem: dict[str, Any], prompt: Prompt) -> float:
        requests = [
            Request(problem["problem_id"], prompt, AT_ONCE, first, SAMPLING, seed=1)
            for first in range(10_000, 10_000 + draws, AT_ONCE)
        ]
        parts = await asyncio.gather(*(engine.complete(request) for request in requests))
        said = [one for part in parts for one in part]
        grader: Grader = labelled.run.context.grader
        answer, kind = problem["answer"], problem["answer_type"]
        grades = [await grader.grade(one.text, answer, kind, one.finish_reason) for one in said]
        assert all(one.finish_reason != "failed" for one in said)
        return sum(grade.verdict is Verdict.CORRECT for grade in grades) / draws

    # One after the other: both want all cores.
    theirs = await asyncio.gather(*(rate(labelled.policy, *one) for one in prompts))
    ours = await asyncio.gather(*(rate(embedded, *one) for one in prompts))
    return list(zip(ours, theirs, strict=True))


def _with_embedded(labelled: Labelled, ask: Any) -> list[tuple[float, float]]:
    async def body() -> list[tuple[float, float]]:
        embedded = EmbeddedEngine(serving.POLICY)
        await embedded.start()
        try:
            return await ask(embedded)
        finally:
            await embedded.close()

    return labelled.run.context.loop.call(body())


def _mean(values: tuple[float, ...]) -> float:
    return sum(values) / len(values)
