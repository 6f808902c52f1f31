"""Templated English into formulas: "Every tumpus is not small.", "Wren is a jompus."

Covers the sentences of ProntoQA and of worlds/deduction, and near wordings of them. As in those
data, "every x is not y" and "all xs are not ys" say that no x is y. A noun is one word. A plural
is read back by its ending (`_singular`), so an irregular one is another noun than its singular.
"""

from __future__ import annotations

import re

from annotators.logic.formula import Atom, Formula, Joined, Not, Quantified

MAX_SENTENCE = 300

_WORD = r"[a-z]+(?:-[a-z]+)*"
_IS = rf"is (?P<no>not )?(?:(?P<noun>an? {_WORD})|(?P<adjective>{_WORD}))"
_ARE = rf"are (?P<no>not )?(?P<many>{_WORD})"
_KIND = rf"(?P<kind>{_WORD})"
_KINDS = rf"(?P<kinds>{_WORD})"
_FORMS = [
    re.compile(pattern)
    for pattern in (
        rf"(?:every|each|any|an?) {_KIND} {_IS}",
        rf"(?:all )?{_KINDS} {_ARE}",
        rf"if (?:something|anything) is (?P<if>(?:an? )?{_WORD}),? (?:then )?it {_IS}",
        rf"(?:everything|anything) (?:that|which) is (?P<if>(?:an? )?{_WORD}) {_IS}",
        rf"(?P<never>no) {_KIND} is (?:(?P<noun>an? {_WORD})|(?P<adjective>{_WORD}))",
        rf"(?P<never>no) {_KINDS} are (?P<many>{_WORD})",
        rf"(?P<some>some) {_KINDS} {_ARE}",
        rf"(?P<name>[A-Z][a-z]+) {_IS}",
        rf"(?P<name>[A-Z][a-z]+) is one of the (?P<members>{_WORD})",
    )
]
# said before a statement, without changing what it states
_LEAD = re.compile(
    r"(?:here|surely|always,|we (?:also )?(?:know|have|see) that|note that|recall that|and|but|"
    r"(?:also|now|next|first|second|third|finally|again),?) ",
    re.IGNORECASE,
)
_DENIAL = re.compile(r"it is (?:not (?:true|the case)|false) that ", re.IGNORECASE)
_NO_NAME = re.compile(
    r"It|This|That|These|Those|He|She|They|We|You|I|There|Here|What|Who|Which|Everything|"
    r"Something|Nothing|Anything|Someone|Everyone|Nobody|Each|Every|Any|All|No|Some|The|A|An|"
    r"If|Then|So|Thus|Answer|Statement|Conclusion|Today|Now|One"
)
# adjectives that speak of the sentence and not of the thing, and words that are not adjectives
_NO_ADJECTIVE = re.compile(
    r"true|false|given|known|unknown|correct|incorrect|right|wrong|valid|invalid|proven|"
    r"proved|what|that|this|the|so|also|either|neither|both|one|it|there|here|necessarily|"
    r"certain|uncertain|possible|impossible|consistent|as|in|of|to"
)


def read_english(text: str) -> Formula | None:
    """The formula that one sentence states; None for any other text."""
    if len(text) > MAX_SENTENCE:
        return None
    text = " ".join(text.replace("’", "'").split()).strip(" *\"'“”").rstrip(".!").strip(" *\"'“”")
    text = text.replace(" isn't ", " is not ").replace(" aren't ", " are not ")
    for _ in range(3):
        text = _LEAD.sub("", text, count=1) if _LEAD.match(text) else text
    if denial := _DENIAL.match(text):
        denied = read_english(text[denial.end() :])
        return None if denied is None else Not(denied)
    for form in _FORMS:
        # a name needs its capital, any other first word does without it
        start = text if "<name>" in form.pattern else text[:1].lower() + text[1:]
        if match := form.fullmatch(start):
            return _formula(match.groupdict())
    return None


def _formula(groups: dict[str, str | None]) -> Formula | None:
    name = groups.get("name")
    if name is not None and _NO_NAME.fullmatch(name):
        return None
    subject = name if name is not None else 0
    says = _literal(groups, subject)
    if says is None or name is not None:
        return says
    if condition := groups.get("if"):
        kind = _predicate(condition)
    elif many := groups.get("kinds"):
        kind = _noun(_singular(many))
    else:
        kind = _noun(groups["kind"])
    if kind is None:
        return None
    if groups.get("some"):
        return Quantified(False, 0, Joined("and", Atom(kind, (0,)), says))
    return Quantified(True, 0, Joined("implies", Atom(kind, (0,)), says))


def _literal(groups: dict[str, str | None], subject: str | int) -> Formula | None:
    if members := groups.get("members"):
        predicate = _noun(_singular(members))
    elif many := groups.get("many"):
        single = _singular(many)
        predicate = _predicate(many) if single is None else _noun(single)
    else:
        predicate = _predicate(groups.get("noun") or groups.get("adjective") or "")
    if predicate is None:
        return None
    atom = Atom(predicate, (subject,))
    return Not(atom) if groups.get("no") or groups.get("never") else atom


def _predicate(words: str) -> str | None:
    """ "an impus" -> "a impus", "shy" -> "shy": nouns and adjectives never meet."""
    article, _, noun = words.rpartition(" ")
    if article:
        return _noun(noun)
    return None if _NO_ADJECTIVE.fullmatch(words) else words


def _noun(word: str | None) -> str | None:
    return f"a {word}" if word else None


def _singular(word: str) -> str | None:
    """toves -> tove, wumpuses -> wumpus, bodies -> body; None if it is no plural (luminous)."""
    if not word.endswith("s") or word.endswith(("ss", "us", "is")) or len(word) < 3:
        return None
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    uses = word.endswith("uses") and not word.endswith(("ouses", "auses"))
    if uses or word.endswith(("sses", "xes", "shes", "ches")):
        return word[:-2]
    return word[:-1]
