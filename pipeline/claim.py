"""Who works on a shard: the last process that said so.

Where shards are worked on by processes that may be taken for dead (workers of a cluster, runs on an
object store, whose lock is a heartbeat), a stage begins by claiming its shard. The claim is one
small file, read again after each segment is written and before results are published.

Guaranteed: of two processes on one shard, the one that claimed first uses nothing that it committed
after the other began: the other's claim was there before it listed the journal, so a segment that
it did not see is followed by a look at its claim. Rows of the later claim win
(pipeline/journal.py), so what the labels rest on is what the journal says. Not guaranteed: that the
first one stops at once; what it buys until it looks is paid for in vain. Between its last look and
its last write (milliseconds) it can still write a table; that table rests on the same journal, so
it differs only where calls failed for good.
"""

from __future__ import annotations

import uuid
from pathlib import Path

from pipeline.errors import FolderBusy
from pipeline.files import write_json
from pipeline.places import read_json


class Claim:
    """On the shard whose claims are at `place`. `term`: when the work was given out (milliseconds,
    by the clock of who gives it out): one of an earlier term is refused. Blocking: not for an event
    loop."""

    def __init__(self, place: Path, term: int) -> None:
        self._place = place
        self._term = term
        self._token = uuid.uuid4().hex[:12]
        self.number = 0  # the first is 1

    def take(self) -> None:
        """Raises FolderBusy where somebody of a later term has it, StorageError."""
        number, term, _ = self._read()
        if term > self._term:
            raise self._taken()
        self.number = number + 1
        claim = {"number": self.number, "term": self._term, "token": self._token}
        write_json(self._place, claim)

    def check(self) -> None:
        """Raises FolderBusy where another process has claimed the shard since."""
        if self._read()[2] != self._token:
            raise self._taken()

    def _taken(self) -> FolderBusy:
        return FolderBusy(
            f"{self._place.parent}: another worker has taken this shard over; what this one "
            f"buys is not used",
            folder=str(self._place.parent),
        )

    def _read(self) -> tuple[int, int, str]:
        try:
            found = read_json(self._place)
            return int(found["number"]), int(found["term"]), str(found["token"])
        except FileNotFoundError:
            return 0, 0, ""
