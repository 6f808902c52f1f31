"""Exhaustive Monte Carlo (Math-Shepherd): k rollouts from every prefix of every solution.

The whole solution is not continued: its outcome is known. Costs k (T - 1) completions a
solution, less what solutions share.
"""

from __future__ import annotations

from collections.abc import Sequence

from annotators.search.probe import Candidate, Probe, Search, SearchSettings


def exhaustive(candidates: Sequence[Candidate], settings: SearchSettings) -> Search:
    wave = [
        Probe(candidate.solution.prefix(m), settings.k)
        for candidate in candidates[: settings.solutions]
        for m in range(1, len(candidate))
    ]
    if wave:
        yield wave
