from __future__ import annotations

import pytest

from pipeline.errors import InputError
from pipeline.hub.name import check_ref, check_repository, slug


@pytest.mark.parametrize("name", ["ada/steps", "Ada-1/gsm8k_steps.v2"])
def test_names_that_the_hub_takes(name: str) -> None:
    check_repository(name)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("steps", "is not owner/name"),
        ("a/b/c", "is not owner/name"),
        ("ada/", "is no repository's name"),
        ("ada/ste ps", "is no repository's name"),
        ("ada/a--b", "Cannot have -- or .."),
        ("ada/x.git", "cannot end by '.git'"),
        ("https://hub.test/datasets/ada/steps", "is not a repository's name"),
        ("datasets/ada", "is not a repository's name"),
    ],
)
def test_names_that_it_does_not_take(name: str, said: str) -> None:
    with pytest.raises(InputError, match=said) as error:
        check_repository(name)
    assert "owner/name" in error.value.message


@pytest.mark.parametrize("name", ["main", "v1.2", "large-457b4f2c-28013999", "a/b"])
def test_refs(name: str) -> None:
    check_ref(name, "--tag")


@pytest.mark.parametrize(
    "name", ["", "a b", "a..b", "-x", "x.", "x/", "refs/pr/1", "a.lock", "a~1", "a:b", "ä"]
)
def test_what_is_no_ref(name: str) -> None:
    with pytest.raises(InputError, match="--tag"):
        check_ref(name, "--tag")


@pytest.mark.parametrize(
    ("text", "part"),
    [("Qwen2.5-Math 7B", "Qwen2.5-Math-7B"), ("sha256:ab/c", "sha256-ab-c"), ("ä", "")],
)
def test_parts_of_tags(text: str, part: str) -> None:
    assert slug(text) == part
