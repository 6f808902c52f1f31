"""What a server says of itself at /metrics, in Prometheus's format, as vLLM names it.

    vllm:prefix_cache_queries_total{model_name="m",engine="0"} 81230.0
    vllm:prefix_cache_hits_total{model_name="m",engine="0"} 60112.0

Guarantees: pure; figures of several engines behind one server are added up; a page without a figure
gives None for it. `since` is what came after a first look; a counter that fell (the server began
anew) counts from zero.
"""

from __future__ import annotations

from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families

_NAMES = {
    "vllm:prefix_cache_queries_total": "queries",
    "vllm:prefix_cache_hits_total": "hits",
    "vllm:num_requests_running": "running",
    "vllm:num_requests_waiting": "waiting",
}


@dataclass(frozen=True, slots=True)
class ServerFigures:
    """`queries` and `hits`: prompt tokens looked up in the prefix cache, and found there."""

    queries: float | None = None
    hits: float | None = None
    running: float | None = None
    waiting: float | None = None

    @staticmethod
    def read(page: str) -> ServerFigures:
        found: dict[str, float] = {}
        try:
            for family in text_string_to_metric_families(page):
                for sample in family.samples:
                    name = _NAMES.get(sample.name)
                    if name is not None:
                        found[name] = found.get(name, 0.0) + sample.value
        except ValueError:  # not in that format
            return ServerFigures()
        return ServerFigures(**found)

    def since(self, before: ServerFigures) -> ServerFigures:
        """Counters since an earlier look; the others as they are."""
        queries = _grown(self.queries, before.queries)
        return ServerFigures(queries, _grown(self.hits, before.hits), self.running, self.waiting)

    def plus(self, other: ServerFigures) -> ServerFigures:
        pairs = [
            (self.queries, other.queries),
            (self.hits, other.hits),
            (self.running, other.running),
            (self.waiting, other.waiting),
        ]
        sums = [None if a is None and b is None else (a or 0.0) + (b or 0.0) for a, b in pairs]
        return ServerFigures(*sums)


def _grown(now: float | None, before: float | None) -> float | None:
    if now is None or before is None:
        return now
    return now - before if now >= before else now
