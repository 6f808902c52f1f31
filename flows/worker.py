"""A worker of a cluster: stages of shards, on storage that it shares with the driver.

A worker process opens its part of a run once (its own event loop, graders and engine connections,
and the weights checked against `work/identity.json`) and keeps it for the tasks that follow. It
takes no lock: the driver owns the folder, and tells what it has learnt (budget, guidance,
parameters; routes of judges are in the folder). Orders and reports are strings.

Guaranteed: what a stage commits, and its result, are in the folder when the task ends; a shard that
was given to somebody else since is left alone (pipeline/claim.py). Not guaranteed: that a worker
which is killed stops what it started outside its process.
"""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass
from typing import Any

from flows.context import RunContext, identities, open_context
from flows.counts import counts, since
from flows.gate import Gate, hungry
from flows.guidance import Guidance
from flows.routing import read_route
from flows.shard_plan import ShardPlan
from flows.shards import ShardWork, run_stage
from pipeline.batches import read_batches
from pipeline.errors import OutputError, RunStopped
from pipeline.folder import DatasetFolder
from pipeline.places import place
from pipeline.posterior.fusion import Fusion
from pipeline.recipe import Recipe, parse_recipe

_OPEN: dict[str, Worker] = {}  # of this process: one, in all but tests


@dataclass(frozen=True, slots=True)
class Order:
    """What a worker must know of a run. `workers`: how many share the engine's `max_running`."""

    recipe: Mapping[str, Any]
    out: str
    home: str  # the driver's working folder: names of files in the recipe are meant from there
    workers: int

    def dumps(self) -> str:
        fields = {"recipe": self.recipe, "out": self.out, "home": self.home}
        return json.dumps({**fields, "workers": self.workers})

    @staticmethod
    def loads(text: str) -> Order:
        return Order(**json.loads(text))

    def share(self) -> Recipe:
        """The recipe with this worker's part of what a server runs at once."""
        recipe = parse_recipe(self.recipe, "the driver's recipe")
        shared = {"max_running": max(recipe.policy.max_running // self.workers, 1)}
        # Limits are the driver's, who knows what all buy.
        none = {"stop_after_tokens": 0, "stop_after_hours": 0.0, "stop_after_cost": 0.0}
        changes: dict[str, Any] = {
            "policy": recipe.policy.model_copy(update=shared),
            "run": recipe.run.model_copy(update=none),
        }
        if recipe.rollouts.max_running is not None:
            own = {"max_running": max(recipe.rollouts.max_running // self.workers, 1)}
            changes["rollouts"] = recipe.rollouts.model_copy(update=own)
        if recipe.judges():
            changes["annotators"] = {
                name: _shared_judge(settings, self.workers) if name in recipe.judges() else settings
                for name, settings in recipe.annotators.items()
            }
        return recipe.model_copy(update=changes)


def _shared_judge(settings: Mapping[str, Any], workers: int) -> dict[str, Any]:
    whole = int(settings.get("max_running", 256))
    return {**settings, "max_running": max(whole // workers, 1)}


def pack_learnt(plans: Sequence[ShardPlan], limit: str | None) -> str:
    """What the driver has learnt of some shards, for a worker's plans of them. `limit`: of the run,
    that was reached, so that nothing more is bought."""
    # All shards of a batch share what was learnt, and parameters are long: each once.
    notes: list[dict[str, Any]] = []
    of: dict[str, int] = {}
    for plan in plans:
        guidance = plan.guidance
        note = {
            "allowance": plan.allowance,
            "budget": plan.budget,
            "guidance": guidance and guidance.as_dict(),
            "fusion": plan.fusion and plan.fusion.as_dict(),
        }
        if note not in notes:
            notes.append(note)
        of[plan.shard.name] = notes.index(note)
    return json.dumps({"notes": notes, "of": of, "limit": limit})


def identify(order: str) -> str:
    """What this worker's policy and prover are, as JSON."""
    return json.dumps(identities(_worker(order).context))


def work(order: str, stage: str, shards: Sequence[str], learnt: str, term: int) -> str:
    """Run one stage of some shards; what was counted, as JSON. Raises StepsmithError."""
    return json.dumps(_worker(order).stage(stage, shards, json.loads(learnt), term))


def _worker(order: str) -> Worker:
    if order not in _OPEN:
        _OPEN[order] = Worker(Order.loads(order))
    return _OPEN[order]


class Worker:
    """This process's part of a run. Not thread-safe: a worker does one task at a time."""

    def __init__(self, order: Order) -> None:
        if os.path.isdir(order.home):
            os.chdir(order.home)
        recipe = order.share()
        self.folder = DatasetFolder(place(order.out))
        self.context: RunContext = open_context(recipe, self.folder, replay=False)
        self._gate = Gate(recipe.run.shards_at_once, hungry(self.context))

    def stage(
        self, name: str, shards: Sequence[str], learnt: Mapping[str, Any], term: int
    ) -> dict[str, Any]:
        context = self.context
        context.term = term
        context.limits.reached = learnt.get("limit")  # the driver counts what all workers buy
        before, started = counts(context.meter), time.monotonic()
        works = self._works(shards, learnt)
        try:
            context.loop.call(run_stage(name, works, self._gate))
        except CancelledError:
            raise RunStopped(f"{self.folder.root}: stopped") from None
        except BaseExceptionGroup as errors:
            raise errors.exceptions[0] from None
        except BaseException:
            context.loop.cancel_all()  # the task was cancelled: what it began must end too
            raise
        self._take_engines_counts()
        return {
            "counts": since(counts(context.meter), before),
            "seconds": round(time.monotonic() - started, 3),
            "left": [one.shard.name for one in works if one.left],
        }

    def _take_engines_counts(self) -> None:
        meter, loads = self.context.meter, [one.load() for one in self.context.engines]
        meter.errors = sum((one.troubles for one in self.context.engines), Counter())
        meter.prompt_tokens = sum(load.prompt_tokens or 0 for load in loads)
        meter.prompt_tokens_cached = sum(load.prompt_tokens_cached or 0 for load in loads)

    def _works(self, shards: Sequence[str], learnt: Mapping[str, Any]) -> list[ShardWork]:
        wanted = set(shards)
        found = [
            ShardWork(self.context, batch, shard)
            for batch in read_batches(self.folder.plans)
            for shard in batch.shards()
            if shard.name in wanted
        ]
        if len(found) < len(wanted):
            raise OutputError(
                f"{self.folder.plans}: the plan of {len(wanted) - len(found)} shards cannot be "
                f"seen from this worker ({os.uname().nodename}): the run folder must be on storage "
                f"that all nodes share"
            )
        for one in found:
            _tell(one.plan, learnt["notes"][learnt["of"][one.shard.name]])
        return found


def _tell(plan: ShardPlan, learnt: Mapping[str, Any]) -> None:
    plan.allowance, plan.budget = learnt["allowance"], learnt["budget"]
    raw = learnt["guidance"]
    plan.guidance = None if raw is None else Guidance.from_dict(raw)
    plan.fusion = None if learnt["fusion"] is None else Fusion.from_dict(learnt["fusion"])
    for name in plan.context.judges:
        route = read_route(plan.route_place(name))
        if route is None:
            return  # not asked yet, nor any after it
        plan.routes[name] = route
