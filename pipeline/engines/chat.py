"""What a chat endpoint answers, read as completions.

One choice of vLLM's answer for a thinking model (`reasoning_content` in others)::

    {"index": 0, "finish_reason": "stop", "message": {"role": "assistant",
     "reasoning": "3 + 5 is 8.", "content": "{\\"verdicts\\": [\\"correct\\"]}"}}

Guarantees: pure; no word that was paid for is lost: reasoning stands before the content in
`<think>` tags, of which the first closing one is ours (one that the model wrote in its reasoning
gets a blank). A choice without words is an empty text: cut short where the reason is "length",
else stopped (a refusal, a tool call, a content filter). A choice without a message or a known end
is left out. Not read: content that is no string.
"""

from __future__ import annotations

import re
from typing import Any

from pipeline.engines.answers import BadAnswer, completions
from pipeline.engines.base import Completion

_CLOSING = re.compile(r"</(think)>", re.I)
_OTHER_ENDS = ("tool_calls", "function_call", "content_filter")


def chat_completions(answer: dict[str, Any]) -> list[Completion]:
    """The usable choices in the server's order. Raises BadAnswer."""
    choices = answer.get("choices")
    if not isinstance(choices, list):
        raise BadAnswer("no list of choices")
    texts = [_as_text(choice) for choice in choices if isinstance(choice, dict)]
    return completions(answer | {"choices": texts}, lambda _: None)


def _as_text(choice: dict[str, Any]) -> dict[str, Any]:
    """The choice as a completions endpoint would have it."""
    message, reason = choice.get("message"), choice.get("finish_reason")
    return {
        "index": choice.get("index"),
        "text": _words(message) if isinstance(message, dict) else None,
        "finish_reason": "stop" if reason in _OTHER_ENDS else reason,
    }


def _words(message: dict[str, Any]) -> str:
    content = _string(message, "content")
    reasoning = _string(message, "reasoning_content") or _string(message, "reasoning")
    if not reasoning:
        return content
    return "<think>\n" + _CLOSING.sub(r"</ \1>", reasoning) + "\n</think>\n\n" + content


def _string(message: dict[str, Any], key: str) -> str:
    value = message.get(key)
    return value if isinstance(value, str) else ""
