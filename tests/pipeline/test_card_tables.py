"""Models, annotators, cost and citations of the card, and what of a recipe is for everybody."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.card_tables import (
    ModelUsed,
    annotator_lines,
    cost_lines,
    model_lines,
    models_used,
)
from pipeline.citations import citations
from pipeline.public import public_manifest, public_name, public_recipe
from pipeline.recipe import Recipe, parse_recipe
from pipeline.summary import Summary

RAW: dict[str, Any] = {
    "name": "x",
    "problems": {"source": "file:///home/ada/p.jsonl"},
    "policy": {
        "engine": "openai",
        "model": "Qwen/Q",
        "base_urls": ["http://10.0.0.7:8000/v1"],
    },
    "annotators": {
        "logic": {},
        "judge": {
            "base_urls": ["http://10.0.0.8/v1"],
            "modes": ["reverse"],
            "prompts": "/home/ada/prompts",
            "probes": "/home/ada/probes.jsonl",
        },
    },
    "labels": {"view": "scan"},
    "run": {"cost_of_million_tokens": 2.0},
    "output": {"dir": "/home/ada/out", "license": "mit", "licenses": {"policy": "apache-2.0"}},
}


@pytest.fixture
def recipe() -> Recipe:
    return parse_recipe(RAW, "x.toml")


@pytest.fixture
def summary() -> Summary:
    nothing = dict.fromkeys(Summary.__dataclass_fields__, 0)
    empty = ("not_searched", "origins", "not_kept", "outcomes", "said")
    empty += ("conflicts", "kept_of", "judges", "rationales")
    return Summary(**{**nothing, **{name: {} for name in empty}})  # type: ignore[arg-type]


def role(model: str) -> dict[str, str]:
    return {"engine": "embedded", "model": model, "revision": "sha256:ab"}


def test_licences_are_the_recipes_or_those_of_a_models_folder(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("---\nlicense: cc-by-4.0\n---\n# A model\n")
    manifest = {
        "policy": role("Qwen/Q"),
        "prover": role(str(tmp_path)),
        "judges": {"judge": role("other")},
        "recipe": RAW,
    }
    assert models_used(manifest) == [
        ModelUsed("policy", "Qwen/Q", "sha256:ab", "apache-2.0"),
        ModelUsed("prover", tmp_path.name, "sha256:ab", "cc-by-4.0"),
        ModelUsed("judge", "other", "sha256:ab", "not stated"),
    ]
    assert (
        model_lines(models_used(manifest))[-3] == "| policy | Qwen/Q | `sha256:ab` | apache-2.0 |"
    )


def test_each_annotator_has_a_row(summary: Summary) -> None:
    said = {
        "arithmetic: incorrect, false_equation": 3,
        "arithmetic: incorrect, false_inequality": 1,
        "arithmetic: unknown, not_covered": 90,
        "judge: correct, by majority": 7,
    }
    lines = annotator_lines(replace(summary, said=said, rollouts=10, prefixes=4))
    assert "Rollouts: 10 completions from 4 prefixes, the outcome of 0 unknown." in lines
    assert lines[-2:] == ["| arithmetic | 0 | 4 | 90 | – |", "| judge | 7 | 0 | 0 | – |"]


def test_the_cost_has_a_price_where_the_recipe_has_one(recipe: Recipe, summary: Summary) -> None:
    spent = replace(summary, sample_tokens=1_000_000, rollout_tokens=500_000, labelled=1_000)
    assert cost_lines(recipe, spent)[-4:] == [
        "| samples | 1,000,000 |",
        "| rollouts | 500,000 |",
        "| for each step with a hard label | 1,500.0 |",
        "| price, at 2 a million | 3.00 |",
    ]
    assert cost_lines(recipe, summary) == []


def test_only_what_was_used_is_cited(recipe: Recipe) -> None:
    names = [line.partition(",")[0] for line in citations(recipe)]
    assert names == ["SCAN", "Z3: An Efficient SMT Solver (TACAS 2008)", "BiPRM", "ThinkPRM"]
    assert citations(None) == []


def test_a_public_recipe_names_no_host_and_no_folder(recipe: Recipe) -> None:
    text = str(public_recipe(recipe.model_dump(mode="json")))
    for private in ("10.0.0", "/home/ada", "base_urls", "server", "max_running"):
        assert private not in text
    assert "p.jsonl" in text
    assert "Qwen/Q" in text


def test_a_public_recipe_names_no_folder_of_what_it_relabels(recipe: Recipe) -> None:
    raw = recipe.model_dump(mode="json") | {"relabel": {"dataset": "/home/ada/runs/old"}}
    assert public_recipe(raw)["relabel"] == {"dataset": "old"}


def test_a_public_recipe_names_no_folder_of_what_a_judge_is_asked(recipe: Recipe) -> None:
    judge = {
        "model": "file:///home/ada/models/j",
        "prompts": "/home/ada/prompts",
        "probes": "~/probes.jsonl",
        "reasoning_end": "/think",
    }
    raw = recipe.model_dump(mode="json") | {"annotators": {"judge": judge}}
    assert public_recipe(raw)["annotators"]["judge"] == {
        "model": "j",
        "prompts": "prompts",
        "probes": "probes.jsonl",
        "reasoning_end": "/think",
    }


def test_a_public_manifest_says_nothing_of_the_clock(recipe: Recipe) -> None:
    manifest = {
        "name": "x",
        "policy": role("/models/q") | {"prompt_hash": "p"},
        "recipe": recipe.model_dump(mode="json"),
        "derived_from": "/home/ada/one",
        "last_run": {"seconds": 1.5},
        "finished": "2026-11-22T12:06:24Z",
    }
    found = public_manifest(manifest)
    assert set(found) == {"name", "policy", "recipe"}
    assert found["policy"]["model"] == "q"
    assert "run" not in found["recipe"]


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("data/policies/large", "data/policies/large"),
        ("/models/q/", "q"),
        ("~/m", "m"),
        ("../m", "m"),
        ("file:///home/ada/p.jsonl", "p.jsonl"),
        ("hf:HuggingFaceH4/MATH-500:default:test", "hf:HuggingFaceH4/MATH-500:default:test"),
        ("", ""),
    ],
)
def test_names_of_folders_elsewhere_are_cut(model: str, name: str) -> None:
    assert public_name(model) == name
