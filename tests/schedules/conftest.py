"""Tests with servers and workers take minutes: `make test-schedules`."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if not os.environ.get("STEPSMITH_SCHEDULES"):
        skip = pytest.mark.skip(reason="starts servers and workers: `make test-schedules`")
        for item in items:
            if HERE in item.path.parents:
                item.add_marker(skip)
