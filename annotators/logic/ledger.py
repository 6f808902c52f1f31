"""What a solution may use so far, and whether its next move is sound.

A move that names its grounds is judged by these alone: each must be given by the problem or stated
by an earlier step, and the claim must follow from them. (A ground that only *would* follow is a
skipped step.) Where no rule or no fact is named, the rest of the problem may be used too. A claim
without grounds is judged by the whole problem first, then by what earlier steps said.
"""

from __future__ import annotations

from dataclasses import dataclass
from string import ascii_lowercase

from annotators.logic.formula import Formula, is_general, negation, words_of
from annotators.logic.moves import Move
from annotators.logic.problem import Statement, Theory
from annotators.logic.solver import Prover
from annotators.solver import Answer
from pipeline.verdict import Reason, Verdict


@dataclass(frozen=True, slots=True)
class Finding:
    """The verdict on one move, the rule behind it, and the words of the step it is about."""

    verdict: Verdict
    reason: Reason | None
    rule: str
    words: str
    text: str


def _correct(rule: str, words: str, text: str) -> Finding:
    return Finding(Verdict.CORRECT, None, rule, words, text)


def _incorrect(rule: str, words: str, text: str) -> Finding:
    return Finding(Verdict.INCORRECT, None, rule, words, text)


def _open(rule: str, words: str, text: str) -> Finding:
    reason = Reason.TIMEOUT if rule == "limit" else Reason.UNDECIDED
    return Finding(Verdict.UNKNOWN, reason, rule, words, text)


class Ledger:
    """The state of one solution; `judge` takes the moves in their order."""

    def __init__(self, theory: Theory, prover: Prover) -> None:
        self._theory, self._prover = theory, prover
        self._givens = tuple(given.formula for given in theory.givens)
        self._said: dict[Formula, Finding] = {}  # what steps claimed, and how that was judged
        self._labels: dict[str, list[Statement]] = {}
        self._unread: list[str] = []
        for given in theory.givens:
            self._name(given)

    def unread(self, step: str) -> None:
        """A step that was not understood may have said anything that its words can say."""
        self._unread.append(step.lower())

    def judge(self, move: Move) -> Finding:
        """The verdict on a move, which from then on has been said."""
        if move.statement is None:
            return self._judge_answer(move.answer)
        named = move.quotes or move.labels
        finding = self._argued(move, move.statement) if named else self._alone(move, move.statement)
        formula = move.statement.formula
        # a rule that nobody gave does not become one by being said
        stands = finding.rule != "not_given" or move.derived or not is_general(formula)
        if stands and (formula not in self._said or finding.verdict is Verdict.CORRECT):
            self._said[formula] = finding
        self._name(move.statement)
        return finding

    # -- a claim with its grounds -----------------------------------------------------------

    def _argued(self, move: Move, claim: Statement) -> Finding:
        grounds, open_grounds = list(move.quotes), False
        for label in move.labels:
            found = self._find(label)
            if found is None and not self._unread and self._labels:
                return _incorrect("not_given", claim.text, f"there is no {label} to refer to")
            if found is None:
                text = f"{label} may be in a step that was not read"
                return _open("unclear_ground", claim.text, text)
            grounds.append(found)
        for at, quote in enumerate(move.quotes):
            fair = self._fair(quote.formula)
            if fair is False and at:  # "Max is a wug. Wugs are toves. Max is a tove. So …"
                above = self._prover.decide([q.formula for q in move.quotes[:at]], quote.formula)
                fair = {Answer.FOLLOWS: True, Answer.UNKNOWN: None}.get(above, False)
            if fair is False:
                text = f"neither the problem nor an earlier step says: {quote.text}"
                return _incorrect("not_given", quote.text, text)
            open_grounds |= fair is None
        formulas = [ground.formula for ground in grounds]
        listed = "; ".join(ground.text for ground in grounds)
        answer = self._prover.decide(formulas, claim.formula)
        if answer is Answer.FOLLOWS and open_grounds:
            return _open("unclear_ground", claim.text, f"not all is known to hold of: {listed}")
        if answer is Answer.FOLLOWS:
            return _correct("entailed", claim.text, f"{claim.text} follows from: {listed}")
        general = [is_general(formula) for formula in formulas]
        if not move.labels and (all(general) or not any(general)):
            alone = self._alone(move, claim)
            if alone.verdict is Verdict.CORRECT and open_grounds:
                return _open("unclear_ground", claim.text, f"not known to hold: {listed}")
            return alone
        if answer is Answer.REFUTED:
            return _incorrect("refuted", claim.text, f"{claim.text} contradicts: {listed}")
        if answer is Answer.NEITHER:
            text = f"{claim.text} does not follow from: {listed}"
            return _incorrect("does_not_follow", claim.text, text)
        return self._stuck(answer, claim.text)

    def _fair(self, formula: Formula) -> bool | None:
        """Whether it may be used as known; None where that is not clear."""
        if self._known(formula):
            return True
        words = words_of(formula)
        near = [other for other in (*self._givens, *self._said) if words & words_of(other)]
        # a part of what is known, or the same in other words
        answers = {self._prover.decide((one,), formula) for one in near}
        if negation(formula) in self._said:  # repaired: the problem implies it
            answers.add(self._prover.decide(self._givens, formula))
        if Answer.FOLLOWS in answers:
            return True
        return None if Answer.UNKNOWN in answers or self._perhaps_said(formula) else False

    # -- a claim alone ----------------------------------------------------------------------

    def _alone(self, move: Move, claim: Statement) -> Finding:
        formula, words = claim.formula, claim.text
        if formula in self._givens:
            return _correct("known", words, f"the problem gives: {words}")
        if (earlier := self._said.get(formula)) is not None:
            if earlier.verdict is Verdict.CORRECT:
                return _correct("known", words, f"an earlier step showed: {words}")
            return _open("unclear_ground", words, f"an earlier step said, without ground: {words}")
        answer = self._prover.decide(self._givens, formula)
        if answer is Answer.REFUTED:
            return _incorrect("refuted", words, f"the problem implies the opposite of: {words}")
        if answer is Answer.FOLLOWS:
            if move.given and self._fair(formula) is False:
                return _incorrect("not_given", words, f"the problem does not give: {words}")
            return _correct("entailed", words, f"the problem implies: {words}")
        if answer is not Answer.NEITHER:
            return self._stuck(answer, words)
        said = [other for other, found in self._said.items() if found.rule != "refuted"]
        again = self._prover.decide((*self._givens, *said), formula)
        if again is Answer.FOLLOWS:
            return _correct("entailed", words, f"what earlier steps said implies: {words}")
        if again in (Answer.CONTRADICTION, Answer.UNKNOWN):
            return self._stuck(again, words)
        return self._unfounded(move, claim)

    def _unfounded(self, move: Move, claim: Statement) -> Finding:
        """Neither the claim nor its negation follows from all there is."""
        formula, words = claim.formula, claim.text
        if self._perhaps_said(formula):
            return _open("unclear_ground", words, f"a part that was not read may say: {words}")
        if move.derived:
            text = f"neither the problem nor earlier steps imply: {words}"
            return _incorrect("does_not_follow", words, text)
        asked = self._theory.asked
        if not move.given and asked is not None and formula in (asked, negation(asked)):
            return _open("restated_question", words, f"the question may be restated: {words}")
        here = frozenset[str]().union(*map(words_of, (*self._givens, *self._said)))
        if not words_of(formula) <= here:
            return _open("foreign_word", words, f"not in the words of the problem: {words}")
        return _incorrect("not_given", words, f"neither given nor implied: {words}")

    def _judge_answer(self, says: bool | None) -> Finding:
        asked = self._theory.asked
        if asked is None:
            return Finding(Verdict.UNKNOWN, Reason.NOT_COVERED, "no_question", "", "nothing asked")
        by_problem = self._prover.decide(self._givens, asked)
        if says is None:
            return self._undetermined(by_problem)
        if not says:
            swap = {Answer.FOLLOWS: Answer.REFUTED, Answer.REFUTED: Answer.FOLLOWS}
            asked, by_problem = negation(asked), swap.get(by_problem, by_problem)
        opposite = negation(asked)
        if self._known(asked):
            return _correct("known", "", "the answer is what was concluded")
        if self._known(opposite):
            if by_problem is Answer.FOLLOWS:
                return _correct("entailed", "", "the problem implies this answer")
            return _incorrect("refuted", "", "the opposite was concluded")
        if by_problem is Answer.REFUTED:
            return _incorrect("refuted", "", "the problem implies the opposite answer")
        if by_problem in (Answer.CONTRADICTION, Answer.UNKNOWN):
            return self._stuck(by_problem, "")
        fair = self._fair(asked)
        if fair:
            return _correct("entailed", "", "the answer is part of what was concluded")
        if fair is None or self._unread or not self._said or not self._theory.complete:
            return _open("unclear_ground", "", "no step that was read decides the question")
        return _incorrect("does_not_follow", "", "no earlier step decides the question")

    def _undetermined(self, by_problem: Answer) -> Finding:
        """The answer says that the question cannot be decided."""
        if by_problem in (Answer.FOLLOWS, Answer.REFUTED):
            return _incorrect("refuted", "", "the problem decides the question")
        if by_problem is Answer.NEITHER and self._theory.complete:
            return _correct("entailed", "", "the problem does not decide the question")
        if by_problem is Answer.NEITHER:
            return _open("unclear_ground", "", "not all of the problem was read")
        return self._stuck(by_problem, "")

    # -- what is known ----------------------------------------------------------------------

    def _known(self, formula: Formula) -> bool:
        return formula in self._givens or formula in self._said

    def _perhaps_said(self, formula: Formula) -> bool:
        if not self._theory.complete:
            return True
        words = words_of(formula)
        return any(all(word in step for word in words) for step in self._unread)

    def _name(self, statement: Statement) -> None:
        if statement.label is not None:
            self._labels.setdefault(statement.label, []).append(statement)

    def _find(self, label: str) -> Statement | None:
        """The one statement of that label; "fact3" also finds a plain 3, and 3 the only "…3"."""
        number = label.lstrip(ascii_lowercase)
        found = self._labels.get(label) or self._labels.get(number)
        if not found and number == label:
            same = [
                one for name, one in self._labels.items() if name.lstrip(ascii_lowercase) == number
            ]
            found = same[0] if len(same) == 1 else None
        return found[0] if found and len(found) == 1 else None

    def _stuck(self, answer: Answer, words: str) -> Finding:
        if answer is Answer.UNKNOWN:
            return _open("limit", words, "the solver's limit was reached")
        return _open("contradiction", words, "what it rests on contradicts itself")
