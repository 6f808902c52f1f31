"""Rows of the solutions table: one way to make them, wherever a solution comes from.

Guaranteed: every column of `SOLUTIONS` is there; a solution's id is made of problem, policy,
prompt and text, so the same text has the same id however it was come by.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Literal

from pipeline.segment import step_parts
from pipeline.verdict import Grade

Origin = Literal["sampled", "tree", "imported"]


def solution_id(problem_id: str, policy: str, prompt_hash: str, text: str) -> str:
    """16 hex digits."""
    identity = "\0".join([problem_id, policy, prompt_hash, text])
    return hashlib.blake2b(identity.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def solution_row(
    *,
    solution_id: str,
    problem_id: str,
    policy: str | None,
    prompt_hash: str | None,
    text: str,
    steps: Sequence[dict[str, Any]],
    grade: Grade,
    origin: Origin,
    token_ids: Sequence[int] | None = None,
    parent_solution_id: str | None = None,
    fork_len: int | None = None,
    finish_reason: str | None = None,
    tokens: int | None = None,
    draws: Sequence[int] = (),
    seed: int | None = None,
) -> dict[str, Any]:
    return {
        "solution_id": solution_id,
        "problem_id": problem_id,
        "policy": policy,
        "prompt_hash": prompt_hash,
        "text": text,
        "steps": list(steps),
        "token_ids": token_ids,
        "parent_solution_id": parent_solution_id,
        "fork_len": fork_len,
        "origin": origin,
        "final_answer": grade.answer,
        "outcome": grade.verdict.value,
        "outcome_reason": grade.reason,
        "finish_reason": finish_reason,
        "tokens": tokens,
        "draws": list(draws),
        "seed": seed,
    }


def step_rows(
    text: str,
    spans: Sequence[tuple[int, int]],
    token_ends: Sequence[int] | None = None,
    logprobs: Sequence[float] | None = None,
    first: int = 0,
) -> list[dict[str, Any]]:
    """The STEP structs of a text that is cut at `spans`; `logprobs[i]` is token `first + i`'s.

    A step's log-probability is the mean over its tokens, null where one of them has none.
    """
    steps = []
    begin = 0
    parts = step_parts(text, spans)
    for number, (start, end) in enumerate(spans):
        stop = None if token_ends is None else token_ends[number]
        logprob = None
        if logprobs is not None and stop is not None and first <= begin < stop:
            known = logprobs[begin - first : stop - first]
            logprob = sum(known) / len(known) if len(known) == stop - begin else None
        steps.append(
            {
                "text": text[start:end],
                "start": start,
                "end": end,
                "token_end": stop,
                "logprob": logprob,
                "part": parts[number],
            }
        )
        begin = stop or begin
    return steps
