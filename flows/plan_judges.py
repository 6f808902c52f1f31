"""What judges would cost: their admission tests, and the judging itself.

Starts no engine. A test is known to be done ("cached") where the model's identity is known without
asking: the folder's, a bundled model's, or a recipe's `revision`. How many solutions a judge that
sees the undecided is sent is known when the evidence is there: all of them is the bound.
"""

from __future__ import annotations

from annotators.judge.admit import AdmissionTest
from annotators.judge.annotator import Judge, JudgeTask, templates_of
from annotators.judge.settings import judge_settings
from flows.admission import known_record
from flows.context import known_identity
from flows.routing import ROUTED
from flows.tables import Rows
from pipeline.engines.build import build_engine
from pipeline.folder import DatasetFolder
from pipeline.recipe import Recipe


def judge_rows(
    recipe: Recipe,
    folder: DatasetFolder,
    problem: str,
    solutions: float,
    steps: float,
    tokens: float,
) -> Rows:
    """`solutions`: how many are searched, of so many steps and tokens. Raises InputError."""
    rows: Rows = []
    for name in recipe.judges():
        judge = _judge(name, recipe, folder)
        rows += [
            (name, ""),
            *_test(judge, folder),
            *_judging(judge, problem, solutions, steps, tokens),
        ]
    return rows


def _judge(name: str, recipe: Recipe, folder: DatasetFolder) -> Judge:
    settings = judge_settings(name, recipe.annotators[name])
    engine = build_engine(settings, recipe.run.patience_s)
    identity = known_identity(folder, name) or engine.identity
    return Judge(name, settings, templates_of(settings), identity, engine)


def _test(judge: Judge, folder: DatasetFolder) -> Rows:
    test = AdmissionTest.of(judge)
    record = known_record(folder, judge.name, test.key)
    if record is not None and record.whole:
        return [("  admission test", "cached")]
    calls, read, written = test.cost()
    return [
        ("  admission test: calls, and retries", f"{calls:,}"),
        ("    tokens read, about", f"{read:,}"),
        ("    tokens written, at most", f"{written:,}"),
    ]


def _judging(judge: Judge, problem: str, solutions: float, steps: float, tokens: float) -> Rows:
    settings, count = judge.settings, max(round(steps), 1)
    # Prompts of a solution without words, and the words that each of them shows.
    task = JudgeTask("", "", problem, ("",) * count, "0")
    shown = [
        (judge.prompt_tokens(prompt), count if step is None else step + 1)
        for _, step, prompt in judge.questions(task)
    ]
    read = solutions * sum(empty + tokens * part / count for empty, part in shown)
    calls = solutions * settings.samples * len(shown)
    written = calls * (settings.max_tokens + settings.reasoning_tokens)
    budget, bound = settings.budget_tokens, "at most" if settings.sees == ROUTED else "about"
    rows = [
        (f"  judging: solutions, {bound}", f"{solutions:,.0f}"),
        ("    calls, and retries", f"{calls:,.0f}"),
        (f"    tokens read, {bound}", f"{read:,.0f}"),
        ("    tokens written, at most", f"{written:,.0f}"),
    ]
    return [*rows, ("    tokens it may cost", f"{budget:,}")] if budget >= 0 else rows
