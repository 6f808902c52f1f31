"""The turns of a chat, in the spellings people use.

Guaranteed: each turn is text, and system turns are left out; a chat that calls tools or shows
pictures raises `BadRow`, for its solution is not in the text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.rows import BadRow
from pipeline.shapes.solution import as_list

_ROLES = {
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "gpt": "assistant",
    "chatgpt": "assistant",
    "model": "assistant",
    "system": "system",
    "developer": "system",
}


@dataclass(frozen=True, slots=True)
class Turn:
    """`thinking` is what the row keeps beside the text."""

    role: str  # user / assistant
    text: str
    thinking: str


def is_chat(data: Mapping[str, Any]) -> bool:
    return any(isinstance(data.get(name), list) for name in ("messages", "conversations"))


def turns_of(data: Mapping[str, Any]) -> list[Turn]:
    """{"messages": [{"role": "user", "content": "Add 2 and 3."}, {"role": "assistant",
        "content": [{"type": "text", "text": "It is 5."}], "reasoning_content": "2 + 3 ..."}]}
    {"conversations": [{"from": "human", "value": "Add 2 and 3."}, {"from": "gpt", ...}]}"""
    messages = data.get("messages")
    if not isinstance(messages, list):
        messages = data["conversations"]
    turns = [_turn(message) for message in messages]
    return [turn for turn in turns if turn.role != "system"]


def _turn(message: Mapping[str, Any]) -> Turn:
    name = message.get("role") or message.get("from")
    role = _ROLES.get(name.lower()) if isinstance(name, str) else None
    if role is None or message.get("tool_calls"):
        raise BadRow("bad_turns", f"a turn of {name!r}, or with tool calls, is not read")
    thinking = message.get("reasoning_content") or message.get("reasoning") or ""
    said = message["content"] if "content" in message else message.get("value")
    return Turn(role, _text(said), _text(thinking))


def _text(content: object) -> str:
    """A text, or the text of its parts; null is what servers give beside mere thinking."""
    if isinstance(content, str):
        return content
    return "".join(map(_part, as_list(content, "content"))) if content is not None else ""


def _part(part: object) -> str:
    if isinstance(part, dict) and part.get("type") == "text" and isinstance(part["text"], str):
        return part["text"]
    raise BadRow("not_text", f"a part of the content is no text: {str(part)[:80]}")
