"""What is ours in a card, and what a person wrote."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from pipeline.card_edits import mark, merge_cards, write_card
from pipeline.errors import InputError

HEAD = "---\nlicense: unknown\nconfigs:\n- config_name: default\ntags:\n- prm\n---\n"


def ours(body: str, head: str = HEAD) -> str:
    return f"{head}\n{mark(body)}"


def values(card: str) -> dict[str, object]:
    return dict(yaml.safe_load(card.split("---")[1]))


def test_text_above_and_below_is_kept_and_ours_is_written_anew() -> None:
    theirs = ours("one").replace("<!-- stepsmith:b", "Above.\n\n<!-- stepsmith:b") + "\nBelow.\n"
    found = merge_cards(ours("two"), theirs)
    assert found == theirs.replace(mark("one"), mark("two"))


def test_merging_again_changes_nothing() -> None:
    theirs = ours("one") + "\nBelow.\n"
    once = merge_cards(ours("two"), theirs)
    assert merge_cards(ours("two"), once) == once


def test_a_card_of_theirs_alone_comes_first() -> None:
    found = merge_cards(ours("one"), "# Mine\n\nWords.\n")
    assert found.startswith(HEAD + "\n# Mine\n\nWords.\n\n<!-- stepsmith:begin")
    assert merge_cards(ours("one"), found) == found


def test_what_was_written_between_our_comments_is_moved_below() -> None:
    theirs = ours("one\n\nsame").replace("one\n", "one, by Ada\n")
    found = merge_cards(ours("two\n\nsame"), theirs)
    assert found == ours("two\n\nsame") + "\n## Kept from an edited card\n\none, by Ada\n"
    assert merge_cards(ours("two\n\nsame"), found) == found


def test_keys_and_items_that_a_person_added_are_kept() -> None:
    head = (
        "---\nlicense: mit\nconfigs:\n- config_name: default\n  data_files: old\n"
        "- config_name: rollouts\ntags:\n- math\nextra_gated_prompt: Hello\n---\n"
    )
    assert values(merge_cards(ours("x"), head)) == {
        "license": "mit",
        "configs": [{"config_name": "default"}, {"config_name": "rollouts"}],
        "tags": ["math", "prm"],
        "extra_gated_prompt": "Hello",
    }


def test_a_licence_that_a_recipe_states_goes_before_theirs() -> None:
    stated = HEAD.replace("unknown", "apache-2.0")
    assert values(merge_cards(ours("x", stated), HEAD))["license"] == "apache-2.0"


def test_comments_in_yaml_stay_where_nothing_changes() -> None:
    theirs = ours("one", HEAD.replace("- prm", "- prm  # the only one"))
    assert "# the only one" in merge_cards(ours("two"), theirs)


def test_yaml_that_cannot_be_read_is_an_error_that_names_the_card() -> None:
    with pytest.raises(InputError, match="the card on the Hub: its YAML"):
        merge_cards(ours("x"), "---\na: [\n---\n", "the card on the Hub")


def test_a_card_from_before_the_comments_was_all_ours() -> None:
    old = (
        HEAD
        + "\n# x\n\nSolutions cut into steps, every step labelled from evidence, by Stepsmith.\n"
    )
    assert merge_cards(ours("two"), old) == ours("two")


def test_a_run_keeps_what_was_written_into_its_card(tmp_path: Path) -> None:
    place = tmp_path / "README.md"
    write_card(place, ours("one"))
    place.write_text(place.read_text() + "\nBelow.\n")
    write_card(place, ours("two"))
    assert place.read_text() == ours("two") + "\nBelow.\n"


def test_a_run_does_not_fail_for_a_card_that_cannot_be_read(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    place = tmp_path / "README.md"
    place.write_text("---\na: [\n---\nMine.\n")
    write_card(place, ours("one"))
    assert place.read_text() == ours("one")
    assert (tmp_path / "README.edited.md").read_text() == "---\na: [\n---\nMine.\n"
    assert "it is kept as" in caplog.text
