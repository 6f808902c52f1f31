"""The bundled judge's training documents as tokens, and what each token is to learn.

Learnt are the answer; at the end of each step, where a judge is never asked, the same verdict, so
that it is worked out there; and, by a head that is thrown away, for every token of a step whether
the step has gone wrong by then.
"""

import json
import random
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from tokenizers import AddedToken, Tokenizer

from worlds.corpus import IGNORE
from worlds.judge_corpus import Judged, Natural, documents
from worlds.tokenizer import END

LONGEST = 768
_CHUNK = 1024  # documents sorted by length together
# One token each. The end of a step is to the policy what the blank line there was: a number set
# before it as text would disturb all that it expects of the next step.
TAGS = tuple(f" [{number}]\n\n" for number in range(24))
# Of an answer: a verdict is one decision, and an answer is short.
WORDS = (
    '{"verdicts": {"',
    '": "',
    '", "',
    '"}, "correction": "',
    '"}}',
    '"}',
    "correct",
    "incorrect",
)
ASK = "Verdicts:\n"


def prompt_of(problem: str, steps: Sequence[str]) -> str:
    """As data/judges/small/prompts/each_step.toml has it."""
    numbered = "".join(f"{step} [{number}]\n\n" for number, step in enumerate(steps))
    return f"{problem}\n{numbered}{ASK}"


def answer_of(judged: Judged) -> str:
    words = {str(t): "correct" if good else "incorrect" for t, good in enumerate(judged.verdicts)}
    answer: dict[str, object] = {"verdicts": words}
    if judged.correction:
        answer["correction"] = judged.correction
    return json.dumps(answer, ensure_ascii=False)


def extend(tokenizer: Tokenizer) -> Tokenizer:
    """With the ends of steps and the words of an answer as tokens of their own; still lossless."""
    tokenizer.add_tokens([AddedToken(word, normalized=False) for word in (*TAGS, *WORDS)])
    return tokenizer


class Row(NamedTuple):
    """A document, encoded; the lists are of equal length."""

    inputs: list[int]
    targets: list[int]  # the next token, where it is learnt
    gone: list[int]  # 1 where the step has gone wrong, 0 where not yet
    step: list[int]  # the number of the step that the token is of


class Batch(NamedTuple):
    """Rows of equal length, as in Row; IGNORE where nothing is known."""

    inputs: list[list[int]]
    targets: list[list[int]]
    gone: list[list[int]]
    step: list[list[int]]
    documents: int
    tokens: int


def encode(tokenizer: Tokenizer, documents: Sequence[Judged]) -> list[Row]:
    """Each document that has no more steps than there are tags. What follows the first wrong step
    is learnt in the answer only: whether it is right hangs on what it builds on."""
    ids_of = tokenizer.get_vocab()
    end, words = ids_of[END], (ids_of["incorrect"], ids_of["correct"])
    tags = {ids_of[tag]: number for number, tag in enumerate(TAGS)}
    documents = [one for one in documents if len(one.steps) <= len(TAGS)]
    prompts = tokenizer.encode_batch([prompt_of(one.problem, one.steps) for one in documents])
    answers = tokenizer.encode_batch([answer_of(one) for one in documents])
    rows = []
    for one, prompt, answer in zip(documents, prompts, answers, strict=True):
        prompt_ids, offsets = prompt.ids, prompt.offsets
        ids = [*prompt_ids, *answer.ids, end]
        goal = [IGNORE] * (len(prompt_ids) - 1) + [*answer.ids, end]
        gone, step = [IGNORE] * len(goal), [IGNORE] * len(goal)
        begin, number, sound = len(one.problem) + 1, 0, True
        for at, token in enumerate(prompt_ids):
            if number == len(one.steps) or offsets[at][0] < begin:
                continue
            good, wrong = one.verdicts[number], one.wrong_from[number]
            step[at] = number
            if tags.get(token) == number:
                if sound:
                    goal[at], gone[at] = words[good], int(not good)
                begin = offsets[at][1]
                number, sound = number + 1, sound and good
            elif sound and wrong >= 0:
                gone[at] = int(not good and offsets[at][1] > begin + wrong)
        rows.append(Row(ids[:-1], goal, gone, step))
    return rows


def batches(
    tokenizer: Tokenizer,
    natural: Sequence[Natural],
    start: int,
    tokens_per_batch: int,
    other_words: bool,
) -> Iterator[Batch]:
    """Batches of about `tokens_per_batch` tokens, padded to a multiple of 32."""
    stream = documents(natural, start, other_words)
    rng = random.Random(f"judge batches/{start}")
    while True:
        rows = encode(tokenizer, [next(stream) for _ in range(_CHUNK)])
        rows = [row for row in rows if len(row.inputs) <= LONGEST]
        rows.sort(key=lambda row: len(row.inputs))
        groups = []
        while rows:
            width = -(-len(rows[-1].inputs) // 32) * 32
            size = max(1, tokens_per_batch // width)
            groups.append((width, rows[-size:]))
            del rows[-size:]
        rng.shuffle(groups)
        for width, group in groups:
            inputs, targets, gone, step = (
                [row[part] + [filler] * (width - len(row[part])) for row in group]
                for part, filler in enumerate((0, IGNORE, IGNORE, IGNORE))
            )
            tokens = sum(len(row.inputs) for row in group)
            yield Batch(inputs, targets, gone, step, len(group), tokens)
