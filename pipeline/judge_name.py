"""Which annotators are judges: the one rule that names decide.

Guarantees: `judge`, and every name that begins with `judge_` (`[annotators.judge_strong]`): models
that are asked for an opinion, whose votes are counted and weighed. All others are taken at their
word where they refute a step. Knows no recipe and no table.
"""

from __future__ import annotations

JUDGE = "judge"
PREFIX = "judge_"


def is_judge(annotator: str) -> bool:
    return annotator == JUDGE or annotator.startswith(PREFIX)
