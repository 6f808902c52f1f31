"""The views by their name in a recipe.

Guarantees: one for each `ViewName`. Does not say whether a search buys what a view reads: see
`pipeline.labels.feeds`.
"""

from __future__ import annotations

from collections.abc import Callable

from pipeline import recipe
from pipeline.labels.advantage import advantage
from pipeline.labels.hard import hard
from pipeline.labels.hybrid import hybrid
from pipeline.labels.posterior import posterior
from pipeline.labels.progress import progress
from pipeline.labels.scan import scan
from pipeline.labels.shard import Shard, View
from pipeline.labels.soft import soft
from pipeline.labels.tool_view import tools
from pipeline.labels.vote_views import aurora, capo, spark

VIEWS: dict[recipe.ViewName, Callable[[Shard, recipe.Labels], View]] = {
    "hard": hard,
    "soft": soft,
    "scan": scan,
    "progress": progress,
    "advantage": advantage,
    "tools": tools,
    "hybrid": hybrid,
    "posterior": posterior,
    "spark": spark,
    "aurora": aurora,
    "capo": capo,
}
