"""Names for served models whose weights nobody names: the first fingerprint seen becomes the name.

    <folder>/<model's name, hashed>/<id>.json

Guarantees: an id is given once and found again as long as one of the folders has its file; of
several that fit, the nearest is taken. A folder that cannot be written costs the next run a name,
no more, unless it is the first: that one belongs to the dataset (StorageError).
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Sequence
from hashlib import blake2b
from pathlib import Path

from pipeline.engines.fingerprint import Fingerprint, distance
from pipeline.errors import StorageError
from pipeline.files import write_json


class KnownPolicies:
    """`folders`: the dataset's own first, then the user's cache."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = list(folders)

    def name(self, model: str, found: Fingerprint) -> str:
        """The id of the known model that this is, or a new one. Raises StorageError."""
        known = [(distance(old.tops, found.tops), name, old) for name, old in self._known(model)]
        fitting = [(apart, name) for apart, name, old in known if old.is_same(found)]
        if fitting:
            name = min(fitting)[1]
            found = next(old for _, other, old in known if other == name)
        else:
            content = json.dumps([model, found.as_dict()], sort_keys=True).encode()
            name = blake2b(content, digest_size=6).hexdigest()
        self._keep(model, name, found)
        return name

    def _known(self, model: str) -> Iterator[tuple[str, Fingerprint]]:
        for folder in self._folders:
            for path in sorted((folder / _place(model)).glob("*.json")):
                with contextlib.suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
                    raw = json.loads(path.read_text(encoding="utf-8"))
                    yield path.stem, Fingerprint.from_dict(raw)

    def _keep(self, model: str, name: str, found: Fingerprint) -> None:
        for at, folder in enumerate(self._folders):
            path = folder / _place(model) / f"{name}.json"
            if path.exists():
                continue
            try:
                write_json(path, {"model": model, **found.as_dict()})
            except StorageError:
                if at == 0:
                    raise


def _place(model: str) -> str:
    return blake2b(model.encode(), digest_size=6).hexdigest()
