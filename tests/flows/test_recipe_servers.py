"""What a recipe says of servers that Stepsmith starts itself."""

from typing import Any

import pytest

from annotators.judge.settings import judge_settings
from flows.context import models_of
from pipeline.errors import RecipeError
from pipeline.recipe import Recipe, differences, parse_recipe

OURS = {"engine": "vllm", "model": "m", "server": {"python": "py", "args": ["--block-size", "32"]}}


def recipe(**tables: Any) -> Recipe:
    whole: dict[str, Any] = {
        "name": "demo",
        "problems": {"source": "p.jsonl"},
        "policy": OURS,
        "output": {"dir": "out"},
    }
    return parse_recipe(whole | tables, "r.toml")


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        ({"engine": "vllm", "model": "m"}, "needs server.python: the Python of the environment"),
        (OURS | {"base_urls": ["http://h/v1"]}, "starts its own servers: leave base_urls out"),
        (OURS | {"server": {"pyton": "py"}}, "policy.server.pyton: unknown key (did you mean"),
        (OURS | {"api": "chat"}, "policy.api must be 'completions'"),
        (OURS | {"engine": "stub"}, "engine 'stub' starts no servers"),
    ],
)
def test_a_table_that_cannot_be_is_refused(policy, said):
    with pytest.raises(RecipeError) as refused:
        recipe(policy=policy)
    assert said in str(refused.value)


def test_the_prover_is_served_by_the_policys_servers_unless_it_is_another():
    same = recipe(rollouts={"temperature": 1.0, "k": 4})
    assert same.prover().server == same.policy.server
    assert list(models_of(same)) == ["policy"]
    split = recipe(rollouts={"server": {"python": "py", "gpus": 2}})
    assert split.prover().server.gpus == 2
    assert list(models_of(split)) == ["policy", "rollouts"]


def test_a_prover_of_another_kind_takes_nothing_of_the_policys_servers():
    prover = recipe(rollouts={"engine": "embedded"}).prover()
    assert (prover.engine, prover.server.python, prover.base_urls) == ("embedded", "", ())
    remote = {"engine": "openai", "model": "m", "base_urls": ["http://h/v1"]}
    prover = recipe(policy=remote, rollouts={"engine": "vllm", "server": {"python": "py"}}).prover()
    assert prover.base_urls == ()


def test_a_judge_may_chat_over_servers_of_its_own():
    judge = {**OURS, "api": "chat"}
    assert judge_settings("judge", judge).server.args == ("--block-size", "32")
    assert list(models_of(recipe(annotators={"judge": judge}))) == ["policy", "annotators.judge"]


def test_a_folder_goes_on_with_other_servers():
    other = OURS | {"server": {"python": "py2", "replicas": 4}}
    judge = {"engine": "vllm", "model": "j", "server": {"python": "py"}}
    judge2 = judge | {"server": {"python": "py2"}}
    before = recipe(annotators={"judge": judge})
    after = recipe(
        policy=other, rollouts={"server": {"python": "py3"}}, annotators={"judge": judge2}
    )
    assert differences(before.identity(), after.identity()) == []
