"""`stepsmith export`, end to end: what it writes, what loads it, what it refuses."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import datasets
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from flows.derive import derive_command
from flows.export import export_command
from pipeline.batches import read_batches
from pipeline.errors import InputError, OutputError, StorageError
from pipeline.files import write_table
from pipeline.folder import DatasetFolder
from pipeline.formats import source, write
from pipeline.formats.catalogue import FORMATS
from pipeline.schemas import LABELS
from tests.flows.conftest import run_all
from tests.flows.test_rationales_run import judged


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DatasetFolder]:
    """A dataset with a judge, which the tests of this module only read."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        root = tmp_path_factory.mktemp("export")
        folder = DatasetFolder(root / "out")
        run_all(judged(root), folder)
        yield folder


def export(
    folder: DatasetFolder, name: str, out: Path, *options: str, every: bool = False, **how: bool
) -> pl.DataFrame:
    export_command(folder.root, name, out, every, how.get("jsonl", False), options)
    kind = "jsonl" if how.get("jsonl") else "parquet"
    files = sorted((out / "data").iterdir())
    assert [file.name for file in files] == [f"train-{one}.{kind}" for one in folder.shards()]
    read = pl.scan_ndjson if how.get("jsonl") else pl.scan_parquet
    return read(files).collect()


def facts(out: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((out / "export.json").read_text())
    return found


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_opens_in_polars_and_in_datasets(
    toy: DatasetFolder, tmp_path: Path, name: str
) -> None:
    frame = export(toy, name, tmp_path / name, every=True)
    assert len(frame) > 0
    loaded = datasets.load_dataset(str(tmp_path / name), cache_dir=str(tmp_path / "cache"))
    assert set(loaded) == {"train"}
    assert loaded["train"].column_names == FORMATS[name].schema.names
    assert loaded["train"].to_list() == frame.to_dicts()


@pytest.mark.parametrize("name", ["prm800k", "math-shepherd", "processbench", "rlhflow"])
def test_json_lines_hold_the_same(toy: DatasetFolder, tmp_path: Path, name: str) -> None:
    frame = export(toy, name, tmp_path / "parquet")
    export(toy, name, tmp_path / "jsonl", jsonl=True)
    lines = [
        json.loads(line)
        for file in sorted((tmp_path / "jsonl" / "data").iterdir())
        for line in file.read_text(encoding="utf-8").splitlines()
    ]
    assert lines == frame.to_dicts()
    loaded = datasets.load_dataset(str(tmp_path / "jsonl"), cache_dir=str(tmp_path / "cache"))
    assert loaded["train"].num_rows == len(frame)


@pytest.mark.parametrize("name", FORMATS)
def test_json_lines_whose_first_file_is_null_throughout_load(
    toy: DatasetFolder, tmp_path: Path, name: str
) -> None:
    """Types are those of the format, not those of the first file."""
    out = tmp_path / name
    export(toy, name, out, every=True, jsonl=True)
    first, *others = sorted((out / "data").iterdir())
    first.write_text(json.dumps(dict.fromkeys(FORMATS[name].schema.names)) + "\n")
    rows = 1 + sum(len(file.read_text().splitlines()) for file in others)
    loaded = datasets.load_dataset(str(out), split="train", cache_dir=str(tmp_path / "cache"))
    assert len(loaded) == rows > 1
    assert loaded.features == datasets.Features.from_arrow_schema(FORMATS[name].schema)


@pytest.mark.parametrize("jsonl", [False, True])
def test_an_export_without_rows_is_refused_and_leaves_nothing(
    toy: DatasetFolder, tmp_path: Path, jsonl: bool
) -> None:
    out = tmp_path / "out"
    said = r"no row is left for format sft, .* left out: .*right_answer_with_a_low_score [1-9]"
    with pytest.raises(InputError, match=said):
        export(toy, "sft", out, "least=2", jsonl=jsonl)
    assert list(out.iterdir()) == []
    assert len(export(toy, "sft", out, jsonl=jsonl)) > 0


def test_counts_add_up_and_are_said(
    toy: DatasetFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = DatasetFolder(tmp_path / "balanced")
    derive_command(toy.root, folder.root, "scan", ["labels.balance=outcome"])
    frame = export(folder, "trl", tmp_path / "trl")
    counts = facts(tmp_path / "trl")["counts"]
    assert counts["read"] == len(toy.labels())
    assert counts["written"] == len(frame) == counts["read"] - sum(counts["left_out"].values())
    assert counts["left_out"]["not_kept"] == (~folder.labels()["keep"]).sum() > 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "left out: not_kept" in shown
    assert "rows written" in shown


def test_it_says_what_it_was_made_of(toy: DatasetFolder, tmp_path: Path) -> None:
    export(toy, "prm800k", tmp_path / "out", "zero=no_gain")
    known = toy.read_manifest() or {}
    found, page = facts(tmp_path / "out"), (tmp_path / "out" / "README.md").read_text()
    assert found["recipe_hash"] == known["recipe_hash"]
    assert found["policy"] == known["policy"]["revision"]
    assert found["options"] == {"zero": "no_gain"}
    assert f"`{found['version']}`" in page
    assert "| option zero: what is rated 0. never: nothing, and" in page
    assert "labelers were told | `no_gain` |" in page
    (file, *_) = sorted((tmp_path / "out" / "data").iterdir())
    said = json.loads(pq.read_schema(file).metadata[b"stepsmith"])
    assert said["sha256"] == found["shards"][said["shard"]]


def test_the_version_is_that_of_the_rows(toy: DatasetFolder, tmp_path: Path) -> None:
    versions = []
    for name, out in (("trl", "a"), ("outcome", "b"), ("trl", "c")):
        origin = toy
        if out == "c":
            derive_command(toy.root, tmp_path / "derived", "soft", [])
            origin = DatasetFolder(tmp_path / "derived")
        export(origin, name, tmp_path / out)
        versions.append(facts(tmp_path / out)["version"])
    assert versions[0] == versions[1] != versions[2]


def test_run_again_it_writes_the_same_bytes(toy: DatasetFolder, tmp_path: Path) -> None:
    out = tmp_path / "out"
    found = []
    for _ in range(2):
        export(toy, "pairs", out)
        found.append({file.name: file.read_bytes() for file in (out / "data").iterdir()})
        (out / "data" / "train-99999-00000.parquet").touch()  # of a shard that is no more
    assert found[0] == found[1]


@pytest.mark.parametrize("name", ["trl", "pairs", "sft"])
def test_the_size_of_tables_in_memory_changes_no_row(
    toy: DatasetFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    whole = export(toy, name, tmp_path / "whole")
    monkeypatch.setattr(source, "TEXT_BYTES", 1)
    assert export(toy, name, tmp_path / "small").equals(whole)


def test_problems_whose_rows_are_apart_are_seen_as_one(toy: DatasetFolder, tmp_path: Path) -> None:
    labels = pl.concat([toy.published_labels(shard) for shard in toy.shards()])
    found = []
    for number, rows in enumerate((labels, labels.sample(fraction=1, shuffle=True, seed=3))):
        folder = DatasetFolder(tmp_path / f"{number}")
        write_table(folder.published("00000-00000"), rows.to_arrow().cast(LABELS))
        frame = export(folder, "pairs", tmp_path / f"pairs-{number}", "most=0")
        sides = frame.select(pl.concat_list("chosen", "rejected").list.sort().list.join("|"))
        found.append(sorted(frame["prompt"] + sides.to_series()))
    assert len(found[0]) > 0
    assert found[0] == found[1]


def halves(toy: DatasetFolder, root: Path) -> tuple[DatasetFolder, DatasetFolder]:
    """All labels in one shard; and with every other row in a shard of a later batch, beside a
    problem that stands only there."""
    labels = pl.concat([toy.published_labels(shard) for shard in toy.shards()])
    labels = labels.sort("problem_id", "solution_id")
    last = pl.col("problem_id") == labels["problem_id"][-1]
    odd = pl.int_range(pl.len()) % 2 == 1
    whole, split = DatasetFolder(root / "whole"), DatasetFolder(root / "split")
    later = labels.filter(odd | last).to_arrow().cast(LABELS)
    write_table(split.published("10000-00000"), later)
    earlier = labels.filter(~odd & ~last).to_arrow().cast(LABELS)
    half = len(earlier) // 2
    write_table(split.published("00000-00000"), earlier.slice(0, half))
    write_table(split.published("00000-00001"), earlier.slice(half))
    write_table(whole.published("00000-00000"), labels.to_arrow().cast(LABELS))
    return whole, split


@pytest.mark.parametrize(
    ("name", "options"), [("pairs", ["most=0"]), ("pairs", ["most=1"]), ("sft", ["best=1"])]
)
def test_rows_of_a_problem_in_later_shards_are_read_with_its_first(
    toy: DatasetFolder, tmp_path: Path, name: str, options: list[str]
) -> None:
    whole, split = halves(toy, tmp_path)
    ones, others = (
        export(folder, name, tmp_path / f"{name}-{folder.root.name}", *options)
        for folder in (whole, split)
    )
    key = "fork_group" if name == "pairs" else "problem_id"
    assert len(ones) > 0
    assert sorted(ones[key]) == sorted(others[key])
    counts = [facts(tmp_path / f"{name}-{which}")["counts"] for which in ("whole", "split")]
    assert counts[0]["read"] == counts[1]["read"]
    assert counts[0]["left_out"] == counts[1]["left_out"]


def test_rows_of_a_problem_are_written_with_its_first_shard(
    toy: DatasetFolder, tmp_path: Path
) -> None:
    _, split = halves(toy, tmp_path)
    export(split, "sft", tmp_path / "out")
    found = [
        set(pl.read_parquet(tmp_path / "out" / "data" / f"train-{shard}.parquet")["problem_id"])
        for shard in split.shards()
    ]
    assert all(found[:2])
    assert not found[2] & (found[0] | found[1])
    loaded = datasets.load_dataset(
        str(tmp_path / "out"), split="train", cache_dir=str(tmp_path / "cache")
    )
    assert len(loaded) == facts(tmp_path / "out")["counts"]["written"]


def test_a_file_says_which_later_shards_it_holds_rows_of(
    toy: DatasetFolder, tmp_path: Path
) -> None:
    _, split = halves(toy, tmp_path)
    export(split, "pairs", tmp_path / "out")
    first, _, last = sorted((tmp_path / "out" / "data").iterdir())
    shards = facts(tmp_path / "out")["shards"]
    said = json.loads(pq.read_schema(first).metadata[b"stepsmith"])
    assert said["with"]["10000-00000"] == shards["10000-00000"]
    assert "with" not in json.loads(pq.read_schema(last).metadata[b"stepsmith"])


def test_an_export_of_a_live_run_is_written_anew_when_it_has_ended(
    toy: DatasetFolder, tmp_path: Path
) -> None:
    live, out = DatasetFolder(tmp_path / "live"), tmp_path / "out"
    for shard in toy.shards():
        write_table(live.published(shard), pq.read_table(toy.published(shard)))
    live.work.mkdir()
    (live.work / "identity.json").write_text((toy.work / "identity.json").read_text())
    before = export(live, "pairs", out)
    live.manifest.write_text(toy.manifest.read_text())
    after = export(live, "pairs", out)
    assert before.equals(after)
    assert after["on_policy"].null_count() == 0
    assert facts(out)["options"]["policy"] == ""


def test_on_policy_is_null_where_the_dataset_names_no_policy(
    toy: DatasetFolder, tmp_path: Path
) -> None:
    copy = DatasetFolder(tmp_path / "copy")
    for shard in toy.shards():
        write_table(copy.published(shard), pq.read_table(toy.published(shard)))
    assert export(copy, "pairs", tmp_path / "out")["on_policy"].is_null().all()


def test_other_settings_want_another_folder(toy: DatasetFolder, tmp_path: Path) -> None:
    export(toy, "prm800k", tmp_path / "out")
    with pytest.raises(OutputError, match=r"differs in options\.zero; choose another --out"):
        export(toy, "prm800k", tmp_path / "out", "zero=no_gain")
    with pytest.raises(OutputError, match="differs in format"):
        export(toy, "trl", tmp_path / "out")


def test_a_folder_of_something_else_is_left_alone(toy: DatasetFolder, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "notes.txt").write_text("mine")
    for out in (tmp_path / "out", toy.root):
        with pytest.raises(OutputError, match="is not empty, and holds no export"):
            export(toy, "trl", out)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["notes.txt"]


def test_another_schema_says_how_to_migrate(
    toy: DatasetFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old = DatasetFolder(tmp_path / "old")
    for shard in toy.shards():
        labels = toy.published_labels(shard).with_columns(schema_version=pl.lit(3, pl.Int32))
        write_table(old.published(shard), labels.drop("entropy").to_arrow())
        for table in ("problems", "solutions", "evidence", "questions", "tree"):
            write_table(old.side(table, shard), pq.read_table(toy.side(table, shard)))
    old.manifest.write_text(toy.manifest.read_text())
    with pytest.raises(InputError, match="has schema 3, and formats read 4") as refused:
        export(old, "trl", tmp_path / "out")
    assert not (tmp_path / "out").exists()
    # What it says works.
    assert f"stepsmith derive {old.root} --view scan --out NEW" in str(refused.value)
    derive_command(old.root, tmp_path / "new", "scan", [])
    assert len(export(DatasetFolder(tmp_path / "new"), "trl", tmp_path / "out")) > 0


def test_a_later_schema_wants_a_later_version(tmp_path: Path) -> None:
    folder = DatasetFolder(tmp_path / "next")
    table = pa.table({"schema_version": pa.array([5], pa.int32()), "view": ["x"]})
    write_table(folder.published("00000-00000"), table)
    with pytest.raises(InputError, match=r"has schema 5, .* knows 4: install"):
        export_command(folder.root, "trl", None, False, False, [])


def test_a_foreign_table_is_no_dataset(tmp_path: Path) -> None:
    folder = DatasetFolder(tmp_path / "other")
    write_table(folder.published("00000-00000"), pa.table({"text": ["a"]}))
    with pytest.raises(InputError, match="holds no labels of Stepsmith's"):
        export_command(folder.root, "trl", None, False, False, [])


@pytest.mark.parametrize(("name", "column"), [("trl", "value"), ("sft", "p_min"), ("trl", "view")])
def test_a_column_that_is_not_there_is_named(
    toy: DatasetFolder, tmp_path: Path, name: str, column: str
) -> None:
    folder = DatasetFolder(tmp_path / "cut")
    for shard in toy.shards():
        write_table(folder.published(shard), pq.read_table(toy.published(shard)))
    path = folder.published(toy.shards()[-1])
    write_table(path, pq.read_table(path).drop_columns([column]))
    said = rf"{path.name}: has no column {column}, which format {name} reads"
    with pytest.raises(InputError, match=said):
        export(folder, name, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_column_that_rationales_lack_is_named(toy: DatasetFolder, tmp_path: Path) -> None:
    folder = DatasetFolder(tmp_path / "cut")
    shard, *_ = toy.shards()
    write_table(folder.published(shard), pq.read_table(toy.published(shard)))
    path = folder.side("rationales", shard)
    write_table(path, pq.read_table(toy.side("rationales", shard)).drop_columns(["critique"]))
    with pytest.raises(InputError, match=r"rationales/.*: has no column critique"):
        export(folder, "corrections", tmp_path / "out")


@pytest.mark.parametrize("keep", [0, 100, -100])
def test_a_shard_that_is_cut_off_is_named(toy: DatasetFolder, tmp_path: Path, keep: int) -> None:
    folder = DatasetFolder(tmp_path / "cut")
    shard, *_ = toy.shards()
    content = toy.published(shard).read_bytes()
    folder.published(shard).parent.mkdir(parents=True)
    folder.published(shard).write_bytes(content[:keep])
    with pytest.raises(InputError, match=rf"train-{shard}\.parquet: cannot be read .* damaged"):
        export(folder, "trl", tmp_path / "out")


@pytest.mark.parametrize("name", ["trl", "pairs"])
def test_a_shard_with_bad_pages_is_named(toy: DatasetFolder, tmp_path: Path, name: str) -> None:
    folder = DatasetFolder(tmp_path / "bad")
    shard, *_ = toy.shards()
    content = toy.published(shard).read_bytes()
    # All pages but the magic bytes before them and the footer behind.
    footer = int.from_bytes(content[-8:-4], "little") + 8
    pages = b"\0" * (len(content) - footer - 4)
    folder.published(shard).parent.mkdir(parents=True)
    folder.published(shard).write_bytes(content[:4] + pages + content[-footer:])
    with pytest.raises(InputError, match=rf"train-{shard}\.parquet: cannot be read"):
        export(folder, name, tmp_path / "out")


def test_what_is_published_of_a_run_in_the_making_is_exported(
    toy: DatasetFolder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    live = DatasetFolder(tmp_path / "live")
    first, *_ = toy.shards()
    write_table(live.published(first), pq.read_table(toy.published(first)))
    live.work.mkdir()
    (live.work / "batches").symlink_to(toy.work / "batches")
    planned = sum(len(batch.shards()) for batch in read_batches(toy.work))
    frame = export(live, "trl", tmp_path / "out")
    assert len(frame) > 0
    said = " ".join(capsys.readouterr().out.split())
    assert f"{planned - 1} of {planned} shards are not published yet" in said


def test_a_dataset_without_a_judge_has_no_rationales(toy: DatasetFolder, tmp_path: Path) -> None:
    folder = DatasetFolder(tmp_path / "plain")
    first, *_ = toy.shards()
    write_table(folder.published(first), pq.read_table(toy.published(first)))
    with pytest.raises(InputError, match="made of what judges wrote, and this dataset has no"):
        export(folder, "corrections", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_derived_labels_take_only_rationales_that_agree_with_them(
    toy: DatasetFolder, tmp_path: Path
) -> None:
    own = export(toy, "rationales", tmp_path / "own", every=True)
    assert "labels_disagree" not in facts(tmp_path / "own")["counts"]["left_out"]
    derive_command(toy.root, tmp_path / "derived", "progress", [])
    derived = DatasetFolder(tmp_path / "derived")
    frame = export(derived, "rationales", tmp_path / "other", every=True)
    left_out = facts(tmp_path / "other")["counts"]["left_out"]
    assert left_out["labels_disagree"] == len(own) - len(frame) > 0


def test_a_failed_export_leaves_no_half_file(
    toy: DatasetFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(table: pa.Table, *_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(write.pq.ParquetWriter, "write_table", full)
    with pytest.raises(StorageError, match="the disk is full"):
        export(toy, "trl", tmp_path / "out")
    assert list((tmp_path / "out" / "data").iterdir()) == []
    assert not (tmp_path / "out" / "export.json").exists()
    monkeypatch.undo()
    assert len(export(toy, "trl", tmp_path / "out")) > 0


def test_a_killed_export_leaves_whole_files_and_is_written_anew(
    toy: DatasetFolder, tmp_path: Path
) -> None:
    many, out = DatasetFolder(tmp_path / "many"), tmp_path / "out"
    first, *_ = toy.shards()
    many.published(first).parent.mkdir(parents=True)
    for number in range(300):
        many.published(f"00000-{number:05d}").hardlink_to(toy.published(first))
    command = [sys.executable, "-m", "flows.cli", "export", str(many.root), "--format", "trl"]
    process = subprocess.Popen(
        [*command, "--out", str(out)], stdout=subprocess.DEVNULL, start_new_session=True
    )
    while len(list((out / "data").glob("train-*"))) < 20 and process.poll() is None:
        time.sleep(0.002)
    os.killpg(process.pid, signal.SIGKILL)
    assert process.wait(60) == -signal.SIGKILL
    killed = {file.name: file.read_bytes() for file in (out / "data").glob("train-*")}
    assert 20 <= len(killed) < 300
    assert not (out / "export.json").exists()
    (out / "data" / ".train-00000-00000.parquet.0123abcd.tmp").touch()  # as a kill leaves it
    assert len(export(many, "trl", out)) > 0
    whole = {file.name: file.read_bytes() for file in (out / "data").iterdir()}
    assert len(whole) == 300
    assert {name: whole[name] for name in killed} == killed
