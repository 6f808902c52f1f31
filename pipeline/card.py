"""The dataset card: README.md with the YAML that the Hub and `datasets` read.

What is ours in it stands between two comments (pipeline/card_edits.py); nothing in it names a host
or a folder of this machine.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import polars as pl

from pipeline.card_edits import mark
from pipeline.card_tables import ModelUsed, annotator_lines, cost_lines, model_lines
from pipeline.citations import citations
from pipeline.folder import DatasetFolder
from pipeline.noise import noise_lines
from pipeline.public import public_recipe
from pipeline.recipe import Recipe
from pipeline.summary import Summary

_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))

_VIEWS = {
    "hard": "`label` is 1 where some rollout from the step succeeded (Math-Shepherd).",
    "soft": "`p_correct` is the share of rollouts from the step that succeeded (Math-Shepherd, "
    "OmegaPRM).",
    "scan": "`p_correct` is SCAN's noise-tolerant label: near the first error the success rate "
    "over the policy's own pass rate, 1 before, 0 at it (arXiv 2509.16548).",
    "progress": "`p_correct` is the change of the success rate by the step (GenPRM).",
    "tools": "`label` is what tools say of the step alone: 0 where one refuted it.",
    "hybrid": "`label` is the sign of GroundedPRM's value: tool verdicts from the step on and the "
    "outcome, over the solutions that share its prefix; `p_correct` is the share of that evidence "
    "that says right (arXiv 2510.14942).",
    "posterior": "`p_correct` is the chance that no step up to here is wrong, given all evidence, "
    "under one fitted model (docs/labels.md); `label` is null where it is not certain.",
    "spark": "`label` is what the majority of the judges' votes says of the step (SPARK).",
    "aurora": "`p_correct` is the mean of the judges' votes on the step (AURORA).",
    "capo": "`label` is 0 where the judges' wrong-step sets say so: all, most or any of them, by "
    "`labels.capo` (arXiv 2508.02298).",
    "advantage": "`advantage` is the change of the prover's success rate by the step (PAV); "
    "`p_correct` is null, as the method states no probability.",
}
_FILTERS = {
    "qwen": "rollouts and judges name the same first error, or both none (arXiv 2501.07301)",
    "genprm": "no step's progress label and judges' majority disagree (arXiv 2504.00891)",
}
_AFTER = {
    "mask": "Steps after the first error have no label.",
    "propagate": "Steps after the first error are labelled 0.",
    "local": "Steps after the first error carry what tools said of the step alone.",
}


def card(
    name: str,
    recipe: Recipe | None,
    view: str,
    after_error: str,
    summary: Summary,
    policies: Sequence[str],
    languages: Sequence[str],
    sources: Sequence[str],
    noise: Sequence[str] = (),
    models: Sequence[ModelUsed] = (),
    repository: str = "",
    contamination: Sequence[str] = (),
    earlier: Sequence[str] = (),
) -> str:
    """The whole text; equal datasets give equal cards. `repository`: where it is published;
    `earlier`: revisions of the provers before this one, of a dataset that was relabelled."""
    size = next((text for limit, text in _SIZES if summary.solutions < limit), "n>1M")
    licence = "unknown" if recipe is None else recipe.output.license or "unknown"
    yaml = [
        "---",
        "configs:",
        "- config_name: default",
        "  data_files:",
        "  - split: train",
        "    path: data/train-*.parquet",
        "annotations_creators:",
        "- machine-generated",
        f"license: {json.dumps(licence)}",
        *_yaml_list("language", [one for one in languages if one != "und"]),
        *_yaml_list("source_datasets", sources),
        f"pretty_name: {json.dumps(name, ensure_ascii=False)}",
        "size_categories:",
        f"- {size}",
        "task_categories:",
        "- text-classification",
        "tags:",
        "- process-reward-model",
        "- step-labels",
        "- stepsmith",
        "---",
    ]
    rate = summary.completions_per_label
    there = f'"{repository}"' if repository else "FOLDER"
    files = f"hf://datasets/{repository}" if repository else "FOLDER"
    body = [
        f"# {name}",
        "",
        "Solutions cut into steps, every step labelled from evidence, by Stepsmith.",
        "",
        f"- View `{view}`: {_VIEWS[view]}",
        f"- {_AFTER[after_error]} (`after_error = {after_error}`)",
        *_filter_line(recipe),
        "- `value` is the chance that the prover finishes rightly from the step, with an interval; "
        "`p_correct` is about the steps themselves. They differ where an error was repaired.",
        *_earlier_line(earlier),
        "- Unknown is never incorrect: a failed call, a time-out or an unreadable answer is no "
        "label.",
        "- Rows whose `keep` is false stay, with the reason in `keep_reason`: filter on `keep`.",
        "",
        "| | |",
        "|---|---|",
        f"| problems | {summary.problems:,} |",
        f"| solutions | {summary.solutions:,} |",
        f"| kept | {summary.kept:,} |",
        f"| steps with a hard label, in kept solutions | {summary.labelled:,} |",
        f"| of these positive | {_share(summary.positive, summary.labelled)} |",
        f"| policy | {', '.join(policies) or 'unknown'} |",
        f"| completions: samples, rollouts | {summary.sample_completions:,}, "
        f"{summary.rollouts:,} |",
        f"| generated tokens: samples, rollouts | {summary.sample_tokens:,}, "
        f"{summary.rollout_tokens:,} |",
        f"| rollouts for each labelled step | {'–' if rate is None else f'{rate:.2f}'} |",
        *_consensus_lines(summary),
        *_rationale_lines(summary),
        "",
        f"Load it with `datasets.load_dataset({there})` or "
        f"`polars.read_parquet('{files}/data/*.parquet')`. The rollouts, the evidence, the "
        "solutions and the problems stand beside it as Parquet.",
        *_rationale_text(summary),
        *model_lines(list(models)),
        *annotator_lines(summary),
        *cost_lines(recipe, summary),
        "",
        "## Limits",
        "",
        "Monte-Carlo labels come late and forgive: a policy that repairs an error silently, or "
        "reaches the answer by luck, makes a wrong step look right. A right answer does not prove "
        "right steps. The labels are those of this policy; another one needs its own.",
        *(f"\n{line}" for line in noise),
        *(f"\n{line}" for line in contamination),
        *(f"\nWarning: {warning}." for warning in summary.warnings()),
        "",
        *_citation_lines(recipe),
    ]
    if recipe is not None:
        body += [
            "## Recipe",
            "",
            "```json",
            json.dumps(public_recipe(recipe.model_dump(mode="json")), indent=2, ensure_ascii=False),
            "```",
            "",
        ]
    return "\n".join([*yaml, "", mark("\n".join(body))])


def _citation_lines(recipe: Recipe | None) -> list[str]:
    lines = citations(recipe)
    if not lines:
        return []
    return ["## Rests on", "", *(f"- {line}" for line in lines), ""]


def _earlier_line(earlier: Sequence[str]) -> list[str]:
    if not earlier:
        return []
    return [
        f"- Relabelled: values are those of the prover below. Rollouts of provers before it "
        f"({', '.join(earlier)}) stand in `earlier/` and count for what fresh rollouts showed them "
        f"to be worth (docs/relabel.md)."
    ]


def _filter_line(recipe: Recipe | None) -> list[str]:
    name = "none" if recipe is None else recipe.labels.filter
    return [] if name == "none" else [f"- Filter `{name}`: a row is kept only if {_FILTERS[name]}."]


def _consensus_lines(summary: Summary) -> list[str]:
    """Rows of the table; none where no judge was asked."""
    if not summary.conflicts:
        return []
    cells = ", ".join(name.replace("_", " ") for name in summary.conflicts)
    counts = ", ".join(f"{count:,}" for count in summary.conflicts.values())
    kept = ", ".join(f"{kept:,} of {whole:,}" for kept, whole in summary.kept_of.values())
    return [
        f"| first errors by rollouts and judges: {cells} | {counts} |",
        f"| kept of those that rollouts call {', '.join(summary.kept_of)} | {kept} |",
    ]


def _rationale_lines(summary: Summary) -> list[str]:
    """Rows of the table; none where no judge was asked."""
    found = summary.rationales
    if not found:
        return []
    return [
        f"| rationales | {found['rationales']:,} |",
        f"| corrections tried, confirmed | {found['tried']:,}, {found['confirmed']:,} |",
        f"| generated tokens of their rollouts | {found['tokens']:,} |",
    ]


def _rationale_text(summary: Summary) -> list[str]:
    if not summary.rationales:
        return []
    return [
        "",
        "`rationales/` holds what judges wrote about solutions on which each of their verdicts "
        "equals the label, up to the first error; `correction` is a step in its place from which "
        "rollouts reach the answer about as often as from the steps before it. Verdicts were "
        "checked, words were not.",
    ]


def _share(part: int, whole: int) -> str:
    return f"{part:,} ({part / whole:.1%})" if whole else "–"


def _yaml_list(key: str, values: Sequence[str]) -> list[str]:
    found = sorted({value for value in values if value})
    # JSON strings are YAML strings, whatever a problem file calls its source.
    return (
        [f"{key}:", *(f"- {json.dumps(value, ensure_ascii=False)}" for value in found)]
        if found
        else []
    )


def card_facts(folder: DatasetFolder) -> dict[str, list[str]]:
    """policies, languages and sources of the published labels, sorted; read column by column; and
    what is to be said of their noise."""
    labels = folder.scan_labels()
    columns = {"policies": "policy", "languages": "language", "sources": "source"}
    found = {
        name: labels.select(pl.col(column).drop_nulls().unique().sort())
        .collect(engine="streaming")[column]
        .to_list()
        for name, column in columns.items()
    }
    return found | {"noise": noise_lines(folder)}
