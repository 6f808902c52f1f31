"""What a run wrote, for comparisons."""

from __future__ import annotations

from typing import Any

import polars as pl
import pyarrow as pa

from pipeline.folder import DatasetFolder


def tables(folder: DatasetFolder) -> dict[str, Any]:
    """The bytes of every published file; the evidence without the seconds that it took."""
    found: dict[str, Any] = {}
    for path in sorted(folder.root.glob("*/*.parquet")):
        name = str(path.relative_to(folder.root))
        found[name] = path.read_bytes()
        if path.parent.name == "evidence":
            found[name] = pl.read_parquet(path).drop("seconds").to_dicts()
    return found


def committed(folder: DatasetFolder) -> int:
    """Completions in the journal."""
    count = 0
    for path in folder.work.glob("journal/*/*.arrow"):
        with pa.OSFile(str(path)) as file:
            count += pa.ipc.open_file(file).read_all().num_rows
    return count
