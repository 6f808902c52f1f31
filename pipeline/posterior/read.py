"""From a shard's tables to what the posterior reads.

Guarantees: nothing is counted twice. A prefix that several solutions share has its evidence once; a
sample is either a solution with its outcome or, where another one has its very text, a repeat; and
the screening samples, which also stand as rollouts of the problem alone, are not counted as those.
Sources of one annotator are pooled: they err together. So are all judges (panel.py).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl

from pipeline.labels import pieces
from pipeline.labels.counts import Counts, locate, read_counts
from pipeline.labels.judges import of_judge
from pipeline.labels.layout import Bools, Floats, Ints, Labels8, Layout
from pipeline.labels.outcomes import outcomes
from pipeline.labels.stable_hash import stable_hash
from pipeline.posterior.forest import Forest, plant
from pipeline.posterior.observed import JUDGES, NONE, Observed, Signal, Votes
from pipeline.posterior.panel import Panel, shares_of

SAMPLED, LOGPROB = "sampled", "logprob"
KINDS = 4  # of support
# Steps of one problem are rare together, where its policy words things in many ways: each says less
# than a step on its own would. Measured on the bundled policies (docs/log.md).
WORTH = 0.8
STEP_VALID = "step_valid"
_TARGETS = {STEP_VALID: True, "prefix_correct": False}  # and whether they speak of the step


def read(
    layout: Layout,
    solutions: pl.DataFrame,
    evidence: pl.DataFrame,
    edges: Mapping[str, Floats],
    filtered: bool,
    panel: Panel | None = None,
) -> Observed:
    """`solutions`: as `pipeline.labels.derive` takes them, with a column `prover`. `edges`: bounds
    of the bins of each score. `filtered`: questions all right or all wrong are not searched.
    `panel`: how judges' votes are read; None: not at all."""
    ids = solutions["solution_id"]
    names = solutions["problem_id"].unique(maintain_order=True)
    number = pl.DataFrame({"problem_id": names, "number": np.arange(len(names))})
    by_id = solutions.select("problem_id")
    problem = by_id.join(number, on="problem_id", how="left", maintain_order="left")["number"]
    forest = plant(layout, problem.to_numpy(), len(names), _prefixes(solutions, layout))
    outcome = outcomes(solutions)
    draws = solutions["draws"].list.len().fill_null(0).cast(pl.Int64).to_numpy()
    of_problem = problem.to_numpy()
    right, wrong = (
        np.bincount(of_problem, weights=draws * (outcome == kind), minlength=len(names)).astype(int)
        for kind in (1, 0)
    )
    counts, root = read_counts(evidence, ids, layout)
    correct, incorrect = _at_nodes(counts, forest), _at_nodes(counts, forest, wrong=True)
    right_root, wrong_root = np.zeros((2, len(names)), dtype=np.int64)
    np.maximum.at(right_root, of_problem, root.correct)  # each solution has its problem's
    np.maximum.at(wrong_root, of_problem, root.incorrect)
    same = np.ones(len(names), dtype=np.bool_)
    own = (solutions["prover"] == solutions["policy"]).fill_null(False).to_numpy()
    np.logical_and.at(same, of_problem, own)
    screened = same & (right_root == right) & (wrong_root == wrong)
    roots = forest.levels[0]
    correct[roots] = np.where(screened, 0, right_root)
    incorrect[roots] = np.where(screened, 0, wrong_root)
    mixed = (right > 0) & (wrong > 0) & filtered
    distinct = [
        np.bincount(of_problem[(outcome == kind) & (draws > 0)], minlength=len(names))
        for kind in (1, 0)
    ]
    signals = _signals(solutions, evidence, layout, forest, draws, edges)
    return Observed(
        forest=forest,
        correct=correct,
        incorrect=incorrect,
        outcome=outcome,
        samples=np.where(mixed, right + wrong, 0),
        repeats=np.stack([right - distinct[0], wrong - distinct[1]], axis=1),
        one_policy=bool(own.all()),
        continued=_continued(layout, forest, draws, outcome) if own.all() else None,
        signals=signals | _judged(evidence, ids, layout, forest, signals[SAMPLED], panel),
        votes=votes_of(evidence, ids, layout, forest),
    )


def _judged(
    evidence: pl.DataFrame,
    ids: pl.Series,
    layout: Layout,
    forest: Forest,
    sampled: Signal,
    panel: Panel | None,
) -> dict[str, Signal]:
    if panel is None:
        return {}
    shares = shares_of(evidence, ids, layout, forest)
    return {JUDGES: panel.signal(shares, sampled, forest)} if shares else {}


def step_scores(
    solutions: pl.DataFrame, evidence: pl.DataFrame, layout: Layout
) -> dict[str, Floats]:
    """Numbers of each step that are put in bins: NaN where there is none."""
    found: dict[str, Floats] = {}
    logprob = pieces.logprobs(solutions)
    values = logprob.cast("float64").fill_null(float("nan")).to_numpy(zero_copy_only=False)
    if not np.isnan(values).all():
        found[LOGPROB] = values
    return found | _scores(evidence, solutions["solution_id"], layout)


def _scores(evidence: pl.DataFrame, ids: pl.Series, layout: Layout) -> dict[str, Floats]:
    """What annotators that give numbers say of each prefix."""
    found = {}
    scored = evidence.filter(pl.col("score").is_not_null() & (pl.col("target") == "prefix_value"))
    for name in scored["annotator"].unique().sort():
        rows = locate(
            scored.filter(pl.col("annotator") == name),
            "prefix_value",
            ids,
            layout,
            ("score",),
        ).filter(pl.col("step") >= 0)
        values = np.full(layout.num_steps, np.nan)
        row = rows["row"].to_numpy()
        values[layout.offsets[row] + rows["step"].to_numpy()] = rows["score"].to_numpy()
        found[name] = values
    return found


def _continued(layout: Layout, forest: Forest, draws: Ints, outcome: Labels8) -> Ints:
    """Right and wrong samples through each node."""
    found = [
        np.bincount(
            forest.step_node,
            weights=(draws * (outcome == kind))[layout.row],
            minlength=forest.num_nodes,
        )
        for kind in (1, 0)
    ]
    return np.stack(found, axis=1).astype(np.int64)


def _prefixes(solutions: pl.DataFrame, layout: Layout) -> Ints | None:
    """A number for each prefix, by its hash; a number of its own where there is none."""
    if "prefix_hashes" not in solutions.columns:
        return None
    flat = pl.Series(pieces.prefix_hashes(solutions, layout))
    number = stable_hash(flat).view(np.int64)
    unknown = flat.is_null().to_numpy()
    return np.where(unknown, -1 - np.arange(layout.num_steps), number)


def _at_nodes(counts: Counts, forest: Forest, wrong: bool = False) -> Ints:
    return _largest(counts.incorrect if wrong else counts.correct, forest)


def _largest(values: Ints, forest: Forest) -> Ints:
    """Of the steps that end at a node, which say the same or nothing; 0 at roots."""
    found = np.zeros(forest.num_nodes, dtype=np.int64)
    np.maximum.at(found, forest.step_node, values)
    return found


def _signals(
    solutions: pl.DataFrame,
    evidence: pl.DataFrame,
    layout: Layout,
    forest: Forest,
    draws: Ints,
    edges: Mapping[str, Floats],
) -> dict[str, Signal]:
    scores = step_scores(solutions, evidence, layout)
    own = scores.pop(LOGPROB, None)
    found = {SAMPLED: sampled(layout, forest, draws, own, edges.get(LOGPROB))}
    return found | _rated(scores, edges, forest)


def scores_of(
    evidence: pl.DataFrame,
    ids: pl.Series,
    layout: Layout,
    forest: Forest,
    edges: Mapping[str, Floats],
) -> dict[str, Signal]:
    """Of annotators that give numbers, where their bins are known."""
    return _rated(_scores(evidence, ids, layout), edges, forest)


def _rated(
    scores: Mapping[str, Floats], edges: Mapping[str, Floats], forest: Forest
) -> dict[str, Signal]:
    return {
        name: Signal(binned(values, edges[name], forest), of_step=False, size=len(edges[name]) + 1)
        for name, values in scores.items()
        if name in edges
    }


def sampled(
    layout: Layout, forest: Forest, draws: Ints, logprob: Floats | None, edges: Floats | None
) -> Signal:
    """What the policy's own samples say of a step: its support and its log-probability's bin. They
    are one signal, because they go together: taken for two, they would count twice."""
    bins = 0 if edges is None else len(edges) + 1
    own = np.full(forest.num_nodes, NONE)
    if logprob is not None and edges is not None:
        own = binned(logprob, edges, forest)
    # One more for "not known" in each; whether either is known is the place's doing, not the step's
    support_of = support(layout, forest, draws)
    category = (support_of + 1) * (bins + 1) + own + 1
    category[(support_of == NONE) & (own == NONE)] = NONE
    kinds, logprobs = np.divmod(np.arange((KINDS + 1) * (bins + 1)), bins + 1)
    groups = 2 * (kinds > 0) + (logprobs > 0)
    return Signal(category, True, len(groups), groups, WORTH)


def binned(values: Floats, edges: Floats, forest: Forest) -> Ints:
    """The bin of each node's number. An engine rates one text twice a little differently: the
    largest of what its steps say."""
    of_node = np.full(forest.num_nodes, np.nan)
    np.fmax.at(of_node, forest.step_node, values)
    return np.where(np.isnan(of_node), NONE, np.searchsorted(edges, of_node))


def support(layout: Layout, forest: Forest, draws: Ints) -> Ints:
    """How many of the samples that came as far took this step: self-consistency of each step.

    0: one of three; 1: one of more; 2: several, less than half; 3: at least half. NONE
    where the prefix before has fewer than two samples.
    """
    through = np.bincount(
        forest.step_node, weights=draws[layout.row], minlength=forest.num_nodes
    ).astype(np.int64)
    roots = np.bincount(forest.problem[forest.leaf], weights=draws, minlength=forest.num_problems)
    through[forest.levels[0]] = roots.astype(np.int64)
    before = np.where(forest.parent >= 0, through[forest.parent], 0)
    category = np.where(2 * through >= before, 3, np.where(through > 1, 2, before >= 4))
    return np.where((before < 2) | (through < 1), NONE, category)


def votes_of(
    evidence: pl.DataFrame, ids: pl.Series, layout: Layout, forest: Forest
) -> dict[str, Votes]:
    """Of all annotators but judges, by "<annotator>:<target>"."""
    found = {}
    evidence = evidence.filter(~of_judge())
    columns = ("correct", "incorrect", "unknown")
    every = [
        (annotator, target, rows)
        for target in _TARGETS
        for (annotator,), rows in locate(evidence, target, ids, layout, ("annotator", *columns))
        .filter(pl.col("step") >= 0)
        .partition_by("annotator", as_dict=True)
        .items()
    ]
    for annotator, target, rows in sorted(every, key=lambda one: one[:2]):
        row = rows["row"].to_numpy()
        step = layout.offsets[row] + rows["step"].to_numpy()
        counts = np.zeros((forest.num_nodes, 3), dtype=np.int64)
        for column, name in enumerate(columns):
            of_step = np.bincount(
                step, weights=rows[name].fill_null(0).to_numpy(), minlength=layout.num_steps
            )
            counts[:, column] = _largest(of_step.astype(np.int64), forest)
        found[f"{annotator}:{target}"] = Votes(counts, _TARGETS[target])
    return found


def known_truth(prefix: Labels8, forest: Forest) -> Labels8:
    """Truth of each node from that of each step's prefix (1, 0, NONE)."""
    found = np.full(forest.num_nodes, NONE, dtype=np.int8)
    known: Bools = prefix != NONE
    found[forest.step_node[known]] = prefix[known]
    return found


def expected_tokens(
    solutions: pl.DataFrame, layout: Layout, forest: Forest, roots: bool = False
) -> Floats:
    """Tokens that a rollout from each node is expected to write: what its solution has left, at
    least 1; infinite for whole solutions, which are never rolled out, and for problems alone
    unless `roots` are rolled out too: as many as their solutions have then, on average."""
    ends = pieces.columns(solutions, layout)["step_end"].cast("float64")
    kept = ends.fill_null(0.0).to_numpy(zero_copy_only=False)
    length = np.maximum(kept[np.maximum(layout.offsets[1:] - 1, 0)], 1.0) if len(kept) else kept
    known = solutions["tokens"].cast(pl.Float64).to_numpy()
    tokens = np.where(np.isnan(known) | (known <= 0), length / 4, known)
    left = np.maximum(tokens[layout.row] * (1 - kept / length[layout.row]), 1.0)
    left[layout.position == layout.lengths[layout.row] - 1] = np.inf
    found = np.full(forest.num_nodes, np.inf)
    np.minimum.at(found, forest.step_node, left)
    if roots:
        owner = forest.problem[forest.leaf]
        whole = np.bincount(owner, weights=np.maximum(tokens, 1.0), minlength=forest.num_problems)
        found[forest.levels[0]] = whole / np.maximum(np.bincount(owner), 1)
    return found
