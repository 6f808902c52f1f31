"""Chats at our own server: messages in, a message out.

Guarantees: the engine behind gets the messages as they came, and their text where it knows no chat.
With `reasoning` a message has it beside its content, as vLLM's reasoning parsers have it, and an
answer that was cut short has no content: the thinking took all there was. It is not counted.
"""

from __future__ import annotations

from typing import Any

from pipeline.engines.base import Completion, Prompt, chat_prompt


def read_chat(messages: Any) -> Prompt:
    """Raises KeyError, TypeError and ValueError for what are no messages."""
    read = [(str(message["role"]), message["content"]) for message in messages]
    if not read or not all(isinstance(content, str) for _, content in read):
        raise ValueError("messages must have a text each")
    return chat_prompt(read)


def message_of(completion: Completion, reasoning: str) -> dict[str, Any]:
    content = None if reasoning and completion.finish_reason == "length" else completion.text
    message = {"role": "assistant", "content": content}
    return message | {"reasoning_content": reasoning} if reasoning else message
