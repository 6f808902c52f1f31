"""Solutions made of a prefix and its rollout."""

from __future__ import annotations

from annotators.branches import Branches, Cutter
from annotators.search.probe import Candidate
from pipeline.engines.base import Completion, Prompt
from pipeline.engines.stub import StubEngine
from pipeline.prefix import CutSolution
from pipeline.verdict import Grade, Verdict

WRONG = Grade(Verdict.INCORRECT, None, "9")


def ids(text: str) -> tuple[int, ...]:
    return tuple(map(ord, text))


def parent(text: str = "a\n\nb\n\nc") -> CutSolution:
    """Tokens are code points; steps end after blank lines."""
    ends = (3, 6, 7)
    prompt = Prompt("Q", ids("Q"))
    chars = tuple(range(1, len(text) + 1))
    return CutSolution("s", "p", prompt, text, ends, ids(text), ends, chars)


def branches(solution: CutSolution, **steps: list[dict[str, object]]) -> Branches:
    candidate = Candidate(solution, Verdict.INCORRECT, 8, 0)
    return Branches(Cutter(StubEngine(), "blank_line", "r", "h", 0), [candidate], steps)


def completion(text: str, **changed: object) -> Completion:
    return Completion(text, "stop", len(text) + 1, **{"token_ids": ids(text), **changed})  # type: ignore[arg-type]


def test_its_first_steps_are_those_of_the_prefix() -> None:
    solution = parent()
    joined = branches(solution).join(solution.prefix(2), 3, completion("x\n\ny"), WRONG)
    assert joined is not None
    assert (joined.solution.text, joined.solution.ends) == ("a\n\nb\n\nx\n\ny", (3, 6, 9, 10))
    assert joined.solution.token_ends == (3, 6, 9, 10)
    assert joined.solution.prefix(2).hash == solution.prefix(2).hash
    assert (joined.outcome, joined.tokens, joined.draw) == (Verdict.INCORRECT, 11, 3)


def test_a_delimiter_that_the_prefix_lacks_goes_to_the_rollouts_first_step() -> None:
    solution = CutSolution("s", "p", Prompt("Q"), "ab", (1, 2), None, None, None)
    joined = branches(solution).join(
        solution.prefix(1), 0, Completion("\n\nx\n\ny", "stop", 5), WRONG
    )
    assert joined is not None
    assert joined.solution.ends == (1, 6, 7)


def test_a_text_that_is_known_is_that_solution() -> None:
    solution = parent()
    made = branches(solution)
    assert made.join(solution.prefix(2), 0, completion("c"), WRONG).solution is solution  # type: ignore[union-attr]
    assert made.rows == []


def test_a_rollout_without_token_ids_does_not_go_on_from_a_prefix_of_ids() -> None:
    solution = parent()
    mute = completion("x", token_ids=None)
    assert branches(solution).join(solution.prefix(1), 0, mute, WRONG) is None


def test_a_rollout_that_says_nothing_more_is_no_solution() -> None:
    solution = parent()
    assert branches(solution).join(solution.prefix(2), 0, completion("\n"), WRONG) is None


def test_steps_of_the_prefix_keep_their_log_probabilities() -> None:
    solution = parent()
    known = [
        {"text": "a\n\n", "start": 0, "end": 3, "token_end": 3, "logprob": -0.5, "part": None},
        {"text": "b\n\n", "start": 3, "end": 6, "token_end": 6, "logprob": -0.25, "part": None},
        {"text": "c", "start": 6, "end": 7, "token_end": 7, "logprob": -9.0, "part": None},
    ]
    made = branches(solution, s=known)
    made.join(solution.prefix(2), 0, completion("xy", logprobs=(-1.0, -3.0)), WRONG)
    (row,) = made.rows
    assert [step["logprob"] for step in row["steps"]] == [-0.5, -0.25, -2.0]


def test_a_branch_of_a_branch_names_the_branch() -> None:
    solution = parent()
    made = branches(solution)
    first = made.join(solution.prefix(1), 0, completion("x\n\ny\n\nz"), WRONG)
    assert first is not None
    made.join(first.solution.prefix(2), 0, completion("w"), WRONG)
    row = made.rows[1]
    assert row["parent_solution_id"] == first.solution.solution_id
    assert (row["fork_len"], row["text"]) == (2, "a\n\nx\n\nw")
