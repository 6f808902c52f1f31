"""Prompts of judges: what fills them, and what is refused."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from annotators.judge import template
from annotators.judge.modes import MODES
from annotators.judge.template import load_template
from pipeline.errors import RecipeError

SHIPPED = Path(template.__file__).with_name("prompts")
SLOT = re.compile(r"\{[a-z]+\}")


@pytest.fixture
def prompts(tmp_path: Path) -> Path:
    return Path(shutil.copytree(SHIPPED, tmp_path / "prompts"))


@pytest.mark.parametrize("name", MODES)
def test_every_shipped_template_shows_all_that_its_mode_needs(name: str) -> None:
    mode = MODES[name]
    prompt = load_template("", mode).render(mode, "Add up: 3 + 5", ["3 + 5 = 8", "So 8."], "88")
    assert prompt.chat is not None
    assert [role for role, _ in prompt.chat] == ["system", "user"]
    assert not SLOT.search(prompt.text)
    for shown in ("Add up: 3 + 5", "<paragraph_0>\n3 + 5 = 8\n</paragraph_0>", "2 paragraphs"):
        assert shown in prompt.text
    assert "A step is incorrect if it" in prompt.text
    assert ("answer is: 88" in prompt.text) == mode.reference


@pytest.mark.parametrize("name", MODES)
def test_every_shipped_template_asks_for_the_keys_of_its_schema(name: str) -> None:
    mode = MODES[name]
    prompt = load_template("", mode).render(mode, "p", ["a", "b"], "r")
    for key in json.loads(mode.schema(2))["required"]:
        assert f'"{key}"' in prompt.text


def test_paragraphs_stand_in_order_and_in_mode_reverse_the_other_way_round() -> None:
    def order(name: str) -> list[str]:
        prompt = load_template("", MODES[name]).render(MODES[name], "p", ["a", "b", "c"])
        return re.findall(r"<paragraph_(\d)>", prompt.text)

    assert order("each_step") == ["0", "1", "2"]
    assert order("reverse") == ["2", "1", "0"]


def test_mode_one_step_names_the_last_paragraph() -> None:
    mode = MODES["one_step"]
    assert "Judge paragraph 1 alone" in load_template("", mode).render(mode, "p", ["a", "b"]).text


def test_braces_of_texts_stay_as_they_are() -> None:
    mode = MODES["reference"]
    problem, step, answer = "What is {steps} of {x}?", "It is {criteria}, {number}.", "{problem}"
    text = load_template("", mode).render(mode, problem, [step, r"\1 {text}"], answer).text
    for kept in (problem, step, r"\1 {text}", "answer is: {problem}"):
        assert kept in text


def test_a_template_needs_no_system_and_no_steps_form(prompts: Path) -> None:
    (prompts / "each_step.toml").write_text('user = "{problem}: {steps}"', encoding="utf-8")
    mode = MODES["each_step"]
    prompt = load_template(str(prompts), mode).render(mode, "p", ["a", "b"])
    assert prompt.chat == (("user", "p: [0] a\n\n[1] b"),)


@pytest.mark.parametrize("name", ["each_step.toml", "criteria.txt"])
def test_the_hash_changes_with_any_file(name: str, prompts: Path) -> None:
    mode = MODES["each_step"]
    before = load_template(str(prompts), mode).hash
    assert before == load_template("", mode).hash
    file = prompts / name
    file.write_text(file.read_text("utf-8").replace("incorrect", "wrong"), encoding="utf-8")
    assert load_template(str(prompts), mode).hash != before


def test_the_hash_is_of_what_can_reach_the_prompt(prompts: Path) -> None:
    mode = MODES["each_step"]
    before = load_template(str(prompts), mode).hash
    (prompts / "reverse.toml").unlink()
    assert load_template(str(prompts), mode).hash == before


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'user = "{problem}"', "user: must hold {problem} and {steps}"),
        (b'user = "{problem} {steps}"\nuesr = "x"', "uesr: must be one of system, user, step"),
        (b'user = "{problem} {steps}"\nstep = 3', "step: must be one of"),
        (b'user = "{problem} {steps}"\nstep = "{text}"', "step: must hold {number} and {text}"),
        (b'user = "{problem}', "cannot be read"),
        (b"\xff", "cannot be read"),
    ],
)
def test_errors_name_file_and_key(content: bytes, message: str, prompts: Path) -> None:
    file = prompts / "each_step.toml"
    file.write_bytes(content)
    with pytest.raises(RecipeError) as refused:
        load_template(str(prompts), MODES["each_step"])
    assert str(refused.value).startswith(f"{file}: ")
    assert message in str(refused.value)


def test_mode_reference_needs_its_slot(prompts: Path) -> None:
    (prompts / "reference.toml").write_text('user = "{problem} {steps}"', encoding="utf-8")
    with pytest.raises(RecipeError, match=r"reference\.toml: user: must hold \{reference\}"):
        load_template(str(prompts), MODES["reference"])


@pytest.mark.parametrize("name", ["each_step.toml", "criteria.txt"])
def test_a_missing_file_is_named(name: str, prompts: Path) -> None:
    (prompts / name).unlink()
    with pytest.raises(RecipeError) as refused:
        load_template(str(prompts), MODES["each_step"])
    assert name in str(refused.value)
