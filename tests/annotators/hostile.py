"""Texts that attack whoever reads them: code, numbers, depth, length, letters. None is a claim that
could be shown wrong or right."""

from __future__ import annotations

from pathlib import Path

from annotators.steps import SolutionText

MEGABYTE = 1_000_000


def code(canary: Path) -> list[str]:
    """Each would make the file `canary`, if anything in it were run as code."""
    call = f"open({str(canary)!r}, 'w').close()"
    imported = f"__import__('pathlib').Path({str(canary)!r}).touch()"
    shell = f"__import__('os').system('touch {canary}')"
    found = []
    for attack in (call, imported, shell):
        found += [
            attack,
            f"{attack} = 1",
            f"2 + {attack} = 3",
            f"x = {attack}, so x = 1",
            f"${attack} = x + 1$",
            f"\\boxed{{{attack}}}",
            f"<<{attack}=24>>24",
            f"f(x) = {attack} and f(2) = 3",
            f"\\frac{{{attack}}}{{2}} = 1",
            f"\\frac{{d}}{{dx}}({attack}) = 1",
            f"∀x (P(x) → {attack})",
            f"From 1 and 2, {attack}.",
            f"Ann has {attack} pens. So Ann has {attack} + 1 = 2 pens.",
            f"The answer is {attack}.",
            f"x = (lambda: {attack})() = 1",
            f"{{{attack}}} = {{0.__class__}} = %s",
            f"```python\n{attack}\nprint(1)\n```",
            f"```python\nprint({attack})\n```\n```output\nNone\n```",
            f"```python\nimport os\nos.execvp('touch', ['touch', {str(canary)!r}])\n```\n"
            "```output\n1\n```",
        ]
    return found


NUMBERS = [
    "9**9**9 = 1",
    "9^9^9^9 = 2",
    "x = 9**9**9 = x",
    "$x^{9^{9^9}} = y$",
    "(10^7)! = 3",
    "3!!!!!!!!!!!!!!!!! = 720",
    "((((9!)!)!)!)! = 1",
    "2^(2^(2^(2^(2^2)))) = 5",
    "7" * 200_000 + " = 1",
    "1 + " + "7" * 200_000 + " = 1",
    "Ann has " + "9" * 200_000 + " pens.",
    "0." + "3" * 200_000 + " = 1/3",
    "1e999999999 = 10",
    "1/0 = 1/0",
    "0^0 = 0/0",
    "\\sum_{k=1}^{10^9} k = 1",
    "\\sum_{k=1}^{\\infty} \\sum_{j=1}^{k} \\frac{1}{j^k} = 2",
    "\\int \\int \\int \\int e^{x^{y^{z}}} dx = 0",
    "\\prod_{n=1}^{10^{12}} n = 1",
    "\\sqrt[10^9]{2} = 1",
    "C(10^9, 5*10^8) = 2",
]
DEPTH = [
    "\\frac{1}{" * 300 + "2" + "}" * 300 + " = 1",
    "\\frac{" * 300 + "1" + "}{2}" * 300 + " = 1",
    "(" * 3000 + "1" + ")" * 3000 + " = 2",
    "\\sqrt{" * 1000 + "2" + "}" * 1000 + " = 1",
    "{" * 50_000 + "x" + "}" * 50_000,
    "∀x (" * 2000 + "P(x)" + ")" * 2000,
    "not " * 20_000 + "P(a)",
    "It is not true that " * 3000 + "Max is kind.",
    "-" * 30_000 + "1 = 1",
    "\\boxed{" * 5000 + "5" + "}" * 5000,
    "```python\n" * 3000 + "1",
    "<<" * 20_000 + "1=1" + ">>" * 20_000,
]
LENGTH = [
    "a" * MEGABYTE,
    " " * MEGABYTE,
    "\n" * MEGABYTE,
    "= " * (MEGABYTE // 2),
    "x=" * (MEGABYTE // 2),
    "$" * MEGABYTE,
    "1+" * (MEGABYTE // 2) + "1 = 2",
    "x + 1 = x + 2, so " * (MEGABYTE // 18),
    "\\frac" * (MEGABYTE // 5),
    "every wug is a wug and " * (MEGABYTE // 23),
    "Ann has 3 more pens than " * (MEGABYTE // 25),
    "The answer is " * (MEGABYTE // 14),
]
LETTERS = [
    "",
    "\x00",
    "\x00" * 1000 + "x = x",
    "\ud800 = \udfff",
    "\u202e2 + 2 = 5\u202c",
    "\u200b1\u200b=\u200b2\u200b",
    "١ + ١ = ٣",
    "２ + ２ = ５ ｗ",
    "\ufeff" * 5000,
    "e\u0301" * 5000,
    "\U000e0041" * 3000 + " = 1",
    "ⅷ = ①",
    "1\u20602 = 3\u2060",
]


def corpus(canary: Path) -> list[SolutionText]:
    """Every text as a step of a plain problem, and as the problem itself."""
    texts = [*code(canary), *NUMBERS, *DEPTH, *LENGTH, *LETTERS]
    plain = "Every wug is kind. Max is a wug. Ann has 2 pens. What is x?"
    return [
        SolutionText(f"{number} {place}: {text[:40]!r}", problem, steps)
        for number, text in enumerate(texts)
        for place, problem, steps in (
            ("step", plain, (text, "So it is.", text)),
            ("problem", text, ("Max is kind.", text)),
        )
    ]
