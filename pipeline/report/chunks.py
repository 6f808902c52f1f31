"""Data inside a page: JSON, compressed, in base64, a piece at a time.

Guarantees: what is embedded holds letters, digits, `+`, `/` and `=` alone, so no text of a model
can close the element that it stands in; pieces open by themselves with the browser's own
DecompressionStream; equal data give equal bytes. `script_json` is for the little that stands there
uncompressed: it is ASCII without `<`, `>` and `&`. Half a surrogate pair becomes a "?".
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Sequence
from typing import Any

CHUNK = 200  # solutions of one piece: a page opens one to show one of them
_ESCAPES = {ord("<"): "\\u003c", ord(">"): "\\u003e", ord("&"): "\\u0026"}


def pack(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    content = gzip.compress(text.encode("utf-8", "replace"), 6, mtime=0)
    return base64.b64encode(content).decode("ascii")


def script_json(value: Any) -> str:
    return json.dumps(value, allow_nan=False).translate(_ESCAPES)


def pieces(rows: Sequence[Any], problems: Sequence[Any], size: int = CHUNK) -> list[dict[str, Any]]:
    """`size` rows each, with the problems that they name (by `q`), numbered anew."""
    found = []
    for start in range(0, len(rows), size):
        part = rows[start : start + size]
        used: dict[int, int] = {}
        renamed = [row | {"q": used.setdefault(row["q"], len(used))} for row in part]
        found.append({"problems": [problems[number] for number in used], "rows": renamed})
    return found
