"""Checks of right answers over wrong steps, jumps, repeats, and where p_correct is lowest."""

from __future__ import annotations

import numpy as np
import polars as pl

from pipeline.metrics import auroc
from pipeline.report.check import Check, percent, rated
from pipeline.report.first_errors import true_first
from pipeline.report.flags import JUMP_FROM, JUMP_TO, Flags
from pipeline.report.steps import Steps
from pipeline.report.words import ROLLOUTS, Words, tools_in

FLAWED, MIRACLE, REPEATED, TOOL_MC, SATURATED = 0.05, 0.01, 0.02, 0.05, 0.30
LAST_ALONE, LAST_OVER_TRUTH = 0.5, 0.05
TOGETHER = 0.7


def process_checks(
    steps: Steps, words: Words, flags: Flags, truth: pl.DataFrame | None
) -> list[Check]:
    kept = steps.kept
    inside = kept[steps.layout.row]
    right = kept & steps.right
    positive = inside & (steps.label == 1)
    saturated = steps.rows["saturation"].cast(pl.Int64).fill_null(2**31).to_numpy()
    after = steps.layout.position > saturated[steps.layout.row]
    return [
        rated(
            "flawed_right",
            "Right answers with flawed steps",
            int((right & flags.of["flawed_right"]).sum()),
            int(right.sum()),
            FLAWED,
            "kept solutions with a right answer have a step that labels, a tool or a judge call "
            "wrong",
            "Do not take right answers for right steps: choose traces by labels and outcome "
            "together, and look at a sample of these by hand.",
            "Lessons (arXiv 2501.07301)",
            "flawed_right",
        ),
        rated(
            "miracle",
            "Miracle steps",
            int((right & flags.of["miracle"]).sum()),
            int(right.sum()),
            MIRACLE,
            f"kept solutions with a right answer jump from a value of {JUMP_FROM} or less to "
            f"{JUMP_TO} or more at a step that no tool confirms",
            "A value that jumps without a derivation is often a remembered answer: add a tool that "
            "reads these steps, or leave the solutions out.",
            "RRM",
            "miracle",
        ),
        _last_lowest(steps, flags, truth),
        rated(
            "repeated",
            "Repeated steps",
            int((positive & steps.bools("repeated")).sum()),
            int(positive.sum()),
            REPEATED,
            "steps labelled right say what an earlier step said",
            "Steps that add nothing earn reward: train on `advantage`, or drop steps where "
            "`repeated` is true.",
            "Clip&Delta",
            "repeated",
        ),
        rated(
            "saturated",
            "Steps after the answer is certain",
            int((positive & after).sum()),
            int(positive.sum()),
            SATURATED,
            "steps labelled right stand after the value has reached 1 for good",
            "They teach little and may teach to go on: weigh them less by `saturation`, or use "
            "`no_gain`.",
            "SPAE",
        ),
        _tools_and_rollouts(steps, words, flags),
        _together(steps),
    ]


def _last_lowest(steps: Steps, flags: Flags, truth: pl.DataFrame | None) -> Check:
    title, paper = "Lowest p_correct on the last step", "Lessons (arXiv 2501.07301)"
    advice = (
        "Labels that fall only at the end judge the answer, not the steps: buy rollouts nearer to "
        "the errors, or use view posterior."
    )
    low = steps.kept & (flags.lowest >= 0)
    last = int((low & flags.of["last_lowest"]).sum())
    limit, why = LAST_ALONE, ""
    if truth is not None:
        first = true_first(steps, truth)
        bad = steps.kept & (first >= 0)
        if bad.any():
            gold = float((first[bad] == steps.layout.lengths[bad] - 1).mean())
            limit, why = gold + LAST_OVER_TRUTH, f", as truth has {gold:.1%} there"
    whole = int(low.sum())
    threshold = f"above {limit:.1%}{why}"
    if not whole:
        said = "nothing to measure: no kept solution has a p_correct below one half"
        return Check("last_lowest", title, said, threshold, None, advice, paper)
    said = f"{percent(last, whole)} of those with a low p_correct reach it at their last step"
    return Check(
        "last_lowest", title, said, threshold, last > limit * whole, advice, paper, "last_lowest"
    )


def _tools_and_rollouts(steps: Steps, words: Words, flags: Flags) -> Check:
    title, paper = "Tools and rollouts contradict each other", "GroundedPRM (arXiv 2510.14942)"
    advice = (
        "A refuted step from which rollouts succeed was repaired, or the tool misread it; a "
        "confirmed step at which they begin to fail may be right arithmetic on a wrong plan. Look "
        "at both; `labels.veto` lets a tool decide."
    )
    rollouts = words.get(ROLLOUTS)
    decided = np.zeros(len(steps.label), dtype=np.bool_)
    for name in tools_in(words):
        decided |= words[name] >= 0
    both = 0 if rollouts is None else int((decided & (rollouts >= 0)).sum())
    threshold = f"above {TOOL_MC:.0%}"
    if not both:
        said = "nothing to measure: no step is decided by a tool and by rollouts"
        return Check("tool_differs", title, said, threshold, None, advice, paper)
    live, dead = int(flags.tool_refutes_live.sum()), int(flags.tool_confirms_dead.sum())
    said = (
        f"{percent(live + dead, both)} of the steps on which both decide: a tool refutes "
        f"{live:,} from which rollouts succeed, and confirms {dead:,} at which they begin to fail"
    )
    fired = live + dead > TOOL_MC * both
    return Check("tool_differs", title, said, threshold, fired, advice, paper, "tool_differs")


def _together(steps: Steps) -> Check:
    title, paper = "Process scores that do not go with outcomes", "PPR; G-RA"
    advice = (
        "A reward that does not go with the outcome invites hacking: gate it by `outcome`, and "
        "look at solutions with high p_correct and a wrong answer."
    )
    used = steps.kept & (steps.right | steps.wrong)
    score = steps.rows["p_min"].cast(pl.Float64).fill_null(float("nan")).to_numpy()
    used &= ~np.isnan(score)
    found = auroc(score[used], steps.right[used])
    threshold = f"AUROC below {TOGETHER}"
    if found is None:
        said = "nothing to measure: no p_correct, or all answers are alike"
        return Check("together", title, said, threshold, None, advice, paper)
    count = int(used.sum())
    said = f"AUROC {found:.3f} of the lowest p_correct for a right answer, {count:,} solutions"
    return Check("together", title, said, threshold, found < TOGETHER, advice, paper)
