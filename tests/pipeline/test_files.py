"""Files are whole or not there."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest

from pipeline import files
from pipeline.errors import StorageError
from pipeline.files import (
    link_or_copy,
    remove_leftovers,
    storage_errors,
    write_json,
    write_table,
    write_text,
)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_json_is_written_with_its_folder(tmp_path: Path) -> None:
    write_json(tmp_path / "a" / "b.json", {"z": 1, "a": "é"})
    assert (tmp_path / "a" / "b.json").read_text() == '{\n  "z": 1,\n  "a": "é"\n}\n'
    assert names(tmp_path / "a") == ["b.json"]


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_text(path, "old")
    with pytest.raises(UnicodeEncodeError):
        write_text(path, "new \ud800")
    assert path.read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


@pytest.mark.parametrize(
    ("code", "hint"),
    [
        (errno.ENOSPC, "the disk is full"),
        (errno.EDQUOT, "quota"),
        (errno.EROFS, "read-only"),
        (errno.EACCES, "no permission"),
    ],
)
def test_an_error_of_the_disk_says_what_to_do(code: int, hint: str) -> None:
    with pytest.raises(StorageError, match=f"out/x: cannot be written: .*{hint}") as caught:  # noqa: SIM117
        with storage_errors(Path("out/x")):
            raise OSError(code, os.strerror(code))
    assert caught.value.fields == {"path": "out/x", "errno": code}


def test_an_error_that_arrow_words_is_understood() -> None:
    with pytest.raises(StorageError, match="the disk is full"), storage_errors(Path("x")):
        raise OSError("Error writing bytes to file: No space left on device")


def test_a_path_below_a_file_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match=r"x\.json: cannot be written"):
        write_json(tmp_path / "file" / "x.json", {})


def test_new_folders_are_flushed_into_their_parents(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a power cut would take cannot be had in a test: only that it was asked for."""
    flushed: list[Path] = []
    monkeypatch.setattr(files, "sync_folder", flushed.append)
    write_text(tmp_path / "a" / "b" / "c.txt", "x")
    write_text(tmp_path / "a" / "b" / "d.txt", "x")
    assert flushed == [tmp_path / "a", tmp_path, tmp_path / "a" / "b", tmp_path / "a" / "b"]


def test_equal_tables_give_equal_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_table(tmp_path / name, pa.table({"x": [1, 2, None], "y": ["é", "", None]}))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_linked_file_has_the_source_content(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    link_or_copy(tmp_path / "a", tmp_path / "new" / "b")
    assert (tmp_path / "new" / "b").read_text() == "x"


def test_where_links_are_not_there_a_copy_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_link(source: Path, target: Path) -> None:
        raise OSError(errno.EXDEV, "another device")

    monkeypatch.setattr(os, "link", no_link)
    (tmp_path / "a").write_text("x")
    link_or_copy(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "b").read_text() == "x"
    assert not os.path.samefile(tmp_path / "a", tmp_path / "b")


# leftovers

KILLED_WRITER = """
import sys, time
from pathlib import Path
from pipeline.files import write_whole

def write(temporary):
    temporary.write_text("half")
    print(temporary.name, flush=True)
    time.sleep(60)

write_whole(Path(sys.argv[1]), write)
"""


def test_what_a_killed_write_left_is_removed(tmp_path: Path) -> None:
    place = tmp_path / "work" / "stages" / "00000-00000" / "screen-1f" / "solutions.parquet"
    command = [sys.executable, "-c", KILLED_WRITER, str(place)]
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) as writer:
        assert writer.stdout is not None
        left = place.with_name(writer.stdout.readline().strip())
        os.kill(writer.pid, signal.SIGKILL)
    assert left.read_text() == "half"
    assert remove_leftovers(tmp_path) == [left]
    assert names(place.parent) == []


def test_leftovers_are_known_by_their_whole_name(tmp_path: Path) -> None:
    mine = [".cache.tmp", "a.12345678.tmp", ".a.json.1234567.tmp", ".a.json.12345678.tmp.bak"]
    for name in mine:
        (tmp_path / name).write_text("precious")
    (tmp_path / ".a.json.12345678.tmp").write_text("half")
    assert remove_leftovers(tmp_path) == [tmp_path / ".a.json.12345678.tmp"]
    assert names(tmp_path) == sorted(mine)


@pytest.mark.parametrize("mark", ["manifest.json", "data/x", "work/lock"])
def test_leftovers_of_a_dataset_inside_the_folder_are_its_own(tmp_path: Path, mark: str) -> None:
    write_text(tmp_path / "data" / "train.parquet", "mine")
    write_text(tmp_path / "inner" / mark, "its own")
    live = tmp_path / "inner" / ".README.md.12345678.tmp"
    live.write_text("half")
    assert remove_leftovers(tmp_path) == []
    assert live.exists()


def test_a_folder_that_is_not_there_has_no_leftovers(tmp_path: Path) -> None:
    assert remove_leftovers(tmp_path / "none") == []
