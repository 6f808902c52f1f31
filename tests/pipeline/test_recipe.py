"""The recipe: checked whole before anything is spent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from pipeline.errors import RecipeError
from pipeline.recipe import Model, Recipe, apply_override, content_hash, differences, load_recipe
from pipeline.recipe import parse_recipe as parse

TEXT = """
name = "demo"
[problems]
source = "p.jsonl"
[policy]
engine = "stub"
[output]
dir = "out"
"""


def raw(**tables: Any) -> dict[str, Any]:
    whole: dict[str, Any] = {
        "name": "demo",
        "problems": {"source": "p.jsonl"},
        "policy": {"engine": "stub"},
        "output": {"dir": "out"},
    }
    for name, table in tables.items():
        whole[name] = whole.get(name, {}) | table if isinstance(table, dict) else table
    return whole


def load(tmp_path: Path, text: str = TEXT, *overrides: str) -> Recipe:
    path = tmp_path / "r.toml"
    path.write_text(text)
    return load_recipe(path, overrides)


def test_a_recipe_is_read(tmp_path: Path) -> None:
    recipe = load(tmp_path)
    assert (recipe.name, recipe.policy.engine, recipe.rollouts.k) == ("demo", "stub", 8)


def test_an_unknown_key_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(RecipeError, match=r"policy\.tempreature: unknown .*'temperature'"):
        parse(raw(policy={"tempreature": 1.0}), "r.toml")


def test_an_unknown_table_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(RecipeError, match=r"rollout: unknown key \(did you mean 'rollouts'"):
        parse(raw(rollout={}), "r.toml")


def test_every_bad_key_is_listed() -> None:
    bad = raw(policy={"samples": 0, "x": 1}, labels={"after_error": "best"})
    with pytest.raises(RecipeError) as caught:
        parse(bad, "r.toml")
    assert caught.value.message.startswith("r.toml: 3 bad key(s):")
    for key in ("policy.samples: ", "policy.x: unknown key", "labels.after_error: "):
        assert f"  {key}" in caught.value.message


def test_a_missing_table_is_named() -> None:
    with pytest.raises(RecipeError, match="output: Field required"):
        parse({key: value for key, value in raw().items() if key != "output"}, "r.toml")


def test_a_veto_needs_its_annotator() -> None:
    with pytest.raises(RecipeError, match=r"labels\.veto: 'arithmetik' is none of"):
        parse(raw(annotators={"arithmetic": {}}, labels={"veto": ["arithmetik"]}), "r.toml")


@pytest.mark.parametrize(
    "labels", [{"view": "spark"}, {"view": "aurora"}, {"view": "capo"}, {"filter": "qwen"}]
)
def test_what_reads_votes_needs_a_judge(labels: dict[str, str]) -> None:
    ((key, value),) = labels.items()
    with pytest.raises(RecipeError, match=rf"labels\.{key} = '{value}' reads a judge's votes"):
        parse(raw(annotators={"judges": {}, "arithmetic": {}}, labels=labels), "r.toml")
    assert parse(raw(annotators={"judge_small": {}}, labels=labels), "r.toml")


def test_a_server_needs_its_address() -> None:
    with pytest.raises(RecipeError, match="needs base_urls"):
        parse(raw(policy={"engine": "openai", "model": "m"}), "r.toml")


SERVER = {"engine": "openai", "model": "m", "base_urls": ["http://h/v1"]}


@pytest.mark.parametrize("table", ["policy", "rollouts"])
def test_who_continues_solutions_cannot_chat(table: str) -> None:
    tables = {"policy": SERVER, "rollouts": {}}
    tables[table] = tables[table] | {"api": "chat"}
    with pytest.raises(RecipeError, match=rf"{table}\.api must be 'completions'"):
        parse(raw(**tables), "r.toml")


def test_a_judges_model_may_chat_at_a_limited_pace() -> None:
    judge = Model.model_validate(SERVER | {"api": "chat", "requests_per_minute": 60})
    assert (judge.api, judge.requests_per_minute) == ("chat", 60)


def test_only_a_server_chats() -> None:
    with pytest.raises(ValidationError, match="engine 'embedded' has no api 'chat'"):
        Model(engine="embedded", model="m", api="chat")


def test_the_provers_pace_is_the_policys_unless_it_has_its_own() -> None:
    policy = {"requests_per_minute": 60}
    assert parse(raw(policy=policy), "r").prover().requests_per_minute == 60
    own = parse(raw(policy=policy, rollouts={"requests_per_minute": 0}), "r").prover()
    assert own.requests_per_minute == 0


def test_a_recipe_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"none\.toml: there is no such recipe"):
        load_recipe(tmp_path / "none.toml")


def test_a_file_that_is_not_toml_is_named(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"r\.toml: is not TOML"):
        load(tmp_path, "name = ")


def test_overrides_are_toml_values_or_bare_strings(tmp_path: Path) -> None:
    recipe = load(tmp_path, TEXT, "policy.samples=4", "labels.view=hard", 'policy.stop=["\\n"]')
    assert (recipe.policy.samples, recipe.labels.view, recipe.policy.stop) == (4, "hard", ("\n",))


@pytest.mark.parametrize("override", ["policy.samples", "=3"])
def test_an_override_without_key_or_value_is_refused(override: str) -> None:
    with pytest.raises(RecipeError, match=r"must be a\.b=c"):
        apply_override({}, override)


def test_an_override_below_a_value_is_refused() -> None:
    with pytest.raises(RecipeError, match="name is not a table"):
        apply_override(raw(), "name.x=1")


def test_the_prover_is_the_policy_where_nothing_else_is_said() -> None:
    prover = parse(raw(policy={"max_tokens": 99}, rollouts={"temperature": 0.5}), "r").prover()
    assert (prover.engine, prover.max_tokens, prover.temperature) == ("stub", 99, 0.5)


def test_another_model_inherits_no_revision_and_no_tokenizer() -> None:
    policy = {"revision": "r1", "tokenizer": "t.json"}
    same = parse(raw(policy=policy), "r").prover()
    other = parse(raw(policy=policy, rollouts={"model": "error=0.5"}), "r").prover()
    assert (same.revision, same.tokenizer) == ("r1", "t.json")
    assert (other.revision, other.tokenizer) == ("", "")


@pytest.mark.parametrize(
    "changed",
    [
        {"problems": {"limit": 3}},
        {"run": {"shards_at_once": 1}},
        {"output": {"dir": "elsewhere"}},
        {"rollouts": {"budget_tokens": 10}},
        {"policy": {"base_urls": ["http://h/v1"]}},
        {"rollouts": {"base_urls": ["http://h/v1"]}},
        {"policy": {"max_running": 3}},
        {"policy": {"requests_per_minute": 60}},
        {"rollouts": {"requests_per_minute": 60}},
    ],
)
def test_identity_leaves_out(changed: dict[str, Any]) -> None:
    assert parse(raw(**changed), "r").hash() == parse(raw(), "r").hash()


@pytest.mark.parametrize(
    ("changed", "key"),
    [
        ({"seed": 1}, "seed"),
        ({"problems": {"source": "q.jsonl"}}, "problems.source"),
        ({"policy": {"temperature": 0.1}}, "policy.temperature"),
        ({"rollouts": {"k": 4}}, "rollouts.k"),
        ({"labels": {"view": "hard"}}, "labels.view"),
        ({"annotators": {"arithmetic": {}}}, "annotators.arithmetic"),
    ],
)
def test_identity_holds_what_shapes_the_dataset(changed: dict[str, Any], key: str) -> None:
    old, new = parse(raw(), "r").identity(), parse(raw(**changed), "r").identity()
    assert differences(old, new) == [key]


def test_content_hash_does_not_depend_on_the_order_of_keys() -> None:
    assert content_hash({"a": 1, "b": "é"}) == content_hash({"b": "é", "a": 1})
    assert content_hash({"a": 1}) != content_hash({"a": "1"})
