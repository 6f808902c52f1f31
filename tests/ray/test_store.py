"""Files, journals, claims and the lock of a folder on S3."""

from __future__ import annotations

import asyncio
import json
import time

import pyarrow as pa
import pytest

from pipeline import object_lock
from pipeline.claim import Claim
from pipeline.engines.base import Completion
from pipeline.errors import FolderBusy, RecipeError, StorageError
from pipeline.files import link_or_copy, put_bytes, remove_tree, write_json, write_table
from pipeline.journal import Journal
from pipeline.lock import check_free, folder_lock
from pipeline.object_lock import ObjectLock
from pipeline.places import exists, glob, is_empty, is_folder, place, read_bytes, read_json
from pipeline.tables import read_frame, read_table, scan_frames


@pytest.fixture
def folder(bucket: str):
    return place(f"{bucket}/run")


def row(text: str, key: int = 0) -> tuple[bytes, Completion]:
    return key.to_bytes(16, "big"), Completion(text, "stop", len(text))


@pytest.fixture(scope="module")
def loop():
    """One for all commits: a journal lives on one event loop."""
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture
def commit(loop):
    def run(journal: Journal, *rows: tuple[bytes, Completion]) -> None:
        async def both() -> None:
            await asyncio.wait_for(journal.commit(list(rows)), 30)
            await journal.close()

        loop.run(both())

    return run


def test_a_file_is_there_with_what_was_written(folder):
    write_json(folder / "a" / "b.json", {"x": 1})
    assert read_json(folder / "a" / "b.json") == {"x": 1}
    assert exists(folder / "a" / "b.json")
    assert not exists(folder / "a" / "c.json")
    with pytest.raises(FileNotFoundError):
        read_bytes(folder / "a" / "c.json")


def test_a_glob_takes_whole_parts_of_a_name(folder):
    for name in ("a/x.json", "b/x.json", "b/c/x.json", "x.json", "b/x.txt"):
        write_json(folder / name, 0)
    write_json(folder.with_name("run-other") / "d" / "x.json", 0)
    found = [str(path) for path in glob(folder, "*/x.json")]
    assert found == [f"{folder}/a/x.json", f"{folder}/b/x.json"]
    assert glob(folder / "none", "*") == []


def test_a_folder_is_what_has_something_in_it(folder):
    assert is_empty(folder, "work")
    assert not is_folder(folder)
    write_json(folder / "work" / "x.json", 0)
    assert is_empty(folder, "work")
    write_json(folder / "thesis.json", 0)
    assert not is_empty(folder, "work")
    remove_tree(folder)
    assert not is_folder(folder)


def test_a_listing_sees_what_another_process_wrote(folder):
    import s3fs

    assert glob(folder, "*.json") == []
    s3fs.S3FileSystem(use_listings_cache=False, skip_instance_cache=True).pipe_file(
        str(folder / "x.json"), b"{}"
    )
    assert [path.name for path in glob(folder, "*.json")] == ["x.json"]


def test_tables_are_read_whole_by_columns_and_together(folder):
    for number in range(20):
        table = pa.table({"n": [number, number + 100], "text": ["a", "b"]})
        write_table(folder / f"{number:02d}.parquet", table)
    link_or_copy(folder / "03.parquet", folder / "copy" / "03.parquet")
    assert read_table(folder / "copy" / "03.parquet").column("n").to_pylist() == [3, 103]
    assert read_frame(folder / "04.parquet", ["text"]).to_dict(as_series=False) == {
        "text": ["a", "b"]
    }
    whole = scan_frames(folder, "*.parquet")
    assert whole.collect()["n"].to_list()[:4] == [0, 100, 1, 101]
    assert whole.select("n").filter(whole.collect()["n"] > 117).collect()["n"].to_list() == [
        118,
        119,
    ]


def test_a_bucket_that_is_not_there_is_said(s3_port):
    with pytest.raises(StorageError, match="there is no bucket 'no-such-bucket'"):
        write_json(place("s3://no-such-bucket/run/x.json"), 0)


def test_a_kind_of_url_that_nobody_knows_is_a_recipe_error():
    with pytest.raises(RecipeError, match="zz://bucket/run: no folder can be there"):
        place("zz://bucket/run")


# The journal.


def test_committed_rows_are_there_after_a_reload_and_a_compaction(folder, commit):
    journal = Journal(folder)
    commit(journal, row("one", 1))
    commit(journal, row("two", 2))
    assert Journal(folder).load() == 2
    journal.compact()
    (only,) = glob(folder, "*.arrow")
    assert only.name.startswith("all-")
    again = Journal(folder)
    assert again.load() == 2
    assert again.get(row("two", 2)[0]).text == "two"


def test_a_changed_segment_is_refused_by_name(folder, commit):
    commit(Journal(folder), row("one", 1))
    (path,) = glob(folder, "*.arrow")
    put_bytes(path, read_bytes(path)[:-1] + b"x")
    with pytest.raises(StorageError, match=r"000000-.*: this journal segment cannot be read"):
        Journal(folder).load()


def test_of_two_workers_the_later_one_goes_on_and_its_rows_count(folder, commit):
    first, second = Claim(folder / "claim.json", 10), Claim(folder / "claim.json", 20)
    first.take()
    dead = Journal(folder, first)
    dead.load()
    commit(dead, row("seen by both", 1))
    second.take()
    alive = Journal(folder, second)
    assert alive.load() == 1
    commit(alive, row("of the later one", 2))
    with pytest.raises(FolderBusy, match="another worker has taken this shard over"):
        commit(dead, row("of the one thought dead", 2))
    assert dead.get(row("", 2)[0]) is None
    again = Journal(folder)
    again.load()
    assert again.get(row("", 2)[0]).text == "of the later one"
    assert again.get(row("", 1)[0]).text == "seen by both"


def test_a_segment_that_came_too_late_does_not_count(folder, commit):
    early, late = Claim(folder / "claim.json", 10), Claim(folder / "claim.json", 20)
    early.take()
    late.take()
    commit(Journal(folder, late), row("of the later one", 1))
    early.check = lambda: None  # it was cut off between its write and its look
    commit(Journal(folder, early), row("of the one thought dead", 1))
    journal = Journal(folder)
    journal.load()
    assert journal.get(row("", 1)[0]).text == "of the later one"
    journal.compact()
    journal = Journal(folder)
    journal.load()
    assert journal.get(row("", 1)[0]).text == "of the later one"


def test_a_worker_of_an_earlier_term_does_not_take_a_shard_back(folder):
    Claim(folder / "claim.json", 20).take()
    with pytest.raises(FolderBusy):
        Claim(folder / "claim.json", 10).take()


# The lock.


def test_a_second_owner_is_refused_and_the_first_one_named(folder):
    with folder_lock(folder) as lock:
        assert isinstance(lock, ObjectLock)
        with pytest.raises(FolderBusy, match=r"another run \(process \d+ on "):
            ObjectLock(folder).__enter__()
        with pytest.raises(FolderBusy):
            check_free(folder)
    check_free(folder)


def test_of_owners_that_begin_at_once_one_is_let_in(folder):
    from concurrent.futures import ThreadPoolExecutor

    locks = [ObjectLock(folder) for _ in range(8)]

    def enter(lock: ObjectLock) -> bool:
        try:
            lock.__enter__()
        except FolderBusy:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        let_in = list(pool.map(enter, locks))
    assert sum(let_in) == 1
    locks[let_in.index(True)].__exit__(None, None, None)


def write_holder(folder, age_s: float, **more: object) -> None:
    holder = {"host": "elsewhere", "pid": 7, "time": time.time() - age_s, **more}
    put_bytes(folder / "locks" / "000004.json", json.dumps(holder).encode())


def test_a_holder_elsewhere_keeps_the_folder_while_its_heart_beats(folder):
    write_holder(folder, 50)
    with pytest.raises(FolderBusy, match="process 7 on elsewhere"):
        ObjectLock(folder).__enter__()
    write_holder(folder, 61)
    with ObjectLock(folder):
        assert [path.name for path in glob(folder / "locks", "*")] == ["000005.json"]


def test_a_holder_of_this_machine_that_is_gone_is_not_waited_for(folder):
    machine = object_lock._machine()
    write_holder(folder, 1, pid=2**22 + 1, machine=machine)
    with ObjectLock(folder):
        pass


def test_an_owner_that_slept_notices_that_it_lost_the_folder(folder, monkeypatch):
    monkeypatch.setattr(object_lock, "BEAT_S", 0.1)
    monkeypatch.setattr(object_lock, "STALE_S", -1.0)  # at once: beats are rounded to a tenth
    with ObjectLock(folder) as slept, ObjectLock(folder):
        deadline = time.monotonic() + 30
        while slept._lost is None:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        with pytest.raises(FolderBusy, match="another run"):
            slept.check()
