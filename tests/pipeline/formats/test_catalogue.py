"""The table of formats, their options, and their page."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pipeline.errors import InputError
from pipeline.formats.catalogue import FORMATS, format_of
from pipeline.schemas import LABELS, RATIONALES

PAGE = (Path(__file__).parents[3] / "docs" / "formats.md").read_text(encoding="utf-8")


def test_an_unknown_format_says_which_there_are() -> None:
    with pytest.raises(InputError, match=r"--format tlr: there is no such .* trl, math-shepherd,"):
        format_of("tlr")


@pytest.mark.parametrize("name", FORMATS)
def test_a_format_reads_columns_that_there_are(name: str) -> None:
    wanted = FORMATS[name]
    assert wanted.name == name
    known = RATIONALES if wanted.table == "rationales" else LABELS
    assert set(wanted.reads) <= set(known.names)


@pytest.mark.parametrize("name", FORMATS)
def test_ids_travel_along(name: str) -> None:
    names = FORMATS[name].schema.names
    assert "problem_id" in names
    assert any(column.endswith("solution_id") for column in names)


@pytest.mark.parametrize(
    ("name", "given", "said"),
    [
        ("trl", {"zero": "never"}, "format trl has no such option: prompt"),
        ("rlhflow", {"prompt": "x"}, "has no such option: none"),
        ("prm800k", {"zero": "right"}, "is one of never, undecided, no_gain"),
        ("pairs", {"least": "much"}, "is not a number"),
        ("pairs", {"most": "1.5"}, "is not a whole number"),
        ("pairs", {"least": "nan"}, "is not a number"),
        ("pairs", {"least": "inf"}, "is not a number"),
        ("pairs", {"least": "-0.1"}, "--set least=-0.1: must be at least 0"),
        ("pairs", {"most": "-1"}, "must be at least 0"),
        ("sft", {"least": "-1"}, "must be at least 0"),
        ("sft", {"best": "-3"}, "must be at least 0"),
        ("trl", {"prompt": "Solve it."}, "must hold {problem} once"),
    ],
)
def test_a_bad_option_is_named(name: str, given: dict[str, str], said: str) -> None:
    with pytest.raises(InputError, match=re.escape(said)):
        FORMATS[name].settle(given)


def test_options_have_the_type_of_their_default() -> None:
    settled = FORMATS["pairs"].settle({"least": "0.25", "most": "3"})
    assert (settled["least"], settled["most"], settled["ties"]) == (0.25, 3, "leave_out")


def test_the_page_has_a_row_for_each_format() -> None:
    assert re.findall(r"^\| `([a-z0-9-]+)` \|", PAGE, re.M)[: len(FORMATS)] == list(FORMATS)


@pytest.mark.parametrize("name", FORMATS)
def test_the_page_explains_every_option(name: str) -> None:
    for option in FORMATS[name].options:
        assert re.search(rf"^\| `{option}` \|", PAGE, re.M), option
