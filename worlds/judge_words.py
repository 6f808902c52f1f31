"""Other words for the bundled judge's training: junk, and the same step said otherwise."""

import random
import re

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


def junk(text: str, steps: list[str], rng: random.Random) -> str:
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


def reworded(steps: list[str], rng: random.Random) -> list[str]:
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
