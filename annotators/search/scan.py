"""SCAN's search (arXiv 2509.16548): wrong solutions only, forward to the first zero.

A step is left at its first success (censored counts); at the first step with no success in k
the search stops, and the steps of the window before it are completed to k, because the label
there is a ratio. Right solutions get no rollouts. A step that cannot be decided ends the search.
"""

from __future__ import annotations

from annotators.search.probe import (
    Candidate,
    SearchSettings,
    Steps,
    complete_window,
    each_solution,
    until_success,
)


def _scan(candidate: Candidate, settings: SearchSettings) -> Steps:
    first_zero = len(candidate)
    for m in range(1, len(candidate)):
        found = yield from until_success(candidate.solution.prefix(m), settings.k)
        if found is None:
            return
        if not found:
            first_zero = m
            break
    yield from complete_window(candidate.solution, first_zero, settings)


scan = each_solution(_scan)
