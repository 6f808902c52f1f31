"""The prompt: how a problem becomes the text that a model continues.

`prompt` in a recipe is one of

- a text with `{problem}` in it, such as "{problem}\\n" (everything else is taken literally);
- the name of a text file with `{problem}` in it (a rendered chat template goes here as it is);
- the name of a TOML file with `system`, `shots = [{problem = "…", solution = "…"}]`, `user`
  (default "{problem}") and `chat_template`: the name of a Jinja file in the manner of Hugging
  Face tokenizers, rendered in Jinja's sandbox with `messages` and `add_generation_prompt`.

The hash of what was read (files included) is part of every key. A solution is always a plain
continuation of the rendered text, so a prefix of it can be continued too.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.errors import RecipeError
from pipeline.recipe import content_hash

_SLOT = "{problem}"


@dataclass(frozen=True, slots=True)
class PromptTemplate:
    """`before` + problem + `after`, and the hash of both."""

    before: str
    after: str

    @property
    def hash(self) -> str:
        return content_hash([self.before, self.after])

    def render(self, problem: str) -> str:
        return f"{self.before}{problem}{self.after}"


def load_prompt(prompt: str) -> PromptTemplate:
    """Raises RecipeError that names the prompt or its file and what is missing in it."""
    name = prompt
    if _SLOT not in prompt:
        path = Path(prompt)
        if not path.is_file():
            raise RecipeError(
                f"prompt {prompt!r}: holds no {_SLOT} and is no file", key="policy.prompt"
            )
        prompt = _from_toml(path) if path.suffix == ".toml" else _read(path)
    parts = prompt.split(_SLOT)
    if len(parts) != 2:
        raise RecipeError(
            f"prompt {name!r}: {_SLOT} must stand in it exactly once, not {len(parts) - 1} times",
            key="policy.prompt",
        )
    return PromptTemplate(*parts)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path}: cannot be read: {error}", file=str(path)) from error


def _from_toml(path: Path) -> str:
    try:
        raw = tomllib.loads(_read(path))
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"{path}: {error}", file=str(path)) from error
    unknown = raw.keys() - {"system", "shots", "user", "chat_template"}
    if unknown:
        raise RecipeError(f"{path}: unknown key {sorted(unknown)[0]!r}", file=str(path))
    messages: list[dict[str, str]] = []
    if raw.get("system"):
        messages.append({"role": "system", "content": str(raw["system"])})
    user = str(raw.get("user", _SLOT))
    for number, shot in enumerate(raw.get("shots", [])):
        if not isinstance(shot, dict) or not {"problem", "solution"} <= shot.keys():
            raise RecipeError(f"{path}: shots[{number}] needs problem and solution", file=str(path))
        messages.append({"role": "user", "content": user.replace(_SLOT, str(shot["problem"]))})
        messages.append({"role": "assistant", "content": str(shot["solution"])})
    messages.append({"role": "user", "content": user})
    if "chat_template" in raw:
        return _render_chat(path.parent / str(raw["chat_template"]), messages)
    # Plain: turns are separated by a blank line, and the solution starts on a line of its own.
    return "\n\n".join(m["content"].rstrip("\n") for m in messages) + "\n"


def _render_chat(template: Path, messages: list[dict[str, str]]) -> str:
    from jinja2 import TemplateError
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    def refuse(message: str) -> Any:
        raise TemplateError(message)

    # As transformers sets it up, so that published templates render the same.
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
    )
    environment.globals["raise_exception"] = refuse
    source = _read(template)
    try:
        return environment.from_string(source).render(
            messages=messages, add_generation_prompt=True, bos_token="", eos_token=""
        )
    except Exception as error:  # a template can raise anything
        raise RecipeError(f"{template}: chat template: {error}", file=str(template)) from error
