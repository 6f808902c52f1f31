"""Taking over another dataset: its batches, and what its provers were, kept with the run.

<plans>/relabel.json    the dataset, the tokenizer of its policy, and its provers with what was
                        learnt of each, the first one first
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from flows.admission import noted_rates
from flows.evidence import evidence_of
from pipeline.batches import Batch, Shard
from pipeline.files import write_json
from pipeline.folder import EARLIER_TABLE, DatasetFolder
from pipeline.origin import Origin
from pipeline.places import is_folder, place, read_json
from pipeline.posterior.past import Past
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
        write_json(relabel_place(plans), _noted(origin, recipe))
    return list(origin.plan(plans, range(known, known + fresh)))


def new_batches(recipe: Recipe, known: int) -> int:
    """How many the dataset has beside the `known` first ones; 0 where all are taken over and the
    dataset is there no more. Raises InputError."""
    root = place(recipe.relabel.dataset)
    if known and not is_folder(root):
        return 0
    return max(len(Origin.open(root).manifest["batches"]) - known, 0)


def relabel_place(plans: Path) -> Path:
    return plans / "relabel.json"


def read_noted(plans: Path) -> dict[str, Any] | None:
    """What was taken over; None where nothing was."""
    try:
        return dict(read_json(relabel_place(plans)))
    except FileNotFoundError:
        return None


def past_of(noted: dict[str, Any] | None, batch: Batch, shard: Shard) -> Past | None:
    """What a shard's earlier provers did; None where there is none."""
    rows = None if noted is None else batch.taken(EARLIER_TABLE, shard)
    if noted is None or rows is None:
        return None
    return Past.of_rows(noted["provers"], pl.DataFrame(rows))


def _noted(origin: Origin, recipe: Recipe) -> dict[str, Any]:
    provers = origin.provers()
    if provers[-1]["fusion"] is None:  # its labels needed none: it is learnt here, from the same
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
