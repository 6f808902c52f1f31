"""Names on the Hub, checked before anything is asked: a repository's, a branch's, a tag's."""

from __future__ import annotations

import re

from huggingface_hub.errors import HFValidationError
from huggingface_hub.utils._validators import validate_repo_id

from pipeline.errors import InputError

# git's own rules (git check-ref-format), and nothing that a URL or a shell would take apart.
_REF = re.compile(r"(?!.*(\.\.|//|@\{|\.lock(/|$)))[A-Za-z0-9][A-Za-z0-9._/-]{0,118}(?<![./])")


def check_repository(name: str) -> None:
    """`owner/name`. Raises InputError that says what is wrong with it."""
    hint = "write owner/name, such as ada/step-labels"
    if "://" in name or name.startswith("datasets/"):
        raise InputError(f"{name}: is not a repository's name: {hint}", repository=name)
    if name.count("/") != 1:
        raise InputError(f"{name}: is not owner/name: {hint}", repository=name)
    try:
        validate_repo_id(name)
    except HFValidationError as error:
        said = str(error).partition(": '")[0].rstrip(":. ")
        raise InputError(
            f"{name}: is no repository's name: {said}; {hint}", repository=name
        ) from None


def check_ref(name: str, option: str) -> None:
    """Of a branch or a tag. Raises InputError."""
    if not _REF.fullmatch(name) or name.startswith("refs/"):
        raise InputError(
            f"{option} {name}: is no name of a branch or tag: letters, digits and . _ / - are "
            f"allowed, not at the ends, and no two dots in a row",
            ref=name,
        )


def slug(text: str) -> str:
    """`text` as a part of a tag's name."""
    return re.sub(r"[^A-Za-z0-9._]+", "-", text).strip("-._").replace("..", ".")
