"""Searches: which prefixes get rollouts. A name in a recipe is looked up in `SEARCHES`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from annotators.search.bisect import bisect
from annotators.search.exhaustive import exhaustive
from annotators.search.probe import Candidate, Search, SearchSettings
from annotators.search.scan import scan

SEARCHES: dict[str, Callable[[Sequence[Candidate], SearchSettings], Search]] = {
    "exhaustive": exhaustive,
    "bisect": bisect,
    "scan": scan,
}
