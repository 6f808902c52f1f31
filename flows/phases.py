"""The order of a run's stages, and what stands between them: what needs all shards of a batch.

    screen ─▶ the budget is shared ─▶ search, check ─▶ judges, one by one ─▶ confirm ─▶ publish

and for a guided search, or view `posterior`, the fits of flows/fitting.py. Each judge is sent the
solutions of its route (flows/routing.py), which is known when all before it is done.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import partial

from annotators.search import GUIDED_SEARCHES
from flows.admission import Record, rates_of
from flows.fitting import MOST_SHARES, Fitting
from flows.guidance import Guidance
from flows.routing import ROUTED, Route, allot, choose, read_route
from flows.shards import ShardWork
from pipeline.batches import Batch
from pipeline.batches import allot as allot_rollouts
from pipeline.files import write_json
from pipeline.folder import DatasetFolder
from pipeline.recipe import Recipe

Phase = tuple[tuple[str, ...], Callable[[], None] | None]


class Phases:
    """Of an open run: `works` by shard name. What it learns stands in each shard's plan. A replay
    learns nothing: it goes by what its run was published by."""

    def __init__(
        self,
        recipe: Recipe,
        folder: DatasetFolder,
        batches: Sequence[Batch],
        works: Mapping[str, ShardWork],
        records: Mapping[str, Record],
    ) -> None:
        self._recipe = recipe
        self._folder = folder
        self._batches = batches
        self._works = works
        self._guided = recipe.rollouts.search in GUIDED_SEARCHES
        self._records = records

    def phases(self) -> list[Phase]:
        """Stages in order; what a phase ends with needs the whole of it, of all shards."""
        first: tuple[str, ...] = ("screen",)
        rest: tuple[str, ...] = ("search", "check")
        budget = self._recipe.limited()
        if self._guided:
            # What the other annotators say guides the search.
            start: list[Phase] = [
                ((*first, "check"), self.allot),
                (("pilot",), self.learn_approach),
            ]
            if budget:
                start.append((("approach",), self.learn_search))
            return [*start, *self._judged(("search",))]
        # A budget is shared among the problems worth searching: all must be screened first.
        start = [(first, self.allot)] if budget else []
        rest = rest if budget else (*first, *rest)
        if self._recipe.labels.view != "posterior" and not self._recipe.judges():
            return [*start, ((*rest, "publish"), None)]
        return [*start, *self._judged(rest)]

    def _judged(self, before: tuple[str, ...]) -> list[Phase]:
        """The last stages: judges one after the other, each by a route that knows the one before;
        what the labels go by; rationales, which say what the labels say; the labels."""
        found: list[Phase] = []
        for name in self._recipe.judges():
            found.append((before, partial(self.route, name)))
            before = (name,)
        fitted = self.learn_labels if self._recipe.labels.view == "posterior" else None
        last = ("confirm", "publish") if found else ("publish",)
        return [*found, (before, fitted), (last, None)]

    def route(self, name: str) -> None:
        """Whom a judge is asked about, once all before it is done."""
        for batch, shards in self._unpublished():
            # What is published went by its own, perhaps of another budget.
            waiting = [work for work in shards if not work.plan.published]
            places = [work.plan.route_place(name) for work in waiting]
            routes = [route for place in places if (route := read_route(place))]
            if len(routes) < len(places):
                routes = self._routes(name, batch, waiting)
                for place, route in zip(places, routes, strict=True):
                    write_json(place, asdict(route))
            for work, route in zip(waiting, routes, strict=True):
                work.plan.routes[name] = route

    def _routes(self, name: str, batch: Batch, shards: Sequence[ShardWork]) -> list[Route]:
        settings = shards[0].context.judges[name].judge.settings
        names = self._recipe.judges()
        before = names[: names.index(name)]
        fusion = None
        if settings.sees == ROUTED:
            fusion = self._fitting(batch, shards).learn_so_far(before)
        asked: list[list[str]] = []
        for work in shards:
            seen = work.tables.seen("search", before)
            chosen = [] if seen is None else choose(name, settings, self._recipe, seen, fusion)
            asked.append(chosen)
        # The first batch pays for the admission test.
        spent = self._records[name].admission.tokens if batch.number == 0 else 0
        left = settings.budget_tokens
        if len(shards) < len(batch.shards()) and left >= 0:
            left = left * sum(work.shard.stop - work.shard.start for work in shards) // batch.size
        shares = allot(left, spent, [len(ids) for ids in asked])
        return [Route(ids, share) for ids, share in zip(asked, shares, strict=True)]

    def allot(self) -> None:
        """Share the budget among a batch's problems that are searched, once all are screened."""
        for batch, shards in self._unpublished():
            markers = [work.plan.screen_stage().done() for work in shards]
            live = sum(int(marker["live"]) for marker in markers if marker)
            budget = self._budget(batch)
            allowance = allot_rollouts(batch, budget, live)
            if self._guided and allowance is not None:
                allowance *= MOST_SHARES  # the price shares the budget; this only bounds it
            guidance = self._fitting(batch, shards).plan_pilot() if self._guided else None
            for work in shards:
                work.plan.allowance, work.plan.guidance = allowance, guidance
                work.plan.budget = budget

    def learn_approach(self) -> None:
        """After the pilot: what the next search goes by."""
        self._learn(Fitting.learn_approach)

    def learn_search(self) -> None:
        """After the approach: what the rest of the search goes by."""
        self._learn(Fitting.learn_search)

    def _learn(self, learn: Callable[[Fitting, Guidance], Guidance]) -> None:
        for batch, shards in self._unpublished():
            guidance = shards[0].plan.guidance
            assert guidance is not None
            guidance = learn(self._fitting(batch, shards), guidance)
            for work in shards:
                work.plan.guidance = guidance

    def learn_labels(self) -> None:
        """After the search: what view `posterior` goes by."""
        for batch, shards in self._unpublished():
            fusion = self._fitting(batch, shards).learn_labels()
            for work in shards:
                work.plan.fusion = fusion

    def _unpublished(self) -> Iterator[tuple[Batch, list[ShardWork]]]:
        """The first of those that go together, and the shards of all of them."""
        if self._folder.origin is not None:
            return
        for first in self._batches:
            if first.group != first.number:
                continue
            batches = self._with(first)
            shards = [self._works[shard.name] for batch in batches for shard in batch.shards()]
            shards = [work for work in shards if not work.left]
            if not all(work.plan.published for work in shards):
                yield first, shards

    def _with(self, first: Batch) -> list[Batch]:
        return [batch for batch in self._batches if batch.group == first.number]

    def _budget(self, first: Batch) -> int:
        """Generated tokens, of the batches that go with this one; -1: no limit."""
        told, share = self._recipe.rollouts.budget_tokens, self._recipe.relabel.share
        if told >= 0 or share is None:
            return told
        return round(share * sum(batch.spent or 0 for batch in self._with(first)))

    def _fitting(self, batch: Batch, shards: Sequence[ShardWork]) -> Fitting:
        rates = rates_of(self._records)
        noted = shards[0].context.noted if shards else None
        provers = [] if noted is None else noted["provers"]
        budget = self._budget(batch)
        return Fitting(
            self._folder.plans, self._recipe, batch.number, budget, shards, rates, provers
        )
