"""Where things are, and whose folder it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import InputError, OutputError
from pipeline.folder import DatasetFolder, check_owner, note_owner


def test_a_replay_writes_below_itself_and_reads_its_origin() -> None:
    folder = DatasetFolder(Path("out/replay"), Path("out"))
    assert folder.journal("00000-00000") == Path("out/work/journal/00000-00000")
    assert folder.published("00000-00000") == Path("out/replay/data/train-00000-00000.parquet")
    assert folder.work == Path("out/replay/work")


def test_shards_are_named_in_order(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    for name in ("00001-00000", "00000-00001", "00000-00000"):
        (tmp_path / "data" / f"train-{name}.parquet").touch()
    assert DatasetFolder(tmp_path).shards() == ["00000-00000", "00000-00001", "00001-00000"]


def test_a_folder_without_data_is_no_dataset(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is no dataset"):
        DatasetFolder(tmp_path).need_dataset()
    with pytest.raises(InputError, match="there is no such folder"):
        DatasetFolder(tmp_path / "x").need_dataset()


def test_a_manifest_is_read_or_missing_or_refused(tmp_path: Path) -> None:
    folder = DatasetFolder(tmp_path)
    assert folder.read_manifest() is None
    folder.manifest.write_text('{"name": "x"}')
    assert folder.read_manifest() == {"name": "x"}
    folder.manifest.write_text("{")
    with pytest.raises(InputError, match=r"manifest\.json: is not JSON"):
        folder.read_manifest()
    folder.manifest.write_text("[1, 2]")
    with pytest.raises(InputError, match=r"manifest\.json: is not a manifest"):
        folder.read_manifest()


def test_a_derived_dataset_points_to_its_evidence(tmp_path: Path) -> None:
    folder = DatasetFolder(tmp_path)
    assert folder.evidence_root() == tmp_path
    folder.manifest.write_text('{"derived_from": "/else"}')
    assert folder.evidence_root() == Path("/else")


def test_a_folder_belongs_to_its_recipe(tmp_path: Path) -> None:
    folder = DatasetFolder(tmp_path / "new")
    check_owner(folder, {"a": {"b": 1}, "c": 2})
    note_owner(folder, {"a": {"b": 1}, "c": 2})
    check_owner(folder, {"a": {"b": 1}, "c": 2})
    with pytest.raises(OutputError, match=r"differs in a\.b, d"):
        check_owner(folder, {"a": {"b": 2}, "c": 2, "d": 0})


def test_a_folder_of_other_things_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(OutputError, match="is not empty"):
        check_owner(DatasetFolder(tmp_path), {})
