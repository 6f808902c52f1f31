"""The stub engine as a judge of toy problems: it knows the truth, and errs at known rates.

Reads what the judge annotator's own templates ask: the toy problem, `<paragraph_0>` and so on, and
the key of the answer ("first_error", "verdict" or "verdicts"). Guarantees: an answer is a pure
function of the prompt, the draw, the seed and the rates; on a share `shared` of the steps all draws
and all ways of asking agree, rightly or wrongly, as judges that share a misreading do. A paragraph
that holds no step of a toy solution is incorrect, for sure; other words around one do not matter.
With a chance of `prose` it writes no JSON.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from hashlib import blake2b

from pipeline.engines.toy import STEP, toy_truth

_PARAGRAPH = re.compile(r"<paragraph_(\d{1,4})>\n([^<]*)\n</paragraph_")
_ANSWER = re.compile(r"answer is (\d{1,9})\.")
_PROBLEM = re.compile(r"Problem:\n([^\n]*)")
_UNIT = 1.0 / 2**32


def is_judging(prompt: str) -> bool:
    return "<paragraph_0>" in prompt and '"critique"' in prompt


def judge(
    prompt: str,
    draw: int,
    seed: int,
    sensitivity: float,
    alarm: float,
    shared: float,
    prose: float,
) -> str:
    """An answer. `sensitivity`, `alarm`: P(says incorrect) of a step that is wrong, and right."""
    problem = _PROBLEM.search(prompt)
    found = {int(number): text for number, text in _PARAGRAPH.findall(prompt)}
    steps = [found.get(number, "") for number in range(len(found))]
    text = problem[1] if problem else ""
    if _chance(["prose", prompt, draw, seed]) < prose:
        return "I have looked at every paragraph, and all in all it is a fine solution."
    read = [_plain(step) for step in steps]
    says = [
        _says(text, steps[: at + 1], true, draw, seed, prompt, (sensitivity, alarm, shared))
        for at, true in enumerate(toy_truth(text, read))
    ]
    return _answer(prompt, steps, says)


def _says(
    problem: str,
    prefix: Sequence[str],
    true: str,
    draw: int,
    seed: int,
    prompt: str,
    rates: tuple[float, float, float],
) -> bool:
    """Whether it calls the last step of the prefix correct."""
    if true == "unknown":
        return False
    sensitivity, alarm, shared = rates
    step = [problem, *prefix]
    same = _chance(["same", *step]) < shared
    number = _chance(["says", *step]) if same else _chance(["says", *step, draw, seed, prompt])
    return number >= (alarm if true == "correct" else sensitivity)


def _plain(paragraph: str) -> str:
    """The step that a paragraph holds, without the words around it."""
    if step := STEP.search(paragraph):
        return step[0]
    answer = _ANSWER.search(paragraph)
    return f"The answer is {answer[1]}." if answer else paragraph


def _answer(prompt: str, steps: Sequence[str], says: Sequence[bool]) -> str:
    first = says.index(False) if False in says else -1
    critique = "All is well." if first < 0 else f"Paragraph {first} is wrong."
    answer: dict[str, object] = {"critique": critique}
    words = ["correct" if good else "incorrect" for good in says]
    if '"first_error"' in prompt:
        answer["first_error"] = first
    elif '"verdict"' in prompt:
        answer["verdict"] = words[-1] if words else "unknown"
    else:
        answer["verdicts"] = {str(step): word for step, word in enumerate(words)}
        answer["correction"] = "" if first < 0 else _corrected(steps[first])
    return json.dumps(answer)


def _corrected(step: str) -> str:
    """The sum done rightly, where it is one."""
    sides = re.fullmatch(r"(\d{1,9}) \+ (\d{1,9}) = \d{1,9}", step.strip())
    return f"{sides[1]} + {sides[2]} = {int(sides[1]) + int(sides[2])}" if sides else ""


def _chance(key: Sequence[object]) -> float:
    content = json.dumps(list(key)).encode()
    return int.from_bytes(blake2b(content, digest_size=4).digest(), "little") * _UNIT
