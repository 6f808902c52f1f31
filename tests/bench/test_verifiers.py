"""The tables of the verifiers' benchmark, from flags written by hand."""

from __future__ import annotations

import pytest

from bench.verifier_flags import Flag, flags_of
from bench.verifier_tables import planted_rows, precision_rows, rate_rows, reached, wilson
from bench.verifier_texts import GOLD, RATED, RIGHT, Text
from pipeline.workers import CheckerPool


def rated(kind: str, step: str) -> Text:
    return Text(RATED, kind, "Q", ("before", step), 1)


def flag(text: Text, annotator: str = "arithmetic", step: int = 1) -> Flag:
    return Flag(text, step, annotator, ("false_equation",), ("1 = 2 is false",))


@pytest.mark.parametrize(
    ("right", "total", "bound"), [(35, 35, 0.9011), (27, 30, 0.7438), (0, 5, 0.0), (0, 0, 0.0)]
)
def test_wilsons_lower_end(right: int, total: int, bound: float) -> None:
    assert wilson(right, total) == pytest.approx(bound, abs=1e-4)


def test_precision_counts_equal_texts_once_and_what_was_read() -> None:
    one, two = flag(rated("rated -1", "x")), flag(rated("rated 1", "y"))
    again, unread = flag(rated("rated -1", "x")), flag(rated("not rated", "z"))
    audit = {one.id: "true", two.id: "false"}
    whole = next(iter(precision_rows([one, again, two, unread], audit)))
    assert whole == {
        "of": "all",
        "flags": 3,
        "true": 1,
        "false": 1,
        "open": 0,
        "not read": 1,
        "precision": 0.5,
        "at least": wilson(1, 2),
        "raw precision": 0.5,
    }


def test_what_is_known_of_a_text_is_not_in_what_a_reader_sees() -> None:
    one, other = rated("rated -1", "x"), rated("rated 1", "x")
    assert flag(one).row() == flag(other).row()


def test_rates_count_a_step_once_however_many_annotators_flag_it() -> None:
    text = Text(GOLD, "gold", "Q", ("a", "b", "c"))
    flags = [flag(text), flag(text, "algebra"), flag(text, "algebra", 2)]
    (row,) = rate_rows({GOLD: [text]}, flags)
    assert (row["steps"], row["flagged"], row["algebra"], row["arithmetic"]) == (3, 2, 2, 1)


def test_planted_errors_are_told_by_what_is_wrong() -> None:
    text = Text("world", "number", "Q", ("a", "b", "c"), 0, (RIGHT, "arithmetic", None))
    rows = {(r["truth"], r["planted"]): r for r in planted_rows([text], [flag(text)])}
    assert rows["arithmetic", "number"]["flagged"] == 1
    assert rows["arithmetic", "every kind"]["steps"] == 1
    assert (rows[RIGHT, ""]["steps"], rows[RIGHT, ""]["flagged"]) == (1, 0)


def chains(split: str, truth: str, planted: str, steps: int, flagged: int) -> dict[str, object]:
    return {
        "source": f"chains, {split}",
        "truth": truth,
        "planted": planted,
        "steps": steps,
        "flagged": flagged,
        "share": flagged / steps,
    }


def test_what_must_be_reached_fails_where_one_right_step_in_fifty_is_flagged() -> None:
    planted = [
        row
        for split, wrongly in (("train", 0), ("heldout", 1))
        for row in (
            chains(split, "arithmetic", "every kind", 20, 20),
            chains(split, "setup", "every kind", 60, 30),
            chains(split, RIGHT, "", 100, wrongly),
        )
    ]
    audited = {"precision": 0.98, "at least": 0.95, "not read": 0, "false": 4}
    found = {
        "precision": [{"of": "all", **audited}, {"of": GOLD, **audited}],
        "rates": [{"text": GOLD, "steps": 4000}],
        "planted": planted,
        "steps_per_second": {"arithmetic": 4000.0, "all": 299.0},
    }
    missed = [text for text, held in reached(found) if not held]
    assert missed == ["chains, heldout: precision 0.9804 >= 0.99", "all 299 steps/s >= 300"]


def test_flags_are_of_judged_steps_alone() -> None:
    text = Text("any", "any", "Q", ("2 + 2 = 5", "so 3 + 3 = 7"), 1)
    with CheckerPool(1) as pool:
        found, _ = flags_of("arithmetic", [text], pool)
    assert [(one.step, one.rules[0]) for one in found] == [(1, "false_equation")]
