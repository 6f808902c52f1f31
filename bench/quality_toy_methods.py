"""Every method on one cell of the toy."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
from scipy.special import logit

from annotators.search import SEARCHES
from annotators.search.probe import Candidate, Counts, Measured, SearchSettings, Start
from bench.quality_bound import bound
from bench.quality_found import MASS, CellFound, Found, Truth, aggregates, of_labels
from bench.quality_toy import SAMPLES, TOKENS, Toy
from flows.fitting import APPROACH, LAST, LEAST_PILOT, SHARE
from flows.guidance import AT_ONCE, PILOT_WAVES
from pipeline.engines.base import Prompt
from pipeline.labels.derive import Provenance, derive
from pipeline.labels.layout import Bools, Floats, Ints
from pipeline.posterior.fuse import fuse
from pipeline.posterior.fused import Fused
from pipeline.posterior.fusion import ALL, PRIOR, Fusion
from pipeline.posterior.learn import learn
from pipeline.posterior.observed import Observed
from pipeline.posterior.parameters import MEANS, NAMES, Parameters
from pipeline.posterior.play import Play
from pipeline.posterior.read import read
from pipeline.posterior.simulate import Market, price_of
from pipeline.prefix import CutSolution
from pipeline.recipe import Labels, Questions
from pipeline.verdict import Verdict

SHARES = (0.05, 0.1, 0.3, 1.0)  # of the tokens of exhaustive search with k = 8
TRUE_SHARES = (0.1, 0.3, 1.0)
_PROVENANCE = Provenance(prover="toy", segmentation="toy", recipe_hash="")


def measure(name: str, toy: Toy) -> CellFound:
    known = true_globals(toy)
    seen = _observed(toy, np.zeros(toy.layout.num_steps, dtype=np.int64))
    tokens = _of_nodes(seen, np.where(toy.left > 0, toy.tokens, np.inf))
    least = bound(seen, known.parameters(ALL), tokens)
    answers = toy.solutions["final_answer"].to_list()
    return CellFound(name, methods(toy), truth_of(toy), least, answers)


def truth_of(toy: Toy) -> Truth:
    return Truth(
        toy.layout, toy.first, toy.clean, toy.value, toy.left > 0, toy.problem, toy.outcome
    )


def methods(toy: Toy) -> list[Found]:
    """The first is exhaustive search with k = 8 on all solutions: the baseline."""
    everywhere = np.where(toy.left > 0, 1, 0)
    wrong = ~toy.outcome[toy.layout.row]
    found = [_rule("exhaustive k=8", "hard", toy, 8 * everywhere, 8, intervals=True)]
    for k in (4, 16):
        found.append(_rule(f"exhaustive k={k}", "hard", toy, k * everywhere, k))
    for k in (4, 8, 16):
        draws = k * everywhere * wrong
        found.append(_rule(f"exhaustive k={k}, wrong only", "hard", toy, draws, k))
    found.append(_rule("relative progress", "progress", toy, 8 * everywhere, 8))
    found.append(_rule("hybrid", "hybrid", toy, 8 * everywhere, 8))
    for search, view in (("bisect", "hard"), ("scan", "scan")):
        draws = _drive(search, toy, 8)
        found.append(_rule(search, view, toy, draws, 8, censored=draws < 8))
    baseline = found[0].tokens
    for share in SHARES:
        found.append(_posterior(toy, share, baseline))
    for share in TRUE_SHARES:
        found.append(_posterior(toy, share, baseline, true_globals(toy)))
    found.append(_fused("posterior of exhaustive k=8", toy, 8 * everywhere, None))
    return found


def true_globals(toy: Toy) -> Fusion:
    """The model is the toy's own: it can be told the truth."""
    rates = toy.rates
    vector = MEANS.copy()
    known = {
        "hazard": logit(rates.error),
        "spread": -7.0,
        "repair": logit(max(rates.repair, 1e-4)),
        "luck": logit(max(rates.luck, 1e-4)),
        "agree_good": 9.0,
        "agree_wrong": 9.0,
    }
    for name, value in known.items():
        vector[NAMES.index(name)] = value
    return Fusion({ALL: Parameters(vector)}, {})


def _rule(
    method: str,
    view: str,
    toy: Toy,
    draws: Ints,
    k: int,
    intervals: bool = False,
    censored: Bools | None = None,
) -> Found:
    evidence = toy.evidence(draws, censored)
    settings = Labels.model_validate({"view": view, "interval": MASS})
    table = derive(toy.problems, toy.solutions, evidence, settings, Questions(), k, _PROVENANCE)
    labels = pl.DataFrame(table)
    found = of_labels(method, toy.cost(draws), labels, toy.layout, intervals)
    right = toy.right(draws) / np.maximum(draws, 1)
    return replace(found, score=aggregates(np.where(draws > 0, right, 1.0), toy.layout))


def _drive(search: str, toy: Toy, k: int) -> Ints:
    """How often a search draws from each prefix: the product's own search, our own draws."""
    draws = np.zeros(toy.layout.num_steps, dtype=np.int64)
    offsets = toy.layout.offsets
    settings = SearchSettings(k, window=2 if search == "scan" else None)
    for problem in range(int(toy.problem.max()) + 1):
        rows = np.flatnonzero(toy.problem == problem)
        candidates = [_candidate(toy, int(row)) for row in rows]
        right = int(toy.outcome[rows].sum())
        going = SEARCHES[search](Start(candidates, Counts(right, SAMPLES - right, 0)), settings)
        wave = next(going, None)
        while wave is not None:
            answers: list[Measured | None] = []
            for probe in wave:
                step = offsets[int(probe.prefix.solution.solution_id[1:])] + probe.prefix.steps - 1
                draws[step] = max(draws[step], probe.draws)
                c = int(toy.right(draws)[step])
                answers.append(Measured(Counts(c, int(draws[step]) - c, 0)))
            try:
                wave = going.send(answers)
            except StopIteration:
                wave = None
    return draws


def _candidate(toy: Toy, row: int) -> Candidate:
    length = int(toy.layout.lengths[row])
    ends = tuple(TOKENS * (t + 1) for t in range(length))
    cut = CutSolution(
        f"s{row}",
        f"p{toy.problem[row]}",
        Prompt("q"),
        f"{row:08d}" * length,
        ends,
        None,
        None,
        None,
    )
    outcome = Verdict.CORRECT if toy.outcome[row] else Verdict.INCORRECT
    return Candidate(cut, outcome, TOKENS * length, draws=1)


def _posterior(toy: Toy, share: float, baseline: float, known: Fusion | None = None) -> Found:
    """Pilot, fit, search, fit: the phases of a run, all problems in step."""
    size = toy.layout.num_solutions
    budget = share * baseline * size
    draws = np.zeros(toy.layout.num_steps, dtype=np.int64)
    problems = int(toy.problem.max()) + 1
    tokens = np.where(toy.left > 0, toy.tokens, np.inf)
    if known is None:
        wanted = max(SHARE * problems, LEAST_PILOT) / problems
        pilots = np.random.default_rng(1).random(problems) < wanted
        price = price_of([_market(toy, draws, PRIOR, tokens)], budget, seed=0)
        own = np.where(pilots[toy.problem[toy.layout.row]], tokens, np.inf)
        draws = _search(toy, draws, PRIOR, own, price, PILOT_WAVES, AT_ONCE)
    for part in (APPROACH, LAST):
        fusion = known or _learn(toy, draws, piloted=part == APPROACH)
        left = part * (budget - toy.cost(draws) * size)
        price = price_of([_market(toy, draws, fusion, tokens)], left, seed=0)
        draws = _search(toy, draws, fusion, tokens, price)
    name = f"posterior {share:.0%}" + (", true globals" if known else "")
    return _fused(name, toy, draws, known)


def _fused(method: str, toy: Toy, draws: Ints, known: Fusion | None) -> Found:
    evidence = toy.evidence(draws)
    fusion = known or _learn(toy, draws)
    fused = fuse(fusion, toy.problems, toy.solutions, evidence, True, MASS)
    hidden = toy.solutions.with_columns(outcome=pl.lit("unknown"))
    unread = fuse(fusion, toy.problems, hidden, evidence, True, MASS)
    return of_fused(method, toy.cost(draws), fused, unread, toy)


def of_fused(method: str, tokens: float, fused: Fused, unread: Fused, toy: Toy) -> Found:
    layout = toy.layout
    most = np.maximum(fused.p_none, 0.0)
    np.maximum.at(most, layout.row, fused.p_first)
    return Found(
        method,
        tokens,
        fused.place(layout),
        most,
        fused.p_correct,
        fused.value_low,
        fused.value_high,
        aggregates(unread.p_correct, layout),
    )


def _learn(toy: Toy, draws: Ints, piloted: bool = False) -> Fusion:
    """`piloted`: of problems with rollouts alone, as flows/fitting.py."""
    solutions = toy.solutions
    if piloted:
        drawn = np.bincount(toy.problem[toy.layout.row], weights=draws)[toy.problem] > 0
        solutions = solutions.filter(pl.Series(drawn))
    return learn(toy.problems, solutions, toy.evidence(draws), True)


def _observed(toy: Toy, draws: Ints) -> Observed:
    return read(toy.layout, toy.solutions, toy.evidence(draws), {}, True)


def _market(toy: Toy, draws: Ints, fusion: Fusion, tokens: Floats) -> Market:
    seen = _observed(toy, draws)
    return Market(seen, fusion.parameters(ALL), _of_nodes(seen, tokens))


def _of_nodes(seen: Observed, tokens: Floats) -> Floats:
    found = np.full(seen.forest.num_nodes, np.inf)
    found[seen.forest.step_node] = tokens
    return found


def _search(
    toy: Toy,
    draws: Ints,
    fusion: Fusion,
    tokens: Floats,
    price: float,
    waves: int | None = None,
    at_once: int = 1,
) -> Ints:
    """What search `posterior` does, in every problem at once."""
    seen = _observed(toy, draws)
    forest = seen.forest

    def answer(nodes: Ints, drawn: Ints) -> Bools:
        return toy.succeeds(forest.first_step[nodes], drawn)

    play = Play(seen, fusion.parameters(ALL), _of_nodes(seen, tokens), answer)
    play.advance(price, waves=waves, at_once=at_once)
    return np.asarray((play.correct + play.incorrect)[forest.step_node])
