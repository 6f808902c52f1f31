"""What rollouts, judges and tools make of a dataset together, for the terminal."""

from __future__ import annotations

from flows.tables import print_table
from pipeline.consensus import Consensus
from pipeline.evaluation import written


def print_consensus(found: Consensus) -> None:
    """To standard output; tables that have nothing to show are left out."""
    if found.conflicts:
        print_table(
            "First errors by rollouts and by judges",
            ("cell", "solutions", "truth known", "rollouts right", "judge right"),
            [
                (
                    one.name.replace("_", " "),
                    written(one.solutions),
                    written(one.known),
                    written(one.rollouts_right),
                    written(one.judge_right),
                )
                for one in found.conflicts
            ],
        )
    print_table(
        f"Yield of each class by {found.yields[0].by}",
        ("class", "solutions", "kept", "share", "name a step", "of these right"),
        [
            (
                one.name,
                written(one.solutions),
                written(one.kept),
                written(one.kept_share),
                written(one.located),
                written(one.location_precision),
            )
            for one in found.yields
        ],
    )
    if found.joint_errors:
        print_table(
            "Joint errors",
            ("pair", "solutions", "wrong", "both wrong", "lift", "same step", "both missed"),
            [
                (
                    f"{one.a}, {one.b}",
                    written(one.solutions),
                    f"{one.wrong_a}, {one.wrong_b}",
                    written(one.both_wrong),
                    written(one.lift),
                    written(one.same_step),
                    written(one.both_missed),
                )
                for one in found.joint_errors
            ],
        )
