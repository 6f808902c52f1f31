"""A meter's counts as a task of a cluster reports them: in a string, and only what it added."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from pipeline.meter import Meter

# What is now, what the driver alone knows, and what a clock of another machine says.
_NOT_ADDED = ("running", "stages_total", "started", "first_completion")


def counts(meter: Meter) -> dict[str, Any]:
    """Every count of `meter`, as plain values."""
    found: dict[str, Any] = {}
    for field in fields(meter):
        value = getattr(meter, field.name)
        if field.name in _NOT_ADDED:
            continue
        if isinstance(value, Counter):
            found[field.name] = dict(value)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            found[field.name] = value
    return found


def since(now: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """What was added between two `counts` of one meter."""
    found: dict[str, Any] = {}
    for name, value in now.items():
        if isinstance(value, Mapping):
            old = before.get(name, {})
            found[name] = {key: count - old.get(key, 0) for key, count in value.items()}
        else:
            found[name] = value - before.get(name, 0)
    return found


def add(meter: Meter, added: Mapping[str, Any]) -> None:
    """Take over what another meter counted."""
    for name, value in added.items():
        if isinstance(value, Mapping):
            getattr(meter, name).update(value)
        elif hasattr(meter, name):
            setattr(meter, name, getattr(meter, name) + value)
