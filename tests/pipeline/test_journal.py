"""The journal: on disk before it is used, there after any kill."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest

from pipeline.engines.base import Completion, EngineIdentity, Prompt, Sampling, chat_prompt
from pipeline.errors import StorageError
from pipeline.journal import Journal, draw_keys

STOP = Completion("3 + 5 = 8", "stop", 10, (1, 2, 3), (-0.5, -0.25, -1.0))
CUT = Completion("hé\n", "length", 4)  # an engine without ids
IDENTITY = EngineIdentity("weights-1", "tokenizer-1")
SAMPLING = Sampling(0.8, 0.9, 5, 64, ("\n\n",))


def key(number: int) -> bytes:
    return number.to_bytes(16, "big")


def segments(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.arrow"))


def loaded(folder: Path) -> Journal:
    journal = Journal(folder)
    journal.load()
    return journal


def commit(folder: Path, rows: list[tuple[bytes, Completion]]) -> None:
    """One segment, as one run would leave it."""
    asyncio.run(loaded(folder).commit(rows))


def test_an_empty_journal_loads(tmp_path: Path) -> None:
    assert Journal(tmp_path / "none").load() == 0


def test_committed_rows_survive_a_reload(tmp_path: Path) -> None:
    commit(tmp_path, [(key(1), STOP), (key(2), CUT)])
    journal = Journal(tmp_path)
    assert journal.load() == 2
    assert (journal.get(key(1)), journal.get(key(2))) == (STOP, CUT)
    assert journal.get(key(3)) is None


def test_no_token_ids_and_an_empty_list_of_them_stay_apart(tmp_path: Path) -> None:
    empty = Completion("", "stop", 1, (), ())
    commit(tmp_path, [(key(1), empty), (key(2), CUT)])
    journal = loaded(tmp_path)
    assert (journal.get(key(1)), journal.get(key(2))) == (empty, CUT)


def test_commits_of_one_moment_share_a_segment(tmp_path: Path) -> None:
    async def both() -> None:
        journal = Journal(tmp_path)
        await asyncio.gather(*(journal.commit([(key(n), STOP)]) for n in range(20)))

    asyncio.run(both())
    assert len(segments(tmp_path)) == 1
    assert Journal(tmp_path).load() == 20


def test_a_full_group_does_not_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.journal.LINGER_S", 60.0)
    monkeypatch.setattr("pipeline.journal.EACH_S", 60.0)
    journal = Journal(tmp_path)
    journal.expected = 2
    rows = [(key(n), STOP) for n in range(512)]
    asyncio.run(asyncio.wait_for(journal.commit(rows), 20))
    assert len(segments(tmp_path)) == 1


def test_a_commit_waits_for_those_who_are_expected_and_no_longer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.journal.LINGER_S", 60.0)
    monkeypatch.setattr("pipeline.journal.EACH_S", 60.0)

    async def run() -> None:
        journal = Journal(tmp_path)
        journal.expected = 2
        first = asyncio.create_task(journal.commit([(key(1), STOP)]))
        await asyncio.sleep(0.1)
        assert segments(tmp_path) == []
        await asyncio.gather(first, journal.commit([(key(2), CUT)]))

    asyncio.run(asyncio.wait_for(run(), 20))
    assert len(segments(tmp_path)) == 1


def test_two_who_are_under_way_hardly_wait_for_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.journal.LINGER_S", 60.0)
    journal = Journal(tmp_path)
    journal.expected = 2
    asyncio.run(asyncio.wait_for(journal.commit([(key(1), STOP)]), 20))
    assert len(segments(tmp_path)) == 1


def test_a_row_is_seen_when_its_file_is_there_and_not_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rename is held up: the commit has not returned, and `get` knows nothing."""
    held, real = [True], Path.replace

    def replace_later(path: Path, target: Path) -> Path:
        while held[0]:
            time.sleep(0.005)
        return real(path, target)

    monkeypatch.setattr(Path, "replace", replace_later)

    async def run() -> None:
        journal = Journal(tmp_path)
        commit = asyncio.create_task(journal.commit([(key(1), STOP)]))
        await asyncio.sleep(0.3)
        assert not commit.done()
        assert (journal.get(key(1)), segments(tmp_path)) == (None, [])
        held[0] = False
        await commit
        assert (journal.get(key(1)), len(segments(tmp_path))) == (STOP, 1)

    asyncio.run(run())


def test_close_waits_for_the_group_in_flight(tmp_path: Path) -> None:
    async def run() -> None:
        journal = Journal(tmp_path)
        commit = asyncio.create_task(journal.commit([(key(1), STOP)]))
        await asyncio.sleep(0)
        await journal.close()
        assert journal.get(key(1)) == STOP
        await commit

    asyncio.run(run())


def test_a_cancelled_caller_does_not_stop_its_group(tmp_path: Path) -> None:
    async def run() -> None:
        journal = Journal(tmp_path)
        first = asyncio.create_task(journal.commit([(key(1), STOP)]))
        second = asyncio.create_task(journal.commit([(key(2), CUT)]))
        await asyncio.sleep(0)
        first.cancel()
        await second
        assert journal.get(key(1)) == STOP

    asyncio.run(run())


def test_a_row_that_cannot_be_written_fails_its_group_and_no_later_one(tmp_path: Path) -> None:
    async def run() -> None:
        journal = Journal(tmp_path)
        with pytest.raises(UnicodeEncodeError):
            await journal.commit([(key(1), replace(STOP, text="\ud800"))])
        assert journal.get(key(1)) is None
        await asyncio.wait_for(journal.commit([(key(2), CUT)]), 20)
        assert journal.get(key(2)) == CUT

    asyncio.run(run())


def test_a_key_keeps_its_first_row_now_and_after_a_reload(tmp_path: Path) -> None:
    async def run() -> Completion | None:
        journal = Journal(tmp_path)
        await journal.commit([(key(1), STOP)])
        await journal.commit([(key(1), CUT)])
        return journal.get(key(1))

    assert asyncio.run(run()) == STOP
    assert loaded(tmp_path).get(key(1)) == STOP


# compaction


def test_compaction_keeps_every_row_in_one_file(tmp_path: Path) -> None:
    for number in range(3):
        commit(tmp_path, [(key(number), replace(STOP, tokens=number)), (key(10 + number), CUT)])
    loaded(tmp_path).compact()
    assert len(segments(tmp_path)) == 1
    journal = Journal(tmp_path)
    assert journal.load() == 6
    assert [journal.get(key(n)).tokens for n in range(3)] == [0, 1, 2]  # type: ignore[union-attr]


def test_compaction_cut_short_leaves_duplicates_that_count_once(tmp_path: Path) -> None:
    commit(tmp_path, [(key(1), STOP)])
    commit(tmp_path, [(key(2), CUT)])
    before = {path: path.read_bytes() for path in segments(tmp_path)}
    loaded(tmp_path).compact()
    for path, content in before.items():  # as if it was killed before it deleted them
        path.write_bytes(content)
    journal = Journal(tmp_path)
    assert journal.load() == 2
    journal.compact()
    assert len(segments(tmp_path)) == 1
    assert Journal(tmp_path).load() == 2


def test_compaction_reads_the_files_not_the_memory(tmp_path: Path) -> None:
    commit(tmp_path, [(key(1), STOP)])
    commit(tmp_path, [(key(2), CUT)])
    Journal(tmp_path).compact()
    assert Journal(tmp_path).load() == 2


def test_a_single_segment_is_left_as_it_is(tmp_path: Path) -> None:
    commit(tmp_path, [(key(1), STOP)])
    (before,) = segments(tmp_path)
    loaded(tmp_path).compact()
    assert segments(tmp_path) == [before]


# damage


@pytest.mark.parametrize("content", [b"", b"ARROW1\0\0 and then something else"])
def test_an_unreadable_segment_is_named(tmp_path: Path, content: bytes) -> None:
    bad = tmp_path / "000000-abcdef.arrow"
    bad.write_bytes(content)
    with pytest.raises(StorageError, match=r"000000-abcdef\.arrow: this journal segment cannot"):
        Journal(tmp_path).load()


def test_a_cut_segment_is_named(tmp_path: Path) -> None:
    commit(tmp_path, [(key(1), STOP)])
    (path,) = segments(tmp_path)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(StorageError, match=path.name):
        Journal(tmp_path).load()


def test_a_changed_byte_is_noticed_wherever_it_is(tmp_path: Path) -> None:
    """Arrow reads some of these without a word, and crashes at others."""
    commit(tmp_path, [(key(1), STOP), (key(2), CUT)])
    (path,) = segments(tmp_path)
    whole = path.read_bytes()
    for at in range(0, len(whole), 37):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(StorageError, match="its content is not what was written"):
            Journal(tmp_path).load()


def test_a_segment_from_before_names_had_a_hash_is_read(tmp_path: Path) -> None:
    commit(tmp_path, [(key(1), STOP)])
    (path,) = segments(tmp_path)
    path.rename(tmp_path / "000000-abcdef.arrow")
    assert loaded(tmp_path).get(key(1)) == STOP


def test_the_rows_of_a_deleted_segment_are_not_there_and_the_others_are(tmp_path: Path) -> None:
    commit(tmp_path, [(key(1), STOP)])
    commit(tmp_path, [(key(2), CUT)])
    segments(tmp_path)[0].unlink()
    commit(tmp_path, [(key(3), STOP)])  # a number that was there is used again
    journal = loaded(tmp_path)
    assert [journal.get(key(n)) for n in (1, 2, 3)] == [None, CUT, STOP]


def test_what_a_killed_write_left_behind_is_not_read(tmp_path: Path) -> None:
    (tmp_path / ".000000-abcdef.arrow.1234.tmp").write_bytes(b"half")
    assert Journal(tmp_path).load() == 0


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "tiny"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(place)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("no right to mount a small tmpfs here")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_full_disk_is_said_and_its_rows_are_not_there(tiny_disk: Path) -> None:
    noise = os.urandom(200_000).hex()  # does not compress into 64k

    async def run() -> None:
        journal = Journal(tiny_disk / "journal")
        await journal.commit([(key(1), STOP)])
        with pytest.raises(StorageError, match="the disk is full"):
            await journal.commit([(key(2), replace(STOP, text=noise))])
        assert journal.get(key(2)) is None
        await journal.commit([(key(3), CUT)])  # there is room for a small one
        assert journal.get(key(3)) == CUT

    asyncio.run(run())
    journal = Journal(tiny_disk / "journal")
    assert journal.load() == 2
    assert not list((tiny_disk / "journal").glob(".*"))


KILLED = """
import asyncio, sys
from pathlib import Path
from pipeline.engines.base import Completion
from pipeline.journal import Journal

async def write(journal, begin):
    for number in range(begin, 10**6, 4):
        text = f"completion {number}"
        await journal.commit([(number.to_bytes(16, "big"), Completion(text, "stop", number))])
        print(number, flush=True)

async def main():
    journal = Journal(Path(sys.argv[1]))
    await asyncio.gather(*(write(journal, begin) for begin in range(4)))

asyncio.run(main())
"""


def test_kill_9_loses_nothing_that_a_commit_had_returned_for(tmp_path: Path) -> None:
    worker = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path / "journal")],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert worker.stdout is not None
    seen = [int(worker.stdout.readline()) for _ in range(14)]
    os.kill(worker.pid, signal.SIGKILL)
    seen += [int(line) for line in worker.stdout.read().splitlines() if line]
    worker.stdout.close()
    assert worker.wait() == -signal.SIGKILL
    journal = loaded(tmp_path / "journal")
    assert len(seen) >= 14
    for number in seen:
        assert journal.get(number.to_bytes(16, "big")) == Completion(
            f"completion {number}", "stop", number
        )


# keys


def one_key(
    identity: EngineIdentity = IDENTITY,
    prompt: Prompt = Prompt("Q", (1, 2)),  # noqa: B008
    sampling: Sampling = SAMPLING,
    seed: int = 0,
    draw: int = 0,
) -> bytes:
    return draw_keys(identity, prompt, sampling, seed, [draw])[0]


CHANGED = {
    "model": one_key(replace(IDENTITY, model_revision="weights-2")),
    "tokenizer": one_key(replace(IDENTITY, tokenizer_hash="tokenizer-2")),
    "ids": one_key(prompt=Prompt("Q", (1, 3))),
    "text": one_key(prompt=Prompt("Q")),
    "other text": one_key(prompt=Prompt("R")),
    "temperature": one_key(sampling=replace(SAMPLING, temperature=0.7)),
    "top_p": one_key(sampling=replace(SAMPLING, top_p=1.0)),
    "top_k": one_key(sampling=replace(SAMPLING, top_k=0)),
    "max_tokens": one_key(sampling=replace(SAMPLING, max_tokens=65)),
    "stop": one_key(sampling=replace(SAMPLING, stop=("\n",))),
    "no stop": one_key(sampling=replace(SAMPLING, stop=())),
    "schema": one_key(sampling=replace(SAMPLING, schema='{"type":"object"}')),
    "other schema": one_key(sampling=replace(SAMPLING, schema='{"type":"array"}')),
    "chat": one_key(prompt=chat_prompt([("user", "Q")])),
    "other role": one_key(prompt=chat_prompt([("system", "Q")])),
    "other cut": one_key(prompt=chat_prompt([("user", ""), ("user", "Q")])),
    "chat as text": one_key(prompt=Prompt(chat_prompt([("user", "Q")]).text)),
    "seed": one_key(seed=1),
    "draw": one_key(draw=1),
}


@pytest.mark.parametrize("component", CHANGED)
def test_a_key_changes_with(component: str) -> None:
    others = [value for name, value in CHANGED.items() if name != component]
    assert CHANGED[component] not in [one_key(), *others]


def test_a_key_of_token_ids_does_not_depend_on_how_they_read() -> None:
    assert one_key(prompt=Prompt("Q", (1, 2))) == one_key(prompt=Prompt("other", (1, 2)))


def test_a_key_does_not_depend_on_the_draws_asked_for_with_it() -> None:
    keys = draw_keys(IDENTITY, Prompt("Q"), SAMPLING, 0, range(3, 6))
    assert keys == [one_key(prompt=Prompt("Q"), draw=draw) for draw in (3, 4, 5)]
    assert all(len(each) == 16 for each in keys)


def test_a_key_is_the_same_on_every_machine_and_day() -> None:
    assert one_key().hex() == "1440d4daba637e14d01b95cf66398d8d"
    assert one_key(prompt=Prompt("Qé\ud800")).hex() == "46614f59f1064bc6f366e1ea054ed0d9"
    chat = chat_prompt([("system", "Judge."), ("user", "é\ud800\0")])
    assert one_key(prompt=chat).hex() == "32219babf7d9032196c855fe6066f382"
    assert (
        one_key(sampling=replace(SAMPLING, schema="{}")).hex() == "24dfd1e5d0bef7700858097b28b5ad53"
    )


def test_a_key_of_a_chat_does_not_depend_on_its_text() -> None:
    chat = chat_prompt([("user", "Q")])
    assert one_key(prompt=chat) == one_key(prompt=replace(chat, text="other"))


def test_segments_are_arrow_files_that_anybody_can_read(tmp_path: Path) -> None:
    commit(tmp_path, [(key(1), CUT)])
    (path,) = segments(tmp_path)
    with pa.OSFile(str(path)) as file:
        rows = pa.ipc.open_file(file).read_all().to_pylist()
    assert rows == [
        {
            "key": key(1),
            "text": "hé\n",
            "finish_reason": "length",
            "tokens": 4,
            "token_ids": None,
            "logprobs": None,
        }
    ]
