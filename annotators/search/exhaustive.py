"""Exhaustive Monte Carlo (Math-Shepherd): k rollouts from every prefix of every solution.

The whole solution is not continued: its outcome is known. Costs k (T - 1) completions a
solution, less what solutions share.
"""

from __future__ import annotations

from annotators.search.probe import Probe, Search, SearchSettings, Start


def exhaustive(start: Start, settings: SearchSettings) -> Search:
    wave = [
        Probe(candidate.solution.prefix(m), settings.k)
        for candidate in start.candidates[: settings.solutions]
        for m in range(1, len(candidate))
    ]
    if wave:
        yield wave
    return None
