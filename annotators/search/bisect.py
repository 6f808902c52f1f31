"""OmegaPRM's binary search for the first error, on given wrong solutions (arXiv 2406.06592v2).

MC > 0 at the middle goes right, MC = 0 left. Only "did any succeed?" is asked, so drawing stops
at the first success (such counts are censored). Right solutions are not searched: each is itself
a success from every prefix of its own. A middle that cannot be decided ends the search.
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


def _bisect(candidate: Candidate, settings: SearchSettings) -> Steps:
    low, high = 0, len(candidate)  # the problem can be solved; the whole solution is wrong
    while high - low > 1:
        middle = (low + high) // 2
        found = yield from until_success(candidate.solution.prefix(middle), settings.k)
        if found is None:
            return
        low, high = (middle, high) if found else (low, middle)
    yield from complete_window(candidate.solution, high, settings)


bisect = each_solution(_bisect)
