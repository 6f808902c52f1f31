"""Open runs of this process, by folder: what tasks of its own threads work in.

A module of its own, because the flow travels to workers of a cluster with what it names, and a run
cannot: it has locks and connections.
"""

from __future__ import annotations

from flows.run import LabelRun

RUNS: dict[str, LabelRun] = {}
