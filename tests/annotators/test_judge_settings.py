"""What a recipe may say of a judge."""

from __future__ import annotations

import pytest

from annotators.judge.settings import judge_settings
from pipeline.errors import RecipeError
from pipeline.recipe import parse_recipe

STUB = {"engine": "stub"}


def test_defaults_are_those_of_the_papers() -> None:
    settings = judge_settings("judge", STUB)
    assert settings.modes == ("each_step",)
    assert (settings.samples, settings.temperature, settings.gate) == (4, 1.0, "stop")
    assert (settings.max_fooled, settings.min_sensitivity, settings.min_specificity) == (
        0.01,
        0.3,
        0.8,
    )


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"mode": "each_step"}, "annotators.judge_b.mode: unknown key"),
        ({"samples": 0}, "annotators.judge_b.samples: "),
        ({"modes": ["each_stp"]}, "annotators.judge_b.modes.0: "),
        ({"modes": []}, "modes must be some of first_error, each_step"),
        ({"modes": ["reverse", "reverse"]}, "each once"),
        ({"prompt": "{problem}"}, "`prompts` names a folder"),
        ({"gate": "off"}, "annotators.judge_b.gate: "),
        ({"share": 1.5}, "annotators.judge_b.share: "),
        ({"max_fooled": 0}, "annotators.judge_b.max_fooled: "),
        ({"budget_tokens": -2}, "annotators.judge_b.budget_tokens: "),
        ({"reasoning_end": ""}, "annotators.judge_b.reasoning_end: "),
        ({"engine": "openai", "model": "m"}, "needs base_urls"),
    ],
)
def test_errors_name_the_key(keys: dict[str, object], message: str) -> None:
    with pytest.raises(RecipeError) as refused:
        judge_settings("judge_b", STUB | keys)
    assert message in str(refused.value)


def test_every_bad_key_is_named_at_once() -> None:
    with pytest.raises(RecipeError) as refused:
        judge_settings("judge", STUB | {"samples": 0, "share": 2})
    assert str(refused.value).count("annotators.judge.") == 2


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("gate", "warn"),
        ("max_fooled", 0.5),
        ("min_sensitivity", 0.0),
        ("min_specificity", 0.0),
        ("budget_tokens", 5),
        ("max_running", 1),
    ],
)
def test_what_changes_no_verdict_may_change_within_a_folder(key: str, value: object) -> None:
    def identity(judge: dict[str, object]) -> object:
        raw = {
            "name": "n",
            "problems": {"source": "p.jsonl"},
            "policy": STUB,
            "annotators": {"judge": judge},
            "output": {"dir": "out"},
        }
        return parse_recipe(raw, "r.toml").identity()

    assert identity(STUB | {key: value}) == identity(STUB)
    assert identity(STUB | {"samples": 1}) != identity(STUB)
