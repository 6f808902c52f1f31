"""Files are whole or not there."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pyarrow as pa
import pytest

from pipeline.errors import StorageError
from pipeline.files import link_or_copy, storage_errors, write_json, write_table, write_text


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
