"""Prompts: literal, from a file, with shots, through a chat template."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import RecipeError
from pipeline.prompt import load_prompt


def put(folder: Path, name: str, text: str) -> str:
    (folder / name).write_text(text)
    return str(folder / name)


def test_a_literal_prompt() -> None:
    assert load_prompt("Solve: {problem}\n{x}").render("1 {problem}") == "Solve: 1 {problem}\n{x}"


def test_a_prompt_from_a_file(tmp_path: Path) -> None:
    assert load_prompt(put(tmp_path, "p.txt", "A {problem} B")).render("q") == "A q B"


def test_a_prompt_with_shots(tmp_path: Path) -> None:
    path = put(
        tmp_path,
        "p.toml",
        'system = "Add."\nuser = "Q: {problem}"\n[[shots]]\nproblem = "1 + 1"\nsolution = "2"\n',
    )
    assert load_prompt(path).render("2 + 2") == "Add.\n\nQ: 1 + 1\n\n2\n\nQ: 2 + 2\n"


def test_a_chat_template(tmp_path: Path) -> None:
    template = (
        "{% for m in messages %}<{{ m.role }}>{{ m.content }}</>{% endfor %}"
        "{% if add_generation_prompt %}<assistant>{% endif %}"
    )
    put(tmp_path, "chat.jinja", template)
    path = put(tmp_path, "p.toml", 'system = "S"\nchat_template = "chat.jinja"\n')
    assert load_prompt(path).render("q") == "<system>S</><user>q</><assistant>"


@pytest.mark.parametrize(
    "template",
    [
        "{{ ''.__class__.__mro__[1].__subclasses__() }}{{ messages[0].content }}",
        "{{ raise_exception('no system here') }}",
        "{% for m in messages %}",
        "{{ messages.append(1) }}{{ messages[0].content }}",
    ],
)
def test_a_hostile_or_broken_template_is_refused(tmp_path: Path, template: str) -> None:
    put(tmp_path, "chat.jinja", template)
    path = put(tmp_path, "p.toml", 'chat_template = "chat.jinja"\n')
    with pytest.raises(RecipeError, match=r"chat\.jinja: chat template"):
        load_prompt(path)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("p.txt", "no slot", "exactly once, not 0 times"),
        ("p.txt", "{problem} {problem}", "exactly once, not 2 times"),
        ("p.toml", "x = 1", "unknown key 'x'"),
        ("p.toml", "shots = [{problem = 'p'}]", r"shots\[0\] needs problem and solution"),
        ("p.toml", "user = ", "p.toml: "),
        ("p.toml", 'chat_template = "none.jinja"', r"none\.jinja: cannot be read"),
    ],
)
def test_a_bad_prompt_file_is_named(tmp_path: Path, name: str, text: str, message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        load_prompt(put(tmp_path, name, text))


def test_a_prompt_that_is_neither_text_nor_file() -> None:
    with pytest.raises(RecipeError, match="is no file"):
        load_prompt("prompts/none.txt")


def test_the_hash_is_that_of_what_was_read(tmp_path: Path) -> None:
    path = put(tmp_path, "p.txt", "A {problem}")
    before = load_prompt(path).hash
    assert before == load_prompt("A {problem}").hash
    put(tmp_path, "p.txt", "B {problem}")
    assert load_prompt(path).hash != before
