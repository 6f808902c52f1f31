"""Datasets of another schema version: what is to be done about them.

From version 3 to the present only columns of the labels table were added, and `stepsmith derive`
writes that table anew; the other tables are the same. Those of versions before lack columns.
"""

from __future__ import annotations

from pathlib import Path

from pipeline.errors import InputError
from pipeline.schemas import SCHEMA_VERSION

OLDEST = 3  # that derive reads


def check_derivable(found: object, root: Path) -> None:
    """Of the schema version that a dataset's manifest states. Raises InputError."""
    if found not in range(OLDEST, SCHEMA_VERSION + 1):
        raise InputError(
            f"{root}: its tables are of schema version {found}, this Stepsmith reads {OLDEST} to "
            f"{SCHEMA_VERSION}: {other_way(found)}",
            folder=str(root),
        )


def other_way(found: object) -> str:
    """What to do where `stepsmith derive` cannot help."""
    if isinstance(found, int) and found > SCHEMA_VERSION:
        return "install the version that wrote it, or a later one"
    return "run the recipe that made it once more with this version, and another --out"
