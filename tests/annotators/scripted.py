"""Rollouts with scripted outcomes, for searches as pure generators."""

from __future__ import annotations

from collections.abc import Mapping

from annotators.search.probe import Counts, Probe


class Rollouts:
    """Outcomes by prefix text: 'c', 'i', 'u' for each draw. Counts what was drawn."""

    def __init__(self, outcomes: Mapping[str, str], default: str = "i" * 99) -> None:
        self.outcomes, self.default = outcomes, default
        self.drawn: dict[str, int] = {}

    def serve(self, probe: Probe) -> Counts:
        text = probe.prefix.text
        count = max(self.drawn.get(text, 0), probe.draws)
        self.drawn[text] = count
        seen = self.outcomes.get(text, self.default)[:count]
        return Counts(seen.count("c"), seen.count("i"), seen.count("u"))
