"""Taking over another dataset: its batches, and what its provers were, kept with the run.

<plans>/relabel.json    the dataset, the tokenizer of its policy, and its provers with what was
                        learnt of each, the first one first
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flows.admission import noted_rates
from flows.evidence import evidence_of
from flows.taken import noted_place
from pipeline.batches import Batch
from pipeline.files import write_json
from pipeline.folder import DatasetFolder
from pipeline.origin import Origin
from pipeline.places import is_folder, place
from pipeline.recipe import Recipe


def take_over(recipe: Recipe, plans: Path, known: int) -> list[Batch]:
    """The dataset's batches that are not among the `known` first ones. Raises InputError,
    StorageError."""
    fresh = new_batches(recipe, known)
    if not fresh:
        return []
    origin = Origin.open(place(recipe.relabel.dataset))
    origin.whole()
    if not known:
        write_json(noted_place(plans), _noted(origin, recipe))
    return list(origin.plan(plans, range(known, known + fresh)))


def new_batches(recipe: Recipe, known: int) -> int:
    """How many the dataset has beside the `known` first ones; 0 where all are taken over and the
    dataset is there no more. Raises InputError."""
    root = place(recipe.relabel.dataset)
    if known and not is_folder(root):
        return 0
    return max(len(Origin.open(root).manifest["batches"]) - known, 0)


def _noted(origin: Origin, recipe: Recipe) -> dict[str, Any]:
    provers = [] if recipe.relabel.forget else origin.provers()
    if (
        provers and provers[-1]["fusion"] is None
    ):  # its labels needed none: it is learnt here, from the same
        folder = DatasetFolder(origin.root)
        fusion = evidence_of(folder).learn(recipe.questions, rates=noted_rates(origin.manifest))
        provers[-1]["fusion"] = fusion.as_dict()
    first = origin.tables.published_labels(origin.tables.shards()[0], ["segmentation"])
    return {
        "dataset": recipe.relabel.dataset,
        "segmentation": first["segmentation"][0] if len(first) else "",
        "policy": origin.manifest["policy"],
        "judges": origin.manifest.get("judges", {}),
        "provers": provers,
    }
