"""Taking over another dataset: its batches, and what its models were, kept with the run.

<plans>/relabel.json    see flows/taken.py
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from flows.admission import noted_rates
from flows.evidence import evidence_of
from flows.taken import noted_place
from pipeline.batches import Batch, plan_batch
from pipeline.errors import InputError
from pipeline.files import write_json
from pipeline.folder import DatasetFolder
from pipeline.origin import Origin
from pipeline.places import place
from pipeline.recipe import Recipe

# The first number of a batch whose solutions the new policy wrote, and the distance to those of the
# next relabelling: what is taken over keeps its number, so that shards pair by their names.
SAMPLED = 10_000


def check_prover(recipe: Recipe, source: str) -> None:
    """Refuse a prover whose rollouts the dataset has: the same draws would be bought once more, and
    count twice. `source`: its own. Raises InputError."""
    origin = Origin.open(place(recipe.relabel.dataset))
    provers = [] if recipe.relabel.forget else origin.provers()
    if any(source in one["sources"] for one in provers):
        raise InputError(
            f"{origin.root}: has rollouts of this very prover already, by weights, prompt and "
            f"sampling: name another one with --policy or --prover; for more rollouts of the same, "
            f"raise rollouts.budget_tokens in its own recipe and run that again",
            dataset=str(origin.root),
        )


def take_over(recipe: Recipe, plans: Path, batches: Sequence[Batch]) -> list[Batch]:
    """The dataset's batches that are not among `batches`, those that were planned before; and where
    the recipe says so one more, of their problems, for solutions of the new policy. Raises
    InputError, StorageError."""
    fresh = new_numbers(recipe, batches)
    planned: list[Batch] = []
    if fresh:
        origin = Origin.open(place(recipe.relabel.dataset))
        if not batches:
            write_json(noted_place(plans), _noted(origin, recipe))
        planned = list(origin.plan(plans, fresh))
    if recipe.relabel.new_solutions:
        planned += _to_sample(recipe, plans, [*batches, *planned])
    return planned


def _to_sample(recipe: Recipe, plans: Path, batches: Sequence[Batch]) -> list[Batch]:
    """One batch of the problems that have none of the new policy's solutions; or none."""
    taken = [batch for batch in batches if batch.is_taken]
    sampled = [batch for batch in batches if not batch.is_taken]
    known = {name for batch in sampled for name in batch.texts()}
    found = {
        one.problem_id: one
        for batch in taken
        for shard in batch.shards()
        for one in batch.problems(shard)
        if one.problem_id not in known
    }
    if not found:
        return []
    first = SAMPLED * (max(batch.number for batch in taken) // SAMPLED + 1)
    number, size = first + len(sampled), recipe.run.shard_problems
    spent = sum(batch.spent or 0 for batch in taken if not known.issuperset(batch.texts()))
    return [plan_batch(plans, number, list(found.values()), size, {}, {}, spent=spent)]


def new_numbers(recipe: Recipe, batches: Sequence[Batch]) -> list[int]:
    """Of the dataset's batches that are not among `batches`. Raises InputError."""
    origin = Origin.open(place(recipe.relabel.dataset))
    known = {batch.number for batch in batches if batch.is_taken}
    fresh = [number for number in origin.numbers() if number not in known]
    if fresh:
        origin.whole()
    return fresh


def _noted(origin: Origin, recipe: Recipe) -> dict[str, Any]:
    provers = [] if recipe.relabel.forget else origin.provers()
    if (
        provers and provers[-1]["fusion"] is None
    ):  # its labels needed none: it is learnt here, from the same
        folder = DatasetFolder(origin.root)
        fusion = evidence_of(folder).learn(recipe.questions, rates=noted_rates(origin.manifest))
        provers[-1]["fusion"] = fusion.as_dict()
    return {
        "dataset": recipe.relabel.dataset,
        "writers": origin.writers(),
        "decontamination": origin.manifest.get("decontamination"),
        "judges": origin.manifest.get("judges", {}),
        "provers": provers,
    }
