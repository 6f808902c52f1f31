"""Verdicts in and out as JSON lines."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipeline.errors import InputError
from pipeline.files import write_json
from pipeline.human.evidence import People, human_verdicts, people_of, verdict_log
from pipeline.human.lines import Imported, export_text, import_lines, prefixes_of, read_lines
from pipeline.human.log import Said, VerdictLog
from pipeline.verdict import Verdict
from tests.report_scene import dataset, row

TIME = "2026-11-22T10:00:00.000Z"


def one(solution: str, step: int, prefix: str | None = None) -> Said:
    return Said(solution, step, Verdict.CORRECT, "anna", TIME, prefix)


def test_an_export_is_imported_elsewhere_once(tmp_path: Path) -> None:
    said = [one("a", 0), one("a", 1)]
    (tmp_path / "out.jsonl").write_text(export_text(said))
    log = VerdictLog(tmp_path / "verdicts.jsonl")
    prefixes = {"a": ["x", "y"]}
    lines = read_lines(tmp_path / "out.jsonl")
    assert import_lines(lines, log, prefixes) == Imported(2, 0, 0, 0)
    assert import_lines(lines, log, prefixes) == Imported(0, 2, 0, 0)
    assert log.current() == said


def test_verdicts_on_other_solutions_and_steps_are_left_out(tmp_path: Path) -> None:
    log = VerdictLog(tmp_path / "verdicts.jsonl")
    said = [one("a", 0, "x"), one("b", 0), one("a", 2), one("a", 1, "another step")]
    assert import_lines(said, log, {"a": ["x", "y"]}) == Imported(1, 0, 1, 2)
    assert log.current() == [one("a", 0, "x")]


def test_a_bad_line_is_named_and_nothing_is_imported(tmp_path: Path) -> None:
    file = tmp_path / "v.jsonl"
    good, bad = one("a", 0).as_dict(), one("a", 1).as_dict() | {"verdict": "maybe"}
    file.write_text("\n".join(map(json.dumps, (good, bad))))
    with pytest.raises(InputError, match=r"v.jsonl, line 2: verdict: 'maybe' is not correct"):
        read_lines(file)


def test_a_line_that_is_nested_too_deep_is_named(tmp_path: Path) -> None:
    (tmp_path / "v.jsonl").write_text("[" * 100_000)
    with pytest.raises(InputError, match=r"v.jsonl, line 1: is nested too deep; nothing was"):
        read_lines(tmp_path / "v.jsonl")


def test_a_text_with_line_separators_inside_is_one_line(tmp_path: Path) -> None:
    said = Said("a\u2028b", 0, Verdict.UNKNOWN, "an\u0085na", TIME)
    (tmp_path / "v.jsonl").write_text(export_text([said]), encoding="utf-8")
    assert read_lines(tmp_path / "v.jsonl") == [said]


def test_prefixes_are_those_of_the_published_steps(tmp_path: Path) -> None:
    folder = dataset(tmp_path, row("a", "10"), row("b", "1"))
    assert prefixes_of(folder) == {"a": ["a/0", "a/1"], "b": ["b/0"]}


def test_lines_that_are_not_of_the_dataset_are_left_out_and_counted(tmp_path: Path) -> None:
    folder = dataset(tmp_path, row("a", "10"))
    log = verdict_log(folder)
    log.append([one("a", 0, "a/0"), one("a", 1, "another step"), one("gone", 0), one("a", 2)])
    with log.path.open("a") as file:
        file.write("junk\n")
    assert people_of(folder) == People([one("a", 0, "a/0")], unread=1, no_solution=1, no_step=2)
    assert people_of(folder).warnings(folder) == [
        f"{log.path}: lines that are no verdicts, left out: 1",
        f"{log.path}: lines that are of solutions that are not here, left out: 1",
        f"{log.path}: lines that are of steps that are not here or say something else, left out: 2",
    ]


def test_a_derived_dataset_has_the_verdicts_of_the_one_it_came_from(tmp_path: Path) -> None:
    origin = dataset(tmp_path / "origin", row("a", "10"))
    derived = dataset(tmp_path / "derived", row("a", "11"))
    write_json(derived.manifest, {"derived_from": str(origin.root)})
    verdict_log(derived).append([one("a", 0)])
    assert human_verdicts(origin) == [one("a", 0)]
    assert not (derived.root / "human").exists()
