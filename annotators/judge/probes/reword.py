"""The same solution in other words, or in a surer tone: nothing that it claims is changed.

Guaranteed: `paraphrased` only swaps connectives and words of like meaning (`SAME`), and moves
"Compared with B, A ..." behind the statement that it opens; `confident` only puts phrases in front
that claim nothing (`PHRASES`) and lowers the initial of a common word behind them. Numbers, names,
equations and the steps' order and count stay. Text to which nothing applies comes back as it was.
"""

from __future__ import annotations

import re

SAME = {
    "So ": "Therefore, ",
    ", so ": ", and therefore ",
    "Thus, ": "Hence, ",
    "Then, ": "Next, ",
    "Every ": "Each ",
    " every ": " each ",
    "The answer is ": "The final answer is ",
    " in total": " altogether",
    " altogether": " in total",
    " because ": " since ",
}
PHRASES = (
    "Clearly, ",
    "It is obvious that ",
    "Without any doubt, ",
    "As everyone can see, ",
    "Undoubtedly, ",
    "It goes without saying that ",
)
_PAIRS = re.compile(
    r"(?<![\w,])(?:So (?!far|long|many|much|that|as|on)|Thus, |Then, |Every (?!other))"
    r"|(?<![\w,])The answer is |, so (?!far|long|many|much|that|as|on)"
    r"| every (?=[a-z])(?!other|few|so)| because (?!of)"
    r"| in total\b| altogether\b"
)
_COMPARED = re.compile(r"(?<![\w,])Compared (with|to) ([^,.\n=]{1,60}), ([^,.\n=]{1,120})(?=\.)")
_LOWERED = re.compile(
    r"(?:A|After|All|An|And|At|Both|By|Compared|Each|Every|Finally|First|For|From|He|Hence|Her|His|"
    r"If|In|It|Its|Next|Now|On|Our|She|Since|So|That|The|Their|Then|There|Therefore|These|They|This|"
    r"Thus|To|We|When|With)\b"
)


def paraphrased(step: str) -> str:
    """The step in other words."""
    moved = _COMPARED.sub(r"\3, compared \1 \2", step)
    return _PAIRS.sub(lambda match: SAME[match[0]], moved)


def confident(step: str, phrase: str) -> str:
    """The step with a phrase in front; one that does not begin with a word is left alone."""
    if not step[:1].isalnum():
        return step
    lowered = step[0].lower() + step[1:] if _LOWERED.match(step) else step
    return phrase + lowered
