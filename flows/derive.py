"""`stepsmith derive`: another view of the same evidence, in a folder of its own."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import polars as pl

from flows.tables import print_rows, run_rows
from pipeline.card import card, card_facts
from pipeline.errors import RecipeError
from pipeline.files import write_json, write_table, write_text
from pipeline.folder import DatasetFolder, check_owner, note_owner
from pipeline.labels.derive import Provenance, derive
from pipeline.labels.feeds import feeds
from pipeline.labels.views import check
from pipeline.recipe import Labels, Questions, Recipe, apply_override, parse_recipe
from pipeline.summary import summarize


def derive_command(dataset: Path, out: Path | None, view: str, overrides: list[str]) -> None:
    """Raises InputError, StorageError. Resumes: a shard that is there is not written again."""
    origin = DatasetFolder(dataset).need_dataset()
    manifest = origin.read_manifest()
    if manifest is None:
        raise RecipeError(
            f"{origin.manifest}: is not there: the run that makes {dataset} has not finished"
        )
    settings, questions, k, recipe = _settings(manifest, view, overrides)
    check(settings)
    target = DatasetFolder(out or dataset.with_name(f"{dataset.name}-{settings.view}"))
    source = origin.evidence_root().resolve()
    identity = {"derived_from": str(source), "labels": settings.model_dump(mode="json")}
    check_owner(target, identity)
    note_owner(target, identity)
    started = time.monotonic()
    for shard in origin.shards():
        if not target.published(shard).exists():
            _derive_shard(origin, target, shard, settings, questions, k)
    summary = summarize(target, source)
    facts = card_facts(target)
    name = f"{manifest['name']} ({settings.view})"
    write_text(
        target.card, card(name, recipe, settings.view, settings.after_error, summary, **facts)
    )
    write_json(
        target.manifest,
        {
            **manifest,
            "name": name,
            "labels": settings.model_dump(mode="json"),
            "derived_from": str(source),
            "counts": summary.as_dict(),
        },
    )
    warnings = summary.warnings()
    gap = feeds(settings.view, recipe.rollouts.search) if recipe else None
    rows = [row for row in run_rows(summary, {}, {}) if "journal" not in row[0]]
    rows.append(("seconds", f"{time.monotonic() - started:.1f}"))
    print_rows(f"{name}: {target.root}", rows, [*warnings, *([gap] if gap else [])])


def _settings(
    manifest: dict[str, Any], view: str, overrides: list[str]
) -> tuple[Labels, Questions, int, Recipe | None]:
    raw = manifest.get("recipe")
    whole: dict[str, Any] = raw or {"labels": manifest.get("labels", {})}
    if "labels" in manifest:
        whole = whole | {"labels": manifest["labels"]}
    if view:
        overrides = [f'labels.view="{view}"', *overrides]
    for override in overrides:
        if not override.strip().startswith("labels."):
            raise RecipeError(f"--set {override}: derive changes [labels] only")
        apply_override(whole, override)
    if raw is None:
        return Labels.model_validate(whole["labels"]), Questions(), 1, None
    recipe = parse_recipe(whole, "the dataset's recipe")
    return recipe.labels, recipe.questions, recipe.rollouts.k, recipe


def _derive_shard(
    origin: DatasetFolder,
    target: DatasetFolder,
    shard: str,
    settings: Labels,
    questions: Questions,
    k: int,
) -> None:
    source = DatasetFolder(origin.evidence_root())
    old = pl.read_parquet(origin.published(shard))
    problems = pl.read_parquet(source.side("problems", shard))
    asked = source.side("questions", shard)
    if asked.exists():
        reasons = pl.read_parquet(asked, columns=["problem_id", "question_reason"])
        problems = problems.join(reasons, on="problem_id")
    hashes = old.select("solution_id", prefix_hashes="prefix_hash")
    solutions = pl.read_parquet(source.side("solutions", shard)).join(
        hashes, on="solution_id", how="left", maintain_order="left"
    )
    first = old.row(0, named=True) if len(old) else {}
    tree = source.side("tree", shard)
    labels = derive(
        problems,
        solutions,
        pl.read_parquet(source.side("evidence", shard)),
        settings,
        questions,
        k,
        Provenance(
            prover=first.get("prover") or "",
            segmentation=first.get("segmentation") or "",
            recipe_hash=first.get("recipe_hash") or "",
        ),
        pl.read_parquet(tree) if tree.exists() else None,
    )
    write_table(target.published(shard), labels)
