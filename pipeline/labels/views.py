"""The views that exist, by their name in a recipe.

Guarantees: `check` raises RecipeError for a view or filter that cannot be derived, before
anything is spent. Does not check the search: see `pipeline.labels.feeds`.
"""

from __future__ import annotations

from collections.abc import Callable

from pipeline import recipe
from pipeline.errors import RecipeError
from pipeline.labels.advantage import advantage
from pipeline.labels.hard import hard
from pipeline.labels.hybrid import hybrid
from pipeline.labels.posterior import posterior
from pipeline.labels.progress import progress
from pipeline.labels.scan import scan
from pipeline.labels.shard import Shard, View
from pipeline.labels.soft import soft
from pipeline.labels.tool_view import tools

VIEWS: dict[str, Callable[[Shard, recipe.Labels], View]] = {
    "hard": hard,
    "soft": soft,
    "scan": scan,
    "progress": progress,
    "advantage": advantage,
    "tools": tools,
    "hybrid": hybrid,
    "posterior": posterior,
}


def check(settings: recipe.Labels) -> None:
    """Raises RecipeError where `derive` could not follow these settings."""
    if settings.view not in VIEWS:
        raise RecipeError(
            f"labels.view = {settings.view!r} does not exist yet; views now: {', '.join(VIEWS)}",
            key="labels.view",
        )
    if settings.filter != "none":
        raise RecipeError(
            f"labels.filter = {settings.filter!r} needs a judge annotator, and there is none yet;"
            " set it to 'none'",
            key="labels.filter",
        )
