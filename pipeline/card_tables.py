"""Tables of the card: the models with their licences, what each annotator said, what it cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from pipeline.public import public_name
from pipeline.recipe import Recipe
from pipeline.summary import Summary

NOT_STATED = "not stated"


@dataclass(frozen=True, slots=True)
class ModelUsed:
    """A model that wrote or judged something in the dataset."""

    role: str  # policy / prover / policy of the solutions / judge / judge_<name>
    model: str
    revision: str
    licence: str


def models_used(manifest: Mapping[str, Any]) -> list[ModelUsed]:
    """From the manifest; a licence is the recipe's, else that of a README in the model's folder. Of
    a relabelled dataset, the policies that wrote its solutions come first."""
    roles = {role: manifest[role] for role in ("policy", "prover") if manifest.get(role)}
    written = manifest.get("writers") or []
    if written and roles["policy"]["revision"] not in {one["revision"] for one in written}:
        del roles["policy"]  # it wrote nothing of this dataset
    output = (manifest.get("recipe") or {}).get("output", {})
    stated: Mapping[str, str] = output.get("licenses", {})
    before = [one for one in written if one["revision"] != roles.get("policy", {}).get("revision")]
    return [
        *(_used("policy of the solutions", one, one["licence"]) for one in before),
        *(
            _used(role, found, stated.get(role) or _licence(found["model"]) or NOT_STATED)
            for role, found in (roles | (manifest.get("judges") or {})).items()
        ),
    ]


def policy_licence(manifest: Mapping[str, Any]) -> str:
    """Of the policy that the run had."""
    plain = {name: value for name, value in manifest.items() if name != "writers"}
    return next((one.licence for one in models_used(plain) if one.role == "policy"), NOT_STATED)


def _used(role: str, found: Mapping[str, Any], licence: str) -> ModelUsed:
    return ModelUsed(
        role, public_name(found["model"]) or found["engine"], found["revision"], licence
    )


def _licence(model: str) -> str:
    """What the README of a model's folder states; "" where there is none."""
    try:
        text = Path(model, "README.md").read_text(encoding="utf-8") if model else ""
    except (OSError, UnicodeDecodeError):
        return ""
    if not text.startswith("---\n"):
        return ""
    try:
        head = yaml.safe_load(text.split("---\n")[1])
    except yaml.YAMLError:
        return ""
    return str(head.get("license") or "") if isinstance(head, dict) else ""


def model_lines(models: list[ModelUsed]) -> list[str]:
    if not models:
        return []
    return [
        "",
        "## Models",
        "",
        "| part | model | revision | licence |",
        "|---|---|---|---|",
        *(f"| {m.role} | {m.model} | `{m.revision}` | {m.licence} |" for m in models),
    ]


def annotator_lines(summary: Summary) -> list[str]:
    """Steps by what each annotator said of them; none where no annotator but rollouts spoke."""
    counts: dict[str, dict[str, int]] = {}
    for said, count in summary.said.items():  # "arithmetic: incorrect, false_equation"
        name, _, rest = said.partition(": ")
        verdict = rest.partition(",")[0]
        row = counts.setdefault(name, dict.fromkeys(("correct", "incorrect", "unknown"), 0))
        row[verdict] = row.get(verdict, 0) + count
    lines = [
        f"| {name} | {row['correct']:,} | {row['incorrect']:,} | {row['unknown']:,} "
        f"| {_judge(summary, name)} |"
        for name, row in counts.items()
    ]
    if not lines and not summary.rollouts:
        return []
    return [
        "",
        "## Annotators",
        "",
        f"Rollouts: {summary.rollouts:,} completions from {summary.prefixes:,} prefixes, the "
        f"outcome of {summary.rollouts_unknown:,} unknown.",
        *(
            [
                "",
                "| annotator | steps called correct | incorrect | unknown | as tested |",
                "|---|---|---|---|---|",
                *lines,
            ]
            if lines
            else []
        ),
    ]


def _judge(summary: Summary, name: str) -> str:
    report = summary.judges.get(name)
    if report is None:
        return "–"
    figures = {"sensitivity": report.sensitivity, "specificity": report.specificity}
    said = ", ".join(f"{what} {value:.2f}" for what, value in figures.items() if value is not None)
    return said + ("; not admitted" if report.not_admitted else "") or "–"


def cost_lines(recipe: Recipe | None, summary: Summary) -> list[str]:
    """Generated tokens by what they were for, and their price where the recipe has one."""
    spent = {
        "samples": summary.sample_tokens,
        "rollouts": summary.rollout_tokens,
        "rollouts of corrections": summary.rationales.get("tokens", 0),
        **{f"{name}, read and written": one.tokens for name, one in summary.judges.items()},
        **{f"{name}, admission test": one.test_tokens for name, one in summary.judges.items()},
    }
    spent = {what: tokens for what, tokens in spent.items() if tokens}
    if not spent:
        return []
    price = 0.0 if recipe is None else recipe.run.cost_of_million_tokens
    per_step = sum(spent.values()) / summary.labelled if summary.labelled else None
    return [
        "",
        "## Cost",
        "",
        "| for | tokens |",
        "|---|---|",
        *(f"| {what} | {tokens:,} |" for what, tokens in spent.items()),
        *([f"| for each step with a hard label | {per_step:,.1f} |"] if per_step else []),
        *(
            [f"| price, at {price:g} a million | {sum(spent.values()) * price / 1e6:,.2f} |"]
            if price
            else []
        ),
    ]
