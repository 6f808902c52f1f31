"""The truth about a solution of either world, from the problem's text alone.

`judge` gives every step "correct", "incorrect" or "unknown"; see `chain_oracle` and
`deduction_oracle` for what the words mean. Texts of neither world get "unknown" throughout.
"""

from worlds.chain_oracle import judge_chains
from worlds.deduction_forms import read_question
from worlds.deduction_oracle import judge_deduction
from worlds.problem import Kind, Verdict


def judge(problem_text: str, steps: list[str]) -> list[Verdict]:
    """A verdict for every step, in order."""
    text = " ".join(problem_text.split())
    head, colon, asked = text.rpartition(": ")
    start = max(head.rfind(mark) for mark in ".?") + 1
    if colon and read_question(head[start:].strip() + ": " + asked) is not None:
        return judge_deduction(text, steps)
    return judge_chains(text, steps)


def first_error(verdicts: list[Verdict]) -> int:
    """The 0-based index of the first incorrect step, or -1."""
    return next((i for i, v in enumerate(verdicts) if v.verdict == "incorrect"), -1)


def kind_of_error(verdicts: list[Verdict]) -> Kind:
    """What the first error is: "arithmetic", "setup", or "" when there is none."""
    index = first_error(verdicts)
    return verdicts[index].kind if index >= 0 else ""
