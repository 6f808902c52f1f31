"""A stage is done when its marker is there, and then for good."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from pipeline.errors import StorageError
from pipeline.stages import Stage, stage

TABLE = pa.table({"x": [1, 2]})


def test_the_place_of_a_stage_holds_its_hash() -> None:
    assert stage(Path("w"), "00000-00001", "screen", "ab12").folder == Path(
        "w/stages/00000-00001/screen-ab12"
    )


def test_a_new_stage_is_not_done(tmp_path: Path) -> None:
    assert Stage(tmp_path / "s").done() is None


def test_a_finished_stage_gives_its_counts_and_tables(tmp_path: Path) -> None:
    place = Stage(tmp_path / "s")
    place.finish({"t": TABLE}, {"rows": 2})
    assert place.done() == {"rows": 2}
    assert place.read("t").equals(TABLE)


def test_tables_without_a_marker_are_not_done(tmp_path: Path) -> None:
    place = Stage(tmp_path / "s")
    place.finish({"t": TABLE}, {})
    (tmp_path / "s" / "done.json").unlink()
    assert place.done() is None


def test_a_table_that_cannot_be_written_leaves_no_marker(tmp_path: Path) -> None:
    place = Stage(tmp_path / "s")
    place.table_path("b").mkdir(parents=True)
    with pytest.raises(StorageError, match=r"b\.parquet"):
        place.finish({"a": TABLE, "b": TABLE}, {})
    assert place.done() is None
