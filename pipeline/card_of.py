"""The card of a dataset that lies in a folder, from its manifest and tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.card import card, card_facts
from pipeline.card_tables import models_used
from pipeline.contamination.decontamination import contamination_warnings
from pipeline.folder import DatasetFolder
from pipeline.recipe import Labels, Recipe, parse_recipe
from pipeline.summary import Summary


def dataset_card(
    folder: DatasetFolder, manifest: Mapping[str, Any], summary: Summary, repository: str = ""
) -> str:
    """The whole text; equal datasets give equal cards. Raises RecipeError where the manifest's
    recipe is of another version."""
    labels, recipe = _labels(manifest)
    facts = card_facts(folder)
    return card(
        manifest["name"],
        recipe,
        labels.view,
        labels.after_error,
        summary,
        policies=facts["policies"],
        languages=facts["languages"],
        sources=facts["sources"],
        noise=facts["noise"],
        models=models_used(manifest),
        repository=repository,
        contamination=_contamination(manifest.get("decontamination")),
        earlier=[one["prover"] for one in manifest.get("earlier") or ()],
    )


def _contamination(found: Mapping[str, Any] | None) -> list[str]:
    """What the problems were checked against; "" where they were not."""
    if not found:
        return ["The problems were not checked against evaluation sets."]
    sets = ", ".join(f"{one['source']} ({one['rows']:,} rows)" for one in found["sets"])
    left = sum(found["left_out"].values())
    lines = [
        f"The problems were checked against evaluation sets before anything was sampled: {sets}. "
        f"{left:,} of them were left out: equal after normalising, or {found['share']:.0%} of the "
        f"{found['ngram']}-grams in one row."
    ]
    return lines + [f"Warning: {one}." for one in contamination_warnings(found)]


def _labels(manifest: Mapping[str, Any]) -> tuple[Labels, Recipe | None]:
    """A derived dataset states its own beside the recipe of the run."""
    raw, own = manifest.get("recipe"), manifest.get("labels")
    if raw is None:
        return Labels.model_validate(own or {}), None
    if own is not None:
        raw = {**raw, "labels": own}
    recipe = parse_recipe(raw, "the dataset's recipe")
    return recipe.labels, recipe
