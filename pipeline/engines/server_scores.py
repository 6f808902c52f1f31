"""What the server says of a prompt's own tokens, in vLLM's words (see prompt_logprobs.py).

Guarantees: one entry a token of the prompt; null for the first, which nothing stands before, and
for all where the engine cannot tell. Ranks are not known: null.
"""

from __future__ import annotations

from typing import Any

from pipeline.engines.base import Engine, Prompt, Request


async def next_tokens(engine: Engine, request: Request, count: int) -> dict[str, float] | None:
    """What `"logprobs": count` lists for the first token; None where the engine cannot tell."""
    top = getattr(engine, "top", None)
    found: dict[str, float] | None = None if top is None else await top(request.prompt, count)
    return found


async def prompt_logprobs(engine: Engine, request: Request) -> list[dict[str, Any] | None]:
    ids = request.prompt.token_ids or engine.encode(request.prompt.text) or ()
    scored = None
    if len(ids) > 1:
        given, asked = _prompt(engine, ids[:1]), _prompt(engine, ids[1:])
        scored = await engine.score(request.problem_id, given, asked)
    if scored is None:
        return [None] * len(ids)
    return [None] + [
        {str(one): {"logprob": value, "rank": None, "decoded_token": engine.decode((one,))}}
        for one, value in zip(ids[1:], scored.logprobs, strict=True)
    ]


def _prompt(engine: Engine, ids: tuple[int, ...]) -> Prompt:
    return Prompt(engine.decode(ids) or "", ids)
