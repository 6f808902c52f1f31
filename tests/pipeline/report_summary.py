"""A summary of nothing but what a test names."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from pipeline.summary import Summary


def summary(**counts: Any) -> Summary:
    found: dict[str, Any] = {
        one.name: {} if "dict" in str(one.type) else 0 for one in fields(Summary)
    }
    return Summary(**found | counts)
