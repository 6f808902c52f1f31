"""`stepsmith plan`: what a run would do and cost, without spending anything.

The estimate says what it assumes. Where the folder already holds screened problems, their real
lengths and pass rate are used instead.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from annotators.search import GUIDED_SEARCHES, TREE_SEARCHES
from flows.context import models_of
from flows.plan_judges import judge_rows
from flows.run import check_recipe, view_warning
from flows.tables import Rows, print_rows
from pipeline.batches import new_problems, read_batches
from pipeline.engines.build import build_engine, check_models
from pipeline.folder import DatasetFolder
from pipeline.intake import read_intake
from pipeline.places import place
from pipeline.problems import Problem
from pipeline.prompt import load_prompt
from pipeline.recipe import Recipe
from pipeline.shapes import ImportedSolution
from pipeline.summary import summarize


@dataclass(frozen=True, slots=True)
class Guess:
    """What the estimate rests on: means over solutions, and shares."""

    steps: float
    tokens: float
    wrong: float  # share of the solutions that are wrong
    searched: float  # share of the problems worth searching
    distinct: float  # share of the samples that are no repetition
    measured: bool


def print_plan(recipe: Recipe) -> None:
    """Raises InputError for anything that a run would refuse before spending."""
    check_recipe(recipe)
    folder = DatasetFolder(place(recipe.output.dir))
    read = read_intake(recipe)
    batches = read_batches(folder.work)
    fresh = new_problems(batches, read.problems)
    read.need_problems(recipe.problems.source or recipe.solutions.source)
    check_models(models_of(recipe))
    for model in (recipe.policy, recipe.prover()):
        build_engine(model, recipe.run.patience_s)  # a folder that is no model is refused here
    template = load_prompt(recipe.policy.prompt)
    print("--- the first prompt, between the lines ---")
    sys.stdout.write(template.render((fresh or read.problems)[0].text))
    print("\n---")
    guess = _guess(folder, recipe)
    rows: Rows = [
        ("problems in the source", f"{len(read.problems):,}"),
        ("  set aside", f"{sum(read.set_aside.values()):,}"),
        *(
            (f"  {why}", f"{n:,}")
            for why, n in (read.checked.counts() if read.checked else {}).items()
        ),
        ("  new in this folder", f"{len(fresh):,}"),
        ("new shards", f"{-(-len(fresh) // recipe.run.shard_problems):,}"),
        *_costs(recipe, fresh, read.solutions, guess),
        *judge_rows(
            recipe,
            folder,
            (fresh or read.problems)[0].text,
            _searched(recipe, fresh, read.solutions, guess),
            guess.steps,
            guess.tokens,
        ),
        ("resting on", "this folder's screened problems" if guess.measured else "assumptions:"),
        ("  steps a solution", f"{guess.steps:.1f}"),
        ("  tokens a solution", f"{guess.tokens:.0f}"),
        ("  wrong solutions", f"{guess.wrong:.0%}"),
        ("  problems searched", f"{guess.searched:.0%}"),
    ]
    warning = view_warning(recipe)
    print_rows(f"plan of {recipe.name}: {folder.root}", rows, [warning] if warning else [])


def _costs(
    recipe: Recipe,
    fresh: Sequence[Problem],
    imported: Sequence[ImportedSolution] | None,
    guess: Guess,
) -> Rows:
    problems = len(fresh)
    samples = problems * recipe.policy.samples
    found = _searched(recipe, fresh, imported, guess)
    rows: Rows = [
        ("samples, about", f"{samples:,}"),
        ("  tokens, about", f"{samples * guess.tokens:,.0f}"),
    ]
    if imported is not None:
        rows = [("imported solutions", f"{found:,.0f}")]
    grows = recipe.rollouts.search in TREE_SEARCHES
    if grows:  # how many rollouts are worth a search is known when they are there
        found = problems * guess.searched * recipe.rollouts.searches
    elif recipe.rollouts.search not in ("exhaustive", *GUIDED_SEARCHES):
        found *= guess.wrong
    if recipe.rollouts.solutions and not grows:
        found = min(found, problems * guess.searched * recipe.rollouts.solutions)
    rollouts = found * _rollouts(recipe, guess)
    # A rollout from a prefix writes what is left: half a solution on average.
    tokens = rollouts * guess.tokens / 2
    budget = recipe.rollouts.budget_tokens
    if 0 <= budget < tokens:
        rollouts *= budget / tokens
        tokens = budget
    return [
        *rows,
        ("rollouts, at most about" if grows else "rollouts, about", f"{rollouts:,.0f}"),
        ("  tokens, about", f"{tokens:,.0f}"),
    ]


def _searched(
    recipe: Recipe,
    fresh: Sequence[Problem],
    imported: Sequence[ImportedSolution] | None,
    guess: Guess,
) -> float:
    """Solutions of problems worth searching; imported ones are counted."""
    if imported is not None:
        ids = {problem.problem_id for problem in fresh}
        return sum(solution.problem_id in ids for solution in imported)
    return len(fresh) * recipe.policy.samples * guess.searched * guess.distinct


def _rollouts(recipe: Recipe, guess: Guess) -> float:
    """Completions that the search buys for one solution that it searches, on average."""
    k, steps = recipe.rollouts.k, guess.steps
    if recipe.rollouts.search in GUIDED_SEARCHES:
        return 2 * steps  # about a quarter of exhaustive search; the budget is the better guide
    if recipe.rollouts.search == "exhaustive":
        return k * max(steps - 1, 0)
    window = recipe.labels.window * k if recipe.labels.view == "scan" else 0
    if recipe.rollouts.search in TREE_SEARCHES:
        return k * math.ceil(math.log2(max(steps, 2)))
    if recipe.rollouts.search == "bisect":
        # Half of the middles are zeros (all k drawn), half stop after about two draws.
        return math.ceil(math.log2(max(steps, 2))) * (k + 2) / 2 + window
    # scan: about two draws at each step before the first zero, k there, k in the window.
    return steps / 2 * 2 + k + recipe.labels.window * k


def _guess(folder: DatasetFolder, recipe: Recipe) -> Guess:
    if folder.shards():
        found = summarize(folder)
        known = found.outcomes.get("correct", 0) + found.outcomes.get("incorrect", 0)
        if found.solutions and known and found.sample_completions:
            return Guess(
                steps=found.steps / found.solutions,
                tokens=found.sample_tokens / found.sample_completions,
                wrong=found.outcomes.get("incorrect", 0) / known,
                searched=found.searched / max(found.problems, 1),
                distinct=found.origins.get("sampled", 0) / found.sample_completions,
                measured=True,
            )
    return Guess(8.0, recipe.policy.max_tokens / 2, 0.5, 0.8, 0.8, measured=False)
