"""A fitted posterior: the parameters of each domain and policy, and how evidence becomes labels.

fusion = learn(solutions, evidence, …)     once a run, or on a trusted slice (learn.py)
fused  = fuse(fusion, solutions, evidence, …)     any number of times: a pure function (fuse.py)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.errors import InputError
from pipeline.labels.layout import Floats
from pipeline.posterior.panel import Panel
from pipeline.posterior.parameters import Parameters, start

ALL = "all"


@dataclass(frozen=True)
class Fusion:
    """`groups` by "<domain> <policy>"; `ALL` serves every group that was too small or not seen."""

    groups: Mapping[str, Parameters]
    edges: Mapping[str, Floats]
    panel: Panel | None = None  # how judges' votes are read

    def parameters(self, group: str) -> Parameters:
        return self.groups.get(group, self.groups[ALL])

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "groups": {name: one.as_dict() for name, one in self.groups.items()},
            "edges": {name: list(map(float, bounds)) for name, bounds in self.edges.items()},
            "panel": self.panel and self.panel.as_dict(),
        }

    @staticmethod
    def from_dict(raw: Mapping[str, Any]) -> Fusion:
        """Raises InputError where another version wrote it."""
        try:
            return Fusion(
                {name: Parameters.from_dict(one) for name, one in raw["groups"].items()},
                {name: np.array(bounds) for name, bounds in raw["edges"].items()},
                Panel.from_dict(raw["panel"]) if raw.get("panel") else None,
            )
        except KeyError as error:
            raise InputError(
                f"the posterior of this dataset (in its manifest and in work/posterior) was learnt "
                f"by another version of Stepsmith: it lacks {error}. Read it with that version, or "
                f"label the problems again with another --out"
            ) from error


PRIOR = Fusion({ALL: start()}, {})  # nothing learnt
