"""A card that people write in too: what is ours in it, and what stays theirs.

Ours is what stands between two HTML comments, and three keys of the YAML (`configs`, of which only
`default`; `size_categories`; `annotations_creators`). All else is kept: text above and below, other
YAML keys, values that a person added to a list. The first comment holds the hash of our text, so
that an edit inside is seen: its paragraphs are moved below, not lost. Not kept: comments and quotes
inside the YAML, once a key of it changes.
"""

from __future__ import annotations

import hashlib
import logging
import re
from pathlib import Path
from typing import Any

import yaml

from pipeline.errors import InputError
from pipeline.files import write_text
from pipeline.places import read_bytes

_END = "<!-- stepsmith:end -->"
_BLOCK = re.compile(
    r"<!-- stepsmith:begin ([0-9a-f]{16})[^>]*-->\n(.*?)<!-- stepsmith:end -->", re.DOTALL
)
_HEAD = re.compile(r"\A---[ \t]*\n(.*?\n)?---[ \t]*(?:\n|\Z)", re.DOTALL)
# Of cards that were written before there were marks: all of it was ours.
_UNMARKED = "Solutions cut into steps, every step labelled from evidence, by Stepsmith."
_log = logging.getLogger(__name__)
_KEPT = "## Kept from an edited card"


def mark(body: str) -> str:
    """Our text between its two comments."""
    text = body.strip("\n") + "\n"
    return (
        f"<!-- stepsmith:begin {_hash(text)} (written anew by each run and push: your own words "
        f"are kept above this line and below the last one) -->\n{text}{_END}\n"
    )


def merge_cards(ours: str, theirs: str | None, where: str = "the card") -> str:
    """`ours` as it is now, with what a person wrote into `theirs`. Merging again changes nothing.

    Raises InputError where the YAML of `theirs` cannot be read.
    """
    if theirs is None or not theirs.strip():
        return ours
    theirs = theirs.replace("\r\n", "\n")
    head, text = _split(theirs)
    our_head, our_text = _split(ours)
    found = _BLOCK.search(text)
    if found is None and _UNMARKED in text:
        return _joined(our_head, head, where) + our_text
    block = _BLOCK.search(our_text)
    assert block is not None  # every card of ours is marked
    if found is None:
        text = f"\n{text.strip()}\n\n{block.group(0)}\n" if text.strip() else our_text
    elif not (text[: found.start()] + text[found.end() :]).strip():
        text = our_text + _edited(found, block)
    else:
        below = text[found.end() :]
        text = text[: found.start()] + block.group(0) + below + _edited(found, block)
    return _joined(our_head, head, where) + text


def write_card(path: Path, text: str) -> None:
    """Of a folder, at the end of a run, which must not fail for it: a card whose YAML cannot be
    read is put aside as README.edited.md. Raises StorageError."""
    try:
        old = read_bytes(path).decode("utf-8", "replace")
    except FileNotFoundError:
        old = None
    try:
        text = merge_cards(text, old, str(path))
    except InputError as error:
        aside = path.with_name("README.edited.md")
        write_text(aside, old or "")
        _log.warning("%s; it is kept as %s, and the card is written anew", error, aside)
    write_text(path, text)


def _edited(found: re.Match[str], block: re.Match[str]) -> str:
    """Paragraphs that somebody wrote between our comments; "" where nobody did."""
    if _hash(found.group(2)) == found.group(1):
        return ""
    known = set(_paragraphs(block.group(2)))
    kept = [part for part in _paragraphs(found.group(2)) if part not in known]
    return "\n".join(["", _KEPT, "", "\n\n".join(kept), ""]) if kept else ""


def _paragraphs(text: str) -> list[str]:
    return [part.strip("\n") for part in re.split(r"\n[ \t]*\n", text) if part.strip()]


def _split(card: str) -> tuple[str, str]:
    """The YAML with its lines of dashes, and the rest."""
    found = _HEAD.match(card)
    return (found.group(0), card[found.end() :]) if found else ("", card)


def _joined(ours: str, theirs: str, where: str) -> str:
    """The YAML of both; the very text of theirs where that says it all."""
    old, new = _values(theirs, where), _values(ours, where)
    merged = dict(old)
    for key, value in new.items():
        merged[key] = _value(key, value, old.get(key))
    if merged == old:
        return theirs
    text = yaml.safe_dump(merged, sort_keys=False, allow_unicode=True, width=1_000)
    return f"---\n{text}---\n"


def _value(key: str, ours: Any, theirs: Any) -> Any:
    if theirs is None or key in ("size_categories", "annotations_creators"):
        return ours
    if key == "configs" and isinstance(theirs, list):
        names = {one["config_name"] for one in ours}
        return ours + [
            one
            for one in theirs
            if not (isinstance(one, dict) and one.get("config_name", "default") in names)
        ]
    if key == "license":
        return theirs if ours == "unknown" else ours
    if isinstance(ours, list):
        known = theirs if isinstance(theirs, list) else [theirs]
        return known + [one for one in ours if one not in known]
    return theirs


def _values(head: str, where: str) -> dict[str, Any]:
    if not head:
        return {}
    try:
        found = yaml.safe_load(head.strip().strip("-"))
    except yaml.YAMLError as error:
        raise InputError(
            f"{where}: its YAML, between the lines of dashes, cannot be read: {error}"
        ) from error
    if not isinstance(found, dict | None):
        raise InputError(f"{where}: its YAML, between the lines of dashes, is not keys and values")
    return found or {}


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
