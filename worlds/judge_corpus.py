"""The bundled judge's training stream: problems, solutions of many kinds, and their verdicts.

A document is the prompt that the judge annotator renders (problem, steps as a policy writes them,
each with its number behind it, "Verdicts:"), and what a judge answers: a JSON object with a verdict
for each step and, where a step is wrong and the right one is known, its correction. Solutions are
natural (both policies' own), planted (worlds/plant.py), carried on from a false equation, altered
in wording (the verdicts stay), next to an altered problem (they change), and junk: a step of no
content in place of a needed one, or alone. Verdicts are the oracle's; what it cannot read is wrong.

Learnt are the answer; at the end of each step, where a judge is never asked, the same verdict, so
that it is worked out there; and, by a head that is thrown away, for every token of a step whether
the step has gone wrong by then.
"""

import json
import random
import re
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import NamedTuple

from tokenizers import AddedToken, Tokenizer

from worlds import chains, deduction
from worlds.corpus import IGNORE
from worlds.make import bundled_hashes, text_hash
from worlds.oracle import judge
from worlds.plant import carry, kinds_at, plant
from worlds.problem import Made
from worlds.tokenizer import END

FIRST_SEED = 8_000_000
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

JUNK = (
    " ",
    ".",
    ",",
    ":",
    ";",
    "-",
    "...",
    "?",
    "!",
    "Thought process:",
    "Let's solve this.",
    "Let's solve this problem step by step.",
    "Let's think step by step.",
    "Solution",
    "Solution:",
    "Answer:",
    "Step 1",
    "OK.",
    "Here is the solution.",
    "First, we look at the problem.",
    "=",
    "*",
    "We are done.",
    "It is easy to see.",
    "解",
    "解答",
    "かいせつ",
    "解説",
    "Solución",
    "Lösung",
    "Respuesta",
    "Réponse",
    "Denkprozess:",
    "思考过程：",
    "让我们一步一步地解决这个问题。",
    "Proceso de pensamiento:",
    "Resolvamos este problema paso a paso.",
    "Lass uns das Schritt für Schritt lösen.",
    "Ответ",
    "해설",
)
_OPENERS = (
    "Clearly, ",
    "Obviously, ",
    "It is obvious that ",
    "Without any doubt, ",
    "Of course, ",
    "Certainly, ",
    "It is certain that ",
    "As everyone can see, ",
    "Now, ",
    "Next, ",
    "Then ",
    "First, ",
    "We know that ",
    "Note that ",
    "Undoubtedly, ",
    "There is no question that ",
    "I am sure that ",
    "It goes without saying that ",
    "Surely, ",
)
_CLOSERS = (
    "This is certain.",
    "This is clearly right.",
    "There is no doubt.",
    "Good.",
    "I am sure.",
)
_SO = ("Therefore, ", "Thus, ", "Hence, ", "Therefore ", "Thus ", "Hence ", "This means that ")
_COMPARED = re.compile(r"Compared with (\w+), ([^.=,]+)\.")
_LOWERED = ("Every", "Each", "The", "Compared", "So")


class Judged(NamedTuple):
    """A solution, what is right and wrong in it, and the right first wrong step, where known."""

    problem: str
    steps: list[str]
    verdicts: list[bool]
    correction: str
    wrong_from: list[int]  # code points into each step; its length: nowhere; -1: not known


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


class Natural(NamedTuple):
    """A line of worlds.natural's file: {"text": …, "gold": […], "steps": […]}."""

    text: str
    gold: list[str]
    steps: list[str]


def read_natural(path: Path) -> list[Natural]:
    with path.open(encoding="utf-8") as lines:
        rows = (json.loads(line) for line in lines if line.endswith("\n"))
        return [Natural(row["text"], row["gold"], row["steps"]) for row in rows]


def documents(
    natural: Sequence[Natural], start: int = 0, reworded: bool = True
) -> Iterator[Judged]:
    """Without end, from a position in the stream on; no bundled problem is among them."""
    avoid = bundled_hashes()
    for index in count(start):
        rng = random.Random(f"judge/{index}")
        if natural and rng.random() < 0.5:
            one = rng.choice(natural)
            text, gold, steps = one.text, one.gold, list(one.steps)
        else:
            made = _made(index, rng)
            text, gold, steps = made.problem["text"], made.steps, _planted(made, rng)
        if text_hash(text) in avoid:
            continue
        yield _altered(text, gold, steps, rng, reworded)


def _made(index: int, rng: random.Random) -> Made:
    short = rng.random() < max(0.4, 0.8 - index / 100_000)  # looking up is learnt faster there
    if rng.random() < 0.55:
        return chains.make(FIRST_SEED + index, "train", 5 if short else 12)
    return deduction.make(FIRST_SEED + index, "train", 4 if short else 8)


def _planted(made: Made, rng: random.Random) -> list[str]:
    if rng.random() < 0.3:
        return list(made.steps)
    step = rng.randrange(len(made.steps))
    kind = rng.choice(kinds_at(made, step))
    if kind == "skipped" and step == len(made.steps) - 1:
        return list(made.steps)
    if kind == "number" and rng.random() < 0.6:
        said = re.search(r"= (\d+)", made.steps[step])
        carried = (
            carry(made, step, int(said[1]) + rng.choice((-2, -1, 1, 2, 3, 10))) if said else None
        )
        if carried is not None:
            return carried
    return plant(made, kind, step, rng)


def _altered(
    text: str, gold: list[str], steps: list[str], rng: random.Random, reworded: bool
) -> Judged:
    """The solution with junk, beside another problem, in other words, or as it is."""
    turn = rng.random()
    if turn < 0.10:
        steps = _with_junk(text, steps, rng)
    elif turn < 0.15:
        steps = [_junk(text, steps, rng) for _ in range(rng.choice((1, 1, 1, 2, 3)))]
    elif turn < 0.23:
        text = _contrast(text, rng)
    verdicts = [one.verdict == "correct" for one in judge(text, steps)]
    first = next((t for t, good in enumerate(verdicts) if not good), len(steps))
    same = steps[:first] == gold[:first] and first < len(gold) and not 0.15 <= turn < 0.23
    correction = gold[first] if same and first < len(steps) else ""
    wrong_from = [len(step) if good else -1 for step, good in zip(steps, verdicts, strict=True)]
    if correction and steps[first] not in gold:
        at = next(
            (i for i, (a, b) in enumerate(zip(steps[first], correction, strict=False)) if a != b), 0
        )
        wrong_from[first] = at if at > 2 else -1
    if reworded and turn > 0.65:
        steps = _reworded(steps, rng)
        wrong_from = [len(step) if good else -1 for step, good in zip(steps, verdicts, strict=True)]
    return Judged(text, steps, verdicts, correction, wrong_from)


def _with_junk(text: str, steps: list[str], rng: random.Random) -> list[str]:
    steps = list(steps)
    place = rng.randrange(len(steps))
    junk = _junk(text, steps, rng)
    if rng.random() < 0.75:
        steps[place] = junk
    else:
        steps.insert(place, junk)
    return steps


def _junk(text: str, steps: list[str], rng: random.Random) -> str:
    turn = rng.random()
    if turn < 0.7:
        return rng.choice(JUNK)
    if turn < 0.8:
        return "".join(rng.choice(" .,:;-?!=*#") for _ in range(rng.randint(1, 6)))
    words = text.split()
    if turn < 0.9:
        rng.shuffle(words)
        return " ".join(words[: rng.randint(1, 8)])
    step = rng.choice(steps)
    return step[: rng.randint(1, max(1, len(step) // 2))]


def _contrast(text: str, rng: random.Random) -> str:
    """Another number, or another word at the end of a rule."""
    numbers = list(re.finditer(r"\d+", text))
    if numbers:
        one = rng.choice(numbers)
        return f"{text[: one.start()]}{int(one[0]) + rng.randint(1, 9)}{text[one.end() :]}"
    rules = list(re.finditer(r" is (not )?a? ?([a-z]+)\.", text))
    if not rules:
        return text
    one, other = rng.choice(rules), rng.choice(rules)
    return f"{text[: one.start()]}{other[0]}{text[one.end() :]}"


def _reworded(steps: list[str], rng: random.Random) -> list[str]:
    """Says the same: other connectives throughout, a phrase in front of each step, or both here and
    there."""
    turn = rng.random()
    if turn < 0.4:
        so, every = rng.choice(_SO), rng.choice(("Each ", "Each ", "Every "))
        return [_in_other_words(step, so, every, rng.random() < 0.8) for step in steps]
    if turn < 0.7:
        opener = rng.choice(_OPENERS)
        return [_opened(step, opener) for step in steps]
    return [_here_and_there(step, rng) for step in steps]


def _in_other_words(step: str, so: str, every: str, moved: bool) -> str:
    if moved:
        step = _COMPARED.sub(r"\2, compared with \1.", step)
    joined = ", and " + so.lower() if so.startswith("T") else ", " + so.lower()
    step = step.replace(" So ", f" {so}").replace(", so ", joined)
    step = step.replace("Every ", every).replace(" every ", f" {every.lower()}")
    return step.replace("The answer is ", "The final answer is ")


def _opened(step: str, opener: str) -> str:
    first = step.split(" ", 1)[0]
    return opener + (step[:1].lower() + step[1:] if first in _LOWERED else step)


def _here_and_there(step: str, rng: random.Random) -> str:
    if rng.random() < 0.5:
        step = _in_other_words(step, rng.choice(_SO), rng.choice(("Every ", "Each ")), False)
    if rng.random() < 0.5:
        step = _opened(step, rng.choice(_OPENERS))
    return f"{step} {rng.choice(_CLOSERS)}" if rng.random() < 0.15 else step


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
    reworded: bool,
) -> Iterator[Batch]:
    """Batches of about `tokens_per_batch` tokens, padded to a multiple of 32."""
    stream = documents(natural, start, reworded)
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
