"""What of a recipe and a manifest is for everybody: no hosts, no folders of this machine, no clock.

Equal datasets give equal public manifests, whoever made them where and however often.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# Where servers stand and how much they take, and what a run may spend: not what the labels are.
_PRIVATE = ("base_urls", "server", "max_running", "requests_per_minute", "timeout_s")
_ELSEWHERE = ("/", "~", "./", "../", "file:")
# Words for a model, which may begin as a path does.
_TEXTS = ("stop", "reasoning_end", "template")
_OF_THE_RUN = ("last_run", "finished", "derived_from")


def public_recipe(recipe: Mapping[str, Any]) -> dict[str, Any]:
    """A recipe's tables as they may be published."""
    found = {name: _public(table) for name, table in recipe.items() if name != "run"}
    found["annotators"] = {
        name: _public(settings) for name, settings in recipe.get("annotators", {}).items()
    }
    sets = recipe.get("decontaminate", {}).get("sets", ())
    found["decontaminate"] = found.get("decontaminate", {}) | {
        "sets": [_public(one) for one in sets]
    }
    output = dict(recipe.get("output", {}))
    output.pop("dir", None)
    found["output"] = output
    return found


def public_manifest(manifest: Mapping[str, Any]) -> dict[str, Any]:
    found = {name: value for name, value in manifest.items() if name not in _OF_THE_RUN}
    if found.get("recipe"):
        found["recipe"] = public_recipe(found["recipe"])
    for role in ("policy", "prover"):
        if role in found:
            found[role] = found[role] | {"model": public_name(found[role]["model"])}
    if found.get("writers"):
        found["writers"] = [one | {"model": public_name(one["model"])} for one in found["writers"]]
    if "judges" in found:
        found["judges"] = {
            name: judge | {"model": public_name(judge["model"])}
            for name, judge in found["judges"].items()
        }
    return found


def public_name(name: str) -> str:
    """Of a model or a file; of a path that says where it is on this machine its last part alone.
    Another relative path, such as `eval/test.jsonl`, stays as the recipe has it."""
    return name.rstrip("/").rpartition("/")[2] if name.startswith(_ELSEWHERE) else name


def _public(table: Any) -> Any:
    if not isinstance(table, Mapping):
        return table
    found = {name: value for name, value in table.items() if name not in _PRIVATE}
    for name, value in found.items():
        if isinstance(value, str) and name not in _TEXTS:
            found[name] = public_name(value)
    return found
