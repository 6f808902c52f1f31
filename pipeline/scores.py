"""Scores in the journal: how likely a given text is after a prompt, as a row beside the draws.

A row as the journal has it: `text` is the continuation, `logprobs` its tokens', `token_ids` holds
for each token the code point at which it ends (the columns are a completion's; ids would not tell
that without a tokenizer), `tokens` is 0, for nothing was drawn.

Guarantees: a score's key lists all that can change it (model revision, tokenizer hash, prompt as
the model sees it, continuation) and is never that of a draw. No sampling parameter and no seed is
part of it: they change no score.
"""

from __future__ import annotations

from pipeline.engines.base import Completion, EngineIdentity, Prompt, Scored
from pipeline.journal import key_base


def score_key(identity: EngineIdentity, prompt: Prompt, continuation: str) -> bytes:
    """16 bytes. Where a draw's key has its temperature, a number, this one has a text."""
    base = key_base([identity.model_revision, identity.tokenizer_hash, continuation], prompt)
    base.update(b"\0score")
    return base.digest()


def as_row(continuation: str, scored: Scored) -> Completion:
    return Completion(continuation, "stop", 0, scored.ends, scored.logprobs)


def from_row(row: Completion) -> Scored | None:
    """None for a row that is no score, a failed one among them."""
    if row.logprobs is None or row.token_ids is None:
        return None
    return Scored(row.logprobs, row.token_ids)
