"""A shard that two workers hold: the later one goes on, and its rows count."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from pipeline.claim import Claim
from pipeline.engines.base import Completion
from pipeline.errors import FolderBusy
from pipeline.journal import Journal

KEY = b"k" * 16


def completion(text: str) -> Completion:
    return Completion(text, "stop", len(text))


async def commit(journal: Journal, text: str, key: bytes = KEY) -> None:
    await journal.commit([(key, completion(text))])
    await journal.close()


def loaded(folder: Path) -> Journal:
    journal = Journal(folder)
    journal.load()
    return journal


def test_the_rows_of_the_later_claim_count_before_and_after_a_compaction(tmp_path: Path) -> None:
    first, second = Claim(tmp_path / "claim.json", 1), Claim(tmp_path / "claim.json", 2)

    async def both() -> None:
        first.take()
        dead = Journal(tmp_path, first)
        await commit(dead, "seen by both", b"s" * 16)
        second.take()
        alive = Journal(tmp_path, second)
        assert alive.load() == 1
        await commit(alive, "of the later one")
        first.check = lambda: None  # type: ignore[method-assign]  # cut off before it could look
        await commit(dead, "of the one thought dead")

    asyncio.run(both())
    for _ in range(2):
        journal = loaded(tmp_path)
        assert journal.get(KEY) == completion("of the later one")
        assert journal.get(b"s" * 16) == completion("seen by both")
        journal.compact()
    assert len(list(tmp_path.glob("*.arrow"))) == 1


def test_what_the_earlier_one_writes_afterwards_is_used_by_nobody(tmp_path: Path) -> None:
    first = Claim(tmp_path / "claim.json", 1)
    first.take()
    Claim(tmp_path / "claim.json", 2).take()

    async def late() -> None:
        journal = Journal(tmp_path, first)
        with pytest.raises(FolderBusy, match="another worker has taken this shard over"):
            await commit(journal, "late")
        assert journal.get(KEY) is None

    asyncio.run(late())
    assert list(tmp_path.glob("*.arrow")) == []


def test_a_claim_of_an_earlier_term_is_refused(tmp_path: Path) -> None:
    Claim(tmp_path / "claim.json", 2).take()
    with pytest.raises(FolderBusy):
        Claim(tmp_path / "claim.json", 1).take()


def test_a_worker_that_comes_back_in_the_same_term_goes_on(tmp_path: Path) -> None:
    Claim(tmp_path / "claim.json", 1).take()
    again = Claim(tmp_path / "claim.json", 1)
    again.take()
    again.check()
    assert again.number == 2
