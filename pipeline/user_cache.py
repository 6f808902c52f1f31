"""What is worth keeping beyond one folder: $XDG_CACHE_HOME/stepsmith or ~/.cache/stepsmith."""

from __future__ import annotations

import os
from pathlib import Path


def user_cache() -> Path:
    root = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(root).expanduser() / "stepsmith"
