"""Homes of Prefect for commands that run in processes of their own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from importlib.metadata import version
from pathlib import Path


def prefect_home(place: Path) -> Path:
    """`place`, new, with its database made: that takes longer than a small run."""
    place.mkdir()
    shutil.copy(_made(), place / "prefect.db")
    return place


@cache
def _made() -> Path:
    """Made once for all test processes, and kept for the next runs of the tests."""
    kept = Path(tempfile.gettempdir()) / f"prefect-{version('prefect')}-{os.getuid()}.db"
    if not kept.exists():
        with tempfile.TemporaryDirectory(dir=kept.parent) as home:
            command = [sys.executable, "-m", "prefect", "server", "database", "upgrade", "--yes"]
            environment = {**os.environ, "PREFECT_HOME": home}
            subprocess.run(command, env=environment, check=True, capture_output=True)
            (Path(home) / "prefect.db").rename(kept)  # of two, the later one stays
    return kept
