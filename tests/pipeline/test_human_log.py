"""What people said: lines that are never lost, and which of them stand."""

from __future__ import annotations

import json
import multiprocessing
import os
from pathlib import Path

import pytest

from pipeline.errors import InputError, StorageError
from pipeline.human.evidence import human_evidence, human_truth
from pipeline.human.log import Said, VerdictLog, current, now
from pipeline.step_truth import step_verdicts
from pipeline.verdict import Verdict

EARLY, LATE = "2026-11-22T10:00:00.000Z", "2026-11-22T11:00:00.000Z"


def one(verdict: str | None, step: int = 0, who: str = "anna", time: str = EARLY) -> Said:
    return Said("s", step, Verdict(verdict) if verdict else None, who, time)


def test_what_was_appended_is_read_again(tmp_path: Path) -> None:
    log = VerdictLog(tmp_path / "human" / "verdicts.jsonl")
    log.append([one("correct"), one("incorrect", 1)])
    log.append([one("unknown", 2)])
    assert VerdictLog(log.path).read().said == [
        one("correct"),
        one("incorrect", 1),
        one("unknown", 2),
    ]


def test_the_latest_of_each_reviewer_stands() -> None:
    said = [one("correct"), one("incorrect", time=LATE), one("correct", who="ben")]
    assert current(said) == [one("incorrect", time=LATE), one("correct", who="ben")]


def test_an_older_verdict_that_comes_later_does_not_undo_a_newer_one() -> None:
    assert current([one("incorrect", time=LATE), one("correct")]) == [one("incorrect", time=LATE)]


def test_a_verdict_that_is_taken_back_stands_no_more() -> None:
    assert current([one("correct"), one(None, time=LATE)]) == []


def test_a_half_written_line_is_skipped_and_the_next_is_whole(tmp_path: Path) -> None:
    log = VerdictLog(tmp_path / "verdicts.jsonl")
    log.append([one("correct")])
    with log.path.open("ab") as file:
        file.write(b'{"solution_id": "s", "st')
    assert log.read().said == [one("correct")]
    log.append([one("incorrect", 1)])
    read = log.read()
    assert read.said == [one("correct"), one("incorrect", 1)]
    assert read.unread == 1


def test_a_line_that_is_nested_too_deep_is_skipped(tmp_path: Path) -> None:
    log = VerdictLog(tmp_path / "verdicts.jsonl")
    log.append([one("correct")])
    with log.path.open("ab") as file:
        file.write(b"[" * 100_000 + b"\n")
    assert log.read().said == [one("correct")]
    assert log.read().unread == 1


def test_reading_goes_on_where_it_ended(tmp_path: Path) -> None:
    log = VerdictLog(tmp_path / "verdicts.jsonl")
    log.append([one("correct")])
    end = log.read().end
    log.append([one("incorrect", 1)])
    assert log.read(end).said == [one("incorrect", 1)]
    assert log.read(log.read(end).end).said == []


def _append(path: Path, who: str) -> None:
    for step in range(50):
        VerdictLog(path).append([one("correct", step, who), one("unknown", step, who)])


def test_processes_that_append_at_once_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "verdicts.jsonl"
    context = multiprocessing.get_context("spawn")
    names = ["anna", "ben", "cleo"]
    workers = [context.Process(target=_append, args=(path, name)) for name in names]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
        assert worker.exitcode == 0
    read = VerdictLog(path).read()
    assert (len(read.said), read.unread) == (300, 0)
    assert len(current(read.said)) == 150


def test_a_full_disk_leaves_nothing_of_a_batch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = VerdictLog(tmp_path / "verdicts.jsonl")
    log.append([one("correct")])
    before = log.path.read_bytes()
    written: list[int] = []
    write = os.write

    def fails(handle: int, content: memoryview) -> int:
        if written:
            raise OSError(28, "No space left on device")
        written.append(write(handle, content[:10]))
        return written[0]

    monkeypatch.setattr("pipeline.human.log.os.write", fails)
    with pytest.raises(StorageError, match="the disk is full"):
        log.append([one("incorrect", 1), one("correct", 2)])
    assert log.path.read_bytes() == before


def test_a_line_keeps_all_of_a_verdict() -> None:
    said = Said("s", 3, None, "Zoë", now(), "45fc")
    assert Said.of_dict(json.loads(json.dumps(said.as_dict()))) == said


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("solution_id", "", "solution_id: is no text"),
        ("step", -1, "step: -1 is no number from 0"),
        ("step", True, "step: True"),
        ("step", 99999999999, "step: 99999999999 is no number from 0 to 2147483647"),
        ("solution_id", "\ud800", "solution_id: is no text"),
        ("reviewer", "\ud800", "reviewer: is no name"),
        ("prefix_hash", "\ud800", "prefix_hash: is no text"),
        ("verdict", "right", "verdict: 'right' is not correct"),
        ("reviewer", " ", "reviewer: is no name"),
        ("time", "yesterday", "time: 'yesterday' is not like"),
        ("prefix_hash", 7, "prefix_hash: is no text"),
    ],
)
def test_what_is_no_verdict_says_which_field(field: str, value: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Said.of_dict(one("correct").as_dict() | {field: value})


def test_an_object_store_has_no_log() -> None:
    place = pytest.importorskip("upath").UPath("memory://bucket/run")
    with pytest.raises(InputError, match="copy the dataset to this machine"):
        VerdictLog(place)


def test_evidence_counts_people_and_truth_keeps_them_apart() -> None:
    said = [one("correct"), one("incorrect", who="ben"), one("correct", 1)]
    rows = human_evidence(said).select("step", "annotator", "correct", "incorrect").rows()
    assert rows == [(0, "human", 1, 1), (1, "human", 1, 0)]
    verdicts = step_verdicts(human_truth(said)).sort("step")
    assert verdicts["verdict"].to_list() == [-1, 1]  # people who contradict each other: unknown
