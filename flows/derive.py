"""`stepsmith derive`: another view of the same evidence, in a folder of its own."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from flows.admission import noted_rates
from flows.evidence import evidence_of, shard_evidence
from flows.tables import print_rows, run_rows
from pipeline.card_edits import write_card
from pipeline.card_of import dataset_card
from pipeline.errors import RecipeError
from pipeline.files import write_json
from pipeline.folder import DatasetFolder, check_owner, note_owner
from pipeline.labels.derive import Provenance, derive
from pipeline.labels.feeds import feeds
from pipeline.places import absolute, beside, exists
from pipeline.posterior.fusion import Fusion
from pipeline.posterior.past import Past
from pipeline.published import write_labels
from pipeline.recipe import (
    Labels,
    Questions,
    Recipe,
    apply_override,
    content_hash,
    parse_recipe,
)
from pipeline.schemas import SCHEMA_VERSION
from pipeline.summary import summarize
from pipeline.tables import read_frame
from pipeline.versions import check_derivable


def derive_command(dataset: Path, out: Path | None, view: str, overrides: list[str]) -> None:
    """Raises InputError, StorageError. Of an older dataset the labels are of the present schema.
    Resumes: a shard that is there is not written again."""
    origin = DatasetFolder(dataset).need_dataset()
    plan = derivation(origin, view, overrides)
    if plan.settings.view == "posterior" and plan.fusion is None:
        rates = noted_rates(plan.manifest)
        provers = plan.manifest.get("earlier", [])
        fusion = evidence_of(origin).learn(plan.questions, rates=rates, provers=provers)
        plan = replace(plan, fusion=fusion)
    target = DatasetFolder(out or beside(dataset, plan.settings.view))
    run_derivation(plan, origin, target)


@dataclass(frozen=True, slots=True)
class Derivation:
    """Which labels are made of a dataset's evidence."""

    manifest: dict[str, Any]
    settings: Labels
    questions: Questions
    k: int
    recipe: Recipe | None
    fusion: Fusion | None

    @property
    def name(self) -> str:
        return f"{self.manifest['name']} ({self.settings.view})"


def derivation(origin: DatasetFolder, view: str, overrides: list[str]) -> Derivation:
    manifest = origin.read_manifest()
    if manifest is None:
        raise RecipeError(
            f"{origin.manifest}: is not there: the run that makes {origin.root} has not finished"
        )
    check_derivable(manifest.get("schema_version"), origin.root)
    raw = manifest.get("posterior")
    fusion = None if raw is None else Fusion.from_dict(raw)
    return Derivation(manifest, *_settings(manifest, view, overrides), fusion)


def run_derivation(plan: Derivation, origin: DatasetFolder, target: DatasetFolder) -> None:
    """Write the derived dataset, and print its table."""
    settings = plan.settings
    source = absolute(origin.evidence_root())
    fusion = None if plan.fusion is None else plan.fusion.as_dict()
    identity = {"derived_from": str(source), "labels": settings.model_dump(mode="json")}
    if settings.view == "posterior":
        identity["posterior"] = content_hash(fusion)
    check_owner(target, identity)
    note_owner(target, identity)
    started = time.monotonic()
    for shard in origin.shards():
        if not exists(target.published(shard)):
            _derive_shard(origin, target, shard, plan)
    summary = summarize(target, source, plan.manifest.get("judges", {}))
    manifest = {
        **plan.manifest,
        "schema_version": SCHEMA_VERSION,  # an older dataset's other tables are the same
        "name": plan.name,
        "labels": settings.model_dump(mode="json"),
        "derived_from": str(source),
        "posterior": fusion,
        "counts": summary.as_dict(),
    }
    write_card(target.card, dataset_card(target, manifest, summary))
    write_json(target.manifest, manifest)
    gap = feeds(settings, plan.recipe.rollouts.search) if plan.recipe else None
    rows = [row for row in run_rows(summary, {}, {}) if "journal" not in row[0]]
    rows.append(("seconds", f"{time.monotonic() - started:.1f}"))
    print_rows(f"{plan.name}: {target.root}", rows, [*summary.warnings(), *([gap] if gap else [])])


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
        labels = Labels.model_validate(whole["labels"])
        lacking = labels.lacks_judge(manifest.get("annotators", ()))
        if lacking is not None:
            raise RecipeError(lacking)
        return labels, Questions(), 1, None
    recipe = parse_recipe(whole, "the dataset's recipe")
    return recipe.labels, recipe.questions, recipe.rollouts.k, recipe


def _derive_shard(
    origin: DatasetFolder, target: DatasetFolder, shard: str, plan: Derivation
) -> None:
    source = DatasetFolder(origin.evidence_root())
    old = origin.published_labels(shard)
    tables = shard_evidence(origin, shard)
    first = old.row(0, named=True) if len(old) else {}
    tree = source.side("tree", shard)
    labels = derive(
        tables.problems,
        tables.solutions,
        tables.evidence,
        plan.settings,
        plan.questions,
        plan.k,
        Provenance(
            prover=first.get("prover") or "",
            segmentation=first.get("segmentation") or "",
            recipe_hash=first.get("recipe_hash") or "",
        ),
        read_frame(tree) if exists(tree) else None,
        plan.fusion,
        Past.of_rows(plan.manifest.get("earlier", []), tables.earlier),
    )
    write_labels(target.published(shard), labels)
