"""The training stream: documents without end, each seen once, none of them bundled.

A document is `problem text + newline`, the gold solution and the end token. Only the solution and
the end token are learnt; the problem is context. A batch holds whole documents of like length, so
attention never crosses documents and positions start at 0.
"""

import random
from collections.abc import Iterator
from itertools import count
from typing import NamedTuple

from tokenizers import Tokenizer

from worlds import chains, deduction
from worlds.make import FIRST_TRAINING_SEED, bundled_hashes, text_hash
from worlds.problem import Made, solution_text
from worlds.tokenizer import END

IGNORE = -100
_CHUNK = 2048  # documents sorted by length together
_SHORT_UNTIL = 500_000  # documents; early ones are mostly short, looking up is learnt faster there
LONGEST = 576


class Batch(NamedTuple):
    """Rows of equal length; `targets` is IGNORE where nothing is learnt."""

    inputs: list[list[int]]
    targets: list[list[int]]
    documents: int
    tokens: int  # without padding


def _draw(index: int, chain_share: float, offset: int) -> Made:
    rng = random.Random(f"corpus/{offset + index}")
    short = rng.random() < max(0.0, 0.8 * (1 - index / _SHORT_UNTIL))
    seed = FIRST_TRAINING_SEED + offset + index
    if rng.random() < chain_share:
        return chains.make(seed, "train", 4 if short else 12)
    return deduction.make(seed, "train", 3 if short else 8)


def documents(chain_share: float, start: int = 0, offset: int = 0) -> Iterator[Made]:
    """Training problems from a position in the stream on; another `offset` is another stream."""
    avoid = bundled_hashes()
    for index in count(start):
        made = _draw(index, chain_share, offset)
        if text_hash(made.problem["text"]) not in avoid:
            yield made


def encode(tokenizer: Tokenizer, made: list[Made]) -> list[tuple[list[int], list[int]]]:
    """Prompt ids and solution ids of each document."""
    (end,) = tokenizer.encode(END).ids
    prompts = tokenizer.encode_batch([m.problem["text"] + "\n" for m in made])
    solutions = tokenizer.encode_batch([solution_text(m.steps) for m in made])
    return [(p.ids, [*s.ids, end]) for p, s in zip(prompts, solutions, strict=True)]


def batches(
    tokenizer: Tokenizer,
    chain_share: float,
    start: int,
    tokens_per_batch: int,
    offset: int = 0,
) -> Iterator[Batch]:
    """Batches of about `tokens_per_batch` tokens, padded to a multiple of 32."""
    stream = documents(chain_share, start, offset)
    rng = random.Random(f"batches/{start}")
    while True:
        rows = encode(tokenizer, [next(stream) for _ in range(_CHUNK)])
        rows = sorted((r for r in rows if len(r[0]) + len(r[1]) <= LONGEST), key=_length)
        groups = []
        while rows:
            width = -(-_length(rows[-1]) // 32) * 32
            size = max(1, tokens_per_batch // width)
            groups.append((width, rows[-size:]))
            del rows[-size:]
        rng.shuffle(groups)
        for width, group in groups:
            yield _pad(group, width)


def _length(row: tuple[list[int], list[int]]) -> int:
    return len(row[0]) + len(row[1])


def _pad(group: list[tuple[list[int], list[int]]], width: int) -> Batch:
    inputs, targets = [], []
    for prompt, solution in group:
        # One shift: the token at position t is learnt at t - 1.
        ids = [*prompt, *solution[:-1]]
        goal = [IGNORE] * (len(prompt) - 1) + solution
        inputs.append(ids + [0] * (width - len(ids)))
        targets.append(goal + [IGNORE] * (width - len(goal)))
    return Batch(inputs, targets, len(group), sum(map(_length, group)))
