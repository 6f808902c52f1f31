"""Searches: which prefixes get rollouts. A name in a recipe is looked up in `SEARCHES`."""

from __future__ import annotations

from collections.abc import Callable

from annotators.search.bisect import bisect
from annotators.search.exhaustive import exhaustive
from annotators.search.omegaprm import omegaprm
from annotators.search.posterior import posterior
from annotators.search.probe import Search, SearchSettings, Start
from annotators.search.scan import scan

SEARCHES: dict[str, Callable[[Start, SearchSettings], Search]] = {
    "exhaustive": exhaustive,
    "bisect": bisect,
    "scan": scan,
    "omegaprm": omegaprm,
    "posterior": posterior,
}

# Searches that go on from rollouts: these become solutions.
TREE_SEARCHES = frozenset({"omegaprm"})

# Searches that go by fitted parameters and a price; a pilot comes first.
GUIDED_SEARCHES = frozenset({"posterior"})
