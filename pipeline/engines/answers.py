"""What an OpenAI-compatible server says, read with suspicion: choices, token ids, errors, waits.

One choice of a vLLM answer with `return_token_ids` and `"logprobs": 0`::

    {"index": 0, "text": "3 + 5 = 8", "finish_reason": "stop", "stop_reason": null,
     "token_ids": [18, 489, 20, 284, 23, 2],
     "logprobs": {"tokens": ["3", " +", " 5", " =", " 8", ""], "top_logprobs": [...],
                  "token_logprobs": [-0.1, -0.02, -0.0, -0.3, -0.01, -0.2], "text_offset": [...]}}

Guarantees: pure functions; a body that is no such answer is a BadAnswer, a choice without a text
or without a known end ("abort", null) is left out, never guessed. Token ids are kept only where
they are those of the text: some servers put the end token at their end, some do not. The same for
log-probabilities: kept beside ids only, and where their number is that of the ids, end token or no.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import orjson

from pipeline.engines.base import Completion, usable_logprobs

Decode = Callable[[tuple[int, ...]], str | None]


class BadAnswer(Exception):
    """A 200 that holds no answer: worth another try."""


def parse_object(body: str | bytes) -> dict[str, Any]:
    try:
        answer = _parse(body)
    except ValueError as error:
        raise BadAnswer(f"not JSON ({_start(body)!r})") from error
    if not isinstance(answer, dict):
        raise BadAnswer(f"not a JSON object ({_start(body)!r})")
    return answer


def _parse(body: str | bytes) -> Any:
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        return json.loads(body)  # NaN, or half of a surrogate pair: servers write both


def _start(body: str | bytes) -> str:
    return shorten(body if isinstance(body, str) else body.decode(errors="replace"))


def completions(answer: dict[str, Any], decode: Decode) -> list[Completion]:
    """The usable choices in the server's order."""
    raw = answer.get("choices")
    if not isinstance(raw, list):
        raise BadAnswer("no list of choices")
    choices = [choice for choice in raw if isinstance(choice, dict)]
    choices.sort(key=lambda choice: index if isinstance(index := choice.get("index"), int) else 0)
    usage = answer.get("usage")
    spent = usage.get("completion_tokens") if isinstance(usage, dict) else None
    spent = spent if isinstance(spent, int) and spent >= 0 else None
    lists = [_ids(choice) for choice in choices]
    # Where the ids add up to what was generated, the end tokens are among them.
    with_end = spent is not None and spent == sum(len(ids or ()) for ids in lists)
    shares = _split(spent, [len(str(choice.get("text") or "")) for choice in choices])
    found = []
    for choice, ids, share in zip(choices, lists, shares, strict=True):
        text, reason = choice.get("text"), choice.get("finish_reason")
        if not isinstance(text, str) or reason not in ("stop", "length"):
            continue
        if ids is None:
            found.append(Completion(text, reason, share))
            continue
        generated = len(ids) if with_end or reason == "length" else len(ids) + 1
        kept = _ids_of_text(ids, text, choice, decode, drop_end=with_end and reason == "stop")
        logprobs = _logprobs(choice, len(ids), kept)
        found.append(Completion(text, reason, generated, kept, logprobs))
    return found


def error_message(body: str) -> str:
    """The server's own words, short."""
    try:
        answer = json.loads(body)
    except ValueError:
        return shorten(body)
    if isinstance(answer, dict):
        inner = answer.get("error", answer)
        message = inner.get("message", inner) if isinstance(inner, dict) else inner
        return shorten(str(message))
    return shorten(body)


def shorten(text: str, limit: int = 200) -> str:
    text = " ".join(text.split())
    return text if len(text) <= limit else text[: limit - 1] + "…"


def retry_after(header: str | None, cap_s: float) -> float:
    """Seconds to wait: the header holds seconds or an HTTP date; 0 where it says nothing."""
    if not header:
        return 0.0
    try:
        seconds = float(header)
    except ValueError:
        try:
            when = parsedate_to_datetime(header)
        except ValueError:
            return 0.0
        if when.tzinfo is None:
            when = when.replace(tzinfo=UTC)
        seconds = (when - datetime.now(UTC)).total_seconds()
    return min(max(0.0, seconds), cap_s) if seconds == seconds else 0.0  # NaN says nothing


def _ids(choice: dict[str, Any]) -> list[int] | None:
    ids = choice.get("token_ids")
    good = isinstance(ids, list) and set(map(type, ids)) <= {int} and min(ids, default=0) >= 0
    return ids if good else None


def _ids_of_text(
    ids: list[int], text: str, choice: dict[str, Any], decode: Decode, *, drop_end: bool
) -> tuple[int, ...] | None:
    whole, cut = tuple(ids), tuple(ids[:-1])
    decoded = decode(whole)
    if decoded is None:  # no tokenizer here: believe the counts, unless a stop string cut the text
        if isinstance(choice.get("stop_reason"), str):
            return None
        return cut if drop_end else whole
    if decoded == text:
        return whole
    return cut if decode(cut) == text else None


def _logprobs(
    choice: dict[str, Any], sent: int, kept: tuple[int, ...] | None
) -> tuple[float, ...] | None:
    """Those of the `kept` ids, a beginning of the `sent` ones."""
    holder = choice.get("logprobs")
    values = holder.get("token_logprobs") if isinstance(holder, dict) else None
    if kept is None or not isinstance(values, list):
        return None
    with_end = len(kept) + 1 if choice["finish_reason"] == "stop" else sent
    if len(values) not in (len(kept), sent, with_end):
        return None
    return usable_logprobs(values[: len(kept)])


def _split(total: int | None, lengths: list[int]) -> list[int]:
    """`total` in whole parts in proportion to `lengths` (+ 1, the end token); they add up to it."""
    if total is None:
        return [0] * len(lengths)
    whole, given, parts = sum(lengths) + len(lengths), 0, []
    seen = 0
    for length in lengths:
        seen += length + 1
        parts.append(total * seen // whole - given)
        given += parts[-1]
    return parts
