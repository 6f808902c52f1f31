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

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from flows.evidence import MOST, Evidence, together
from flows.guidance import Guidance, Round, guidance_place, labels_place, read_fusion, unit
from flows.shards import ShardWork
from pipeline.files import write_json
from pipeline.labels import pieces
from pipeline.posterior.fit import with_tables
from pipeline.posterior.fusion import PRIOR, Fusion
from pipeline.posterior.groups import groups_of
from pipeline.posterior.panel_learning import Rates
from pipeline.posterior.past import Past, observe
from pipeline.posterior.read import expected_tokens
from pipeline.posterior.simulate import Market, price_of
from pipeline.recipe import Recipe

SIMULATED = 200  # problems that a price is found on
SHARE, LEAST_PILOT, MOST_PILOT = 0.2, 20, 400  # problems of the pilot
THOUSAND = 1000.0
APPROACH = 0.7  # of what the pilot left
LAST = 0.9  # of what the approach left: where a simulation errs, the budget is kept all the same
MOST_SHARES = 3  # even shares of the budget that one problem may have


class Fitting:
    """The fits of one batch. Not thread-safe; called between the phases."""

    def __init__(
        self,
        plans: Path,
        recipe: Recipe,
        number: int,
        budget: int,
        works: Sequence[ShardWork],
        rates: Mapping[str, Rates] | None = None,
        provers: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        """`budget`: generated tokens, -1 for no limit; `provers`: the earlier ones, of a dataset
        that is relabelled."""
        self._plans = plans
        self._place = guidance_place(plans, number, budget)
        self._budget = budget
        self._recipe = recipe
        self._rates = rates
        self._provers = provers
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
        prior = self._prior()
        return Guidance(wanted / max(live, 1), self._price(prior or PRIOR, None, 1.0), prior)

    def learn_approach(self, guidance: Guidance) -> Guidance:
        """After the pilot: the parameters and the price of the next search."""
        if guidance.approach is not None or guidance.last is not None:
            return guidance
        # Of problems that piloted alone: without rollouts, parameters fit anything but errors.
        seen = self._seen("pilot", MOST)
        fusion = PRIOR
        if seen is not None:
            fusion = seen.measured().learn(self._recipe.questions, provers=self._provers)
        return self._after_pilot(guidance, fusion, "pilot")

    def _after_pilot(self, guidance: Guidance, fusion: Fusion, stage: str | None) -> Guidance:
        if self._budget < 0:  # a price is given: nothing to keep to
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
            fusion = self._learn("approach")
        found = replace(guidance, last=Round(fusion, self._price(fusion, "approach", LAST)))
        found.write(self._place)
        return found

    def learn_labels(self) -> Fusion:
        """After everything was seen: the parameters of the labels, for all batches of a folder."""
        known = read_fusion(self._plans)
        if known is not None:
            return Fusion.from_dict(known)
        fusion = self.learn_so_far(self._recipe.judges())
        write_json(labels_place(self._plans), fusion.as_dict())
        return fusion

    def learn_so_far(self, judges: Sequence[str]) -> Fusion:
        """After the search, and after some judges."""
        known = read_fusion(self._plans)
        return self._learn("search", judges) if known is None else Fusion.from_dict(known)

    def _learn(self, stage: str, judges: Sequence[str] = ()) -> Fusion:
        seen = self._seen(stage, MOST, judges)
        if seen is None:
            return PRIOR
        return seen.learn(self._recipe.questions, rates=self._rates, provers=self._provers)

    def _prior(self) -> Fusion | None:
        """Of the prover before this one, where a dataset is relabelled."""
        return Fusion.from_dict(self._provers[-1]["fusion"]) if self._provers else None

    def _seen(self, stage: str | None, most: int, judges: Sequence[str] = ()) -> Evidence | None:
        """Of whole shards until they have `most` problems. `stage`: whose rollouts are evidence,
        beside what the other annotators and some judges said. None where no problem is searched."""
        parts: list[Evidence] = []
        for work in self._works:
            if sum(len(part.problems) for part in parts) >= most:
                break
            part = work.tables.seen(stage, judges)
            if part is not None:
                parts.append(part)
        return together(parts) if parts else None

    def _live(self) -> int:
        markers = [work.plan.screen_stage().done() for work in self._works]
        return sum(int(marker["live"]) for marker in markers if marker)

    def _price(self, fusion: Fusion, stage: str | None, share: float) -> float:
        """Of a token, at which `share` of what `stage` left of the budget is spent on the problems
        that there are."""
        budget = self._budget
        if budget < 0:
            return self._recipe.rollouts.price / THOUSAND
        seen = self._seen(stage, SIMULATED)
        if seen is None:
            return float("inf")
        live = self._live()
        past = Past.of_rows(self._provers, seen.earlier)
        markets = _markets(seen, fusion, past, self._recipe, MOST_SHARES * budget / live)
        left = share * (budget - self._spent(stage)) * len(seen.problems) / live
        return price_of(markets, left, self._recipe.seed)

    def _spent(self, stage: str | None) -> int:
        """Tokens of all rollouts that a stage has, of all shards."""
        if stage is None:
            return 0
        markers = [work.plan.stage_of(stage).done() for work in self._works]
        return sum(int(marker["tokens"]) for marker in markers if marker)


def _markets(
    seen: Evidence, fusion: Fusion, past: Past | None, recipe: Recipe, most: float
) -> list[Market]:
    found = []
    layout, filtered = pieces.layout(seen.solutions), recipe.questions.filtered
    for name, part, inner, _, _ in groups_of(seen.problems, seen.solutions, layout):
        observed = observe(past, name, inner, part, seen.evidence, fusion.edges, filtered)
        tokens = expected_tokens(part, inner, observed.forest, roots=past is not None)
        parameters = with_tables(observed, fusion.parameters(name))
        found.append(Market(observed, parameters, tokens, most))
    return found
