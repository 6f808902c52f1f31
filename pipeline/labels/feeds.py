"""Can a search buy what a view, or a filter beside it, reads?

Guarantees: a sentence for every pair where the view would be null on many steps of searched
solutions, though rollouts were bought; None otherwise. It is advice before money is spent:
`derive` works on any evidence and leaves null what was not measured. Does not speak of views
and filters that need a judge where there is none: the recipe refuses those.
"""

from __future__ import annotations

from pipeline.recipe import Labels, SearchName, ViewName

# What each search leaves unmeasured in a solution that it searches.
_GAPS: dict[SearchName, str] = {
    "bisect": "bisect measures about log2(T) of its T steps",
    "scan": "scan buys nothing for right solutions and stops at the first zero of wrong ones",
    "omegaprm": "omegaprm measures the steps that its binary searches touch",
    "posterior": "posterior stops as soon as a step is clear, so most counts are censored",
}


def feeds(labels: Labels, search: SearchName) -> str | None:
    """Why rollouts bought by `search` cannot feed these labels in full; None when they can."""
    gap = _gap(labels.view, search)
    if gap is None and labels.filter == "genprm":
        gap = _gap("progress", search)
        return gap and f"filter 'genprm' compares the labels of view 'progress': {gap}"
    return gap


def _gap(view: ViewName, search: SearchName) -> str | None:
    if search == "exhaustive" or view not in ("soft", "scan", "progress", "advantage"):
        return None
    if view == "scan":
        if search in ("scan", "bisect"):
            return None
        return (
            f"view 'scan' reads k rollouts at the first zero and at each of the window's steps"
            f" before it; {_GAPS[search]}, and the window's other labels stay null:"
            f" search 'scan' or 'bisect' buys them"
        )
    if view == "soft" and search == "omegaprm":
        return None  # the paper's own pair: its states, and only they, become rows
    return (
        f"view {view!r} reads k complete rollouts at every step; {_GAPS[search]},"
        f" and the labels of the others stay null: only search 'exhaustive' buys them all"
    )
