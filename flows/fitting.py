"""The posterior's phases of a run: which problems pilot, what is learnt, what a token may cost.

    screen, check ─▶ pilot (a share of the problems, by the prior) ─▶ fit
                  ─▶ approach (most of the budget) ─▶ fit ─▶ search (the rest) ─▶ fit ─▶ labels

The budget is kept by the approach: what a price makes problems spend is simulated, and no model
knows that quite; so the approach aims at `APPROACH` of what is left, and the search goes on from
there, at a price found for what it left. A lower price only prolongs a search: nothing is wasted.

What is learnt stands in `<plans>/posterior/` and is frozen there: a batch that is added later, and
a replay, go by it. A run that was killed learns it again from the same finished stages, so it is
the same. Fits read at most `MOST` problems, whole shards chosen by a hash of their names.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import polars as pl

from flows.evidence import MOST
from flows.guidance import Guidance, Round, guidance_place, labels_place, read_fusion, unit
from flows.shards import ShardWork
from pipeline.files import write_json
from pipeline.labels import pieces
from pipeline.posterior.fit import with_tables
from pipeline.posterior.fusion import PRIOR, Fusion, groups_of, learn
from pipeline.posterior.read import expected_tokens, read
from pipeline.posterior.simulate import Market, price_of
from pipeline.recipe import Recipe

SIMULATED = 200  # problems that a price is found on
SHARE, LEAST_PILOT, MOST_PILOT = 0.2, 20, 400  # problems of the pilot
THOUSAND = 1000.0
APPROACH = 0.7  # of what the pilot left
MOST_SHARES = 3  # even shares of the budget that one problem may have


class Fitting:
    """The fits of one batch. Not thread-safe; called between the phases."""

    def __init__(
        self, plans: Path, recipe: Recipe, number: int, works: Sequence[ShardWork]
    ) -> None:
        self._plans = plans
        self._place = guidance_place(plans, number, recipe.rollouts.budget_tokens)
        self._recipe = recipe
        self._works = sorted(works, key=lambda work: unit(work.shard.name))

    def plan_pilot(self) -> Guidance:
        """Once all is screened: who pilots, and at which price."""
        known = Guidance.read(self._place)
        if known is not None:
            return known
        live = self._live()
        if read_fusion(self._plans) is not None:
            # A batch that came later: the parameters of the dataset, and nothing to pilot.
            return self._after_pilot(Guidance(0.0, float("inf")), self.learn_labels(), None)
        wanted = min(max(SHARE * live, LEAST_PILOT), MOST_PILOT)
        return Guidance(wanted / max(live, 1), self._price(PRIOR, None, 1.0))

    def learn_approach(self, guidance: Guidance) -> Guidance:
        """After the pilot: the parameters and the price of the next search."""
        if guidance.approach is not None or guidance.last is not None:
            return guidance
        # Of problems that piloted alone: without rollouts, parameters fit anything but errors.
        fusion = _Frames.read(self._works, "pilot", MOST).measured().learn(self._recipe)
        return self._after_pilot(guidance, fusion, "pilot")

    def _after_pilot(self, guidance: Guidance, fusion: Fusion, stage: str | None) -> Guidance:
        if self._recipe.rollouts.budget_tokens < 0:  # a price is given: nothing to keep to
            found = replace(guidance, last=Round(fusion, self._price(fusion, stage, 1.0)))
        else:
            price = self._price(fusion, stage, APPROACH)
            found = replace(guidance, approach=Round(fusion, price))
        found.write(self._place)
        return found

    def learn_search(self, guidance: Guidance) -> Guidance:
        """After the approach: the parameters and the price of the rest."""
        if guidance.last is not None:
            return guidance
        assert guidance.approach is not None
        if read_fusion(self._plans) is not None:
            fusion = guidance.approach.fusion
        else:
            fusion = _Frames.read(self._works, "approach", MOST).learn(self._recipe)
        found = replace(guidance, last=Round(fusion, self._price(fusion, "approach", 1.0)))
        found.write(self._place)
        return found

    def learn_labels(self) -> Fusion:
        """After everything was seen: the parameters of the labels, for all batches of a folder."""
        known = read_fusion(self._plans)
        if known is not None:
            return Fusion.from_dict(known)
        frames = _Frames.read(self._works, "search", MOST)
        fusion = frames.learn(self._recipe)
        write_json(labels_place(self._plans), fusion.as_dict())
        return fusion

    def _live(self) -> int:
        markers = [work.plan.screen_stage().done() for work in self._works]
        return sum(int(marker["live"]) for marker in markers if marker)

    def _price(self, fusion: Fusion, stage: str | None, share: float) -> float:
        """Of a token, at which `share` of what `stage` left of the budget is spent on the problems
        that there are."""
        budget = self._recipe.rollouts.budget_tokens
        if budget < 0:
            return self._recipe.rollouts.price / THOUSAND
        frames = _Frames.read(self._works, stage, SIMULATED)
        if not frames.live:
            return float("inf")
        live = self._live()
        markets = frames.markets(fusion, self._recipe, MOST_SHARES * budget / live)
        left = share * (budget - self._spent(stage)) * frames.live / live
        return price_of(markets, left, self._recipe.seed)

    def _spent(self, stage: str | None) -> int:
        """Tokens of all rollouts that a stage has, of all shards."""
        if stage is None:
            return 0
        markers = [work.stage_of(stage).done() for work in self._works]
        return sum(int(marker["tokens"]) for marker in markers if marker)


class _Frames:
    """The tables of some shards, of problems that are searched."""

    def __init__(
        self, problems: pl.DataFrame, solutions: pl.DataFrame, evidence: pl.DataFrame
    ) -> None:
        self.problems = problems
        self.solutions = solutions
        self.evidence = evidence
        self.live = len(problems)

    @staticmethod
    def read(works: Sequence[ShardWork], stage: str | None, most: int) -> _Frames:
        """`stage`: whose rollouts are evidence, beside what the other annotators said."""
        parts: list[tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]] = []
        live = 0
        for work in works:
            if live >= most:
                break
            tables = work.seen(stage)
            if tables is not None:
                parts.append(tables)
                live += len(tables[0])
        problems, solutions, evidence = (
            pl.concat([part[number] for part in parts], how="diagonal_relaxed")
            if parts
            else pl.DataFrame()
            for number in range(3)
        )
        return _Frames(problems, solutions, evidence)

    def measured(self) -> _Frames:
        """Problems with rollouts from some step."""
        drawn = self.evidence.filter((pl.col("step") >= 0) & (pl.col("target") == "prefix_value"))
        ids = self.solutions.join(drawn, on="solution_id", how="semi")["problem_id"].unique()
        mask = pl.col("problem_id").is_in(ids.implode())
        return _Frames(self.problems.filter(mask), self.solutions.filter(mask), self.evidence)

    def learn(self, recipe: Recipe) -> Fusion:
        if not self.live:
            return PRIOR
        return learn(self.problems, self.solutions, self.evidence, recipe.questions.filtered)

    def markets(self, fusion: Fusion, recipe: Recipe, most: float) -> list[Market]:
        found = []
        layout = pieces.layout(self.solutions)
        for name, part, inner, _, _ in groups_of(self.problems, self.solutions, layout):
            seen = read(inner, part, self.evidence, fusion.edges, recipe.questions.filtered)
            tokens = expected_tokens(part, inner, seen.forest)
            parameters = with_tables(seen, fusion.parameters(name))
            found.append(Market(seen, parameters, tokens, most))
        return found
