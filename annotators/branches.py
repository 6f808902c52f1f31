"""Solutions that a tree search makes of its rollouts: a prefix of one solution and its rollout.

Guaranteed: the first m steps, tokens and hashes are those of the prefix, so the evidence on them
is shared; the rest is cut by the same rule as any solution. A text that the problem has already
is that solution. A rollout that cannot be laid on to its prefix (its token ids are not known, or
they decode differently together) is None: it keeps its count, and is not searched.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from annotators.search.probe import Candidate
from pipeline.engines.base import Completion, Engine
from pipeline.prefix import CutSolution, Prefix, about_tokens
from pipeline.segment import Rule, segment, spans_of, token_ends
from pipeline.solution import solution_id, solution_row, step_rows
from pipeline.verdict import Grade


@dataclass(frozen=True, slots=True)
class Cutter:
    """How a rollout becomes a solution of the prover's."""

    engine: Engine  # for its tokenizer alone
    split: Rule
    policy: str  # the prover's revision: it wrote them
    prompt_hash: str
    seed: int


class Branches:
    """The tree solutions of one problem, by their text."""

    def __init__(
        self, cutter: Cutter, candidates: Sequence[Candidate], steps: dict[str, list[Any]]
    ) -> None:
        self._cutter = cutter
        self._known = {c.solution.text: c for c in candidates}
        self._tokens = {c.solution.solution_id: c.tokens for c in candidates}
        self._steps = dict(steps)
        self.candidates: list[Candidate] = []
        self.rows: list[dict[str, Any]] = []

    def join(
        self, prefix: Prefix, draw: int, completion: Completion, grade: Grade
    ) -> Candidate | None:
        text = prefix.text + completion.text
        known = self._known.get(text)
        if known is not None:
            return known
        solution = self._cut(prefix, completion, text)
        if solution is None:
            return None
        parent, kept = prefix.solution, prefix.tokens
        written = kept
        if written is None:  # text alone: in proportion to the parent's characters
            share = len(prefix.text) / max(len(parent.text), 1)
            written = round(self._tokens[parent.solution_id] * share)
        own = step_rows(
            text,
            spans_of(solution.ends),
            solution.token_ends,
            completion.logprobs,
            first=kept or 0,
        )
        steps = [*self._steps.get(parent.solution_id, own)[: prefix.steps], *own[prefix.steps :]]
        tokens = written + (completion.tokens or about_tokens(completion.text))
        self.rows.append(
            solution_row(
                solution_id=solution.solution_id,
                problem_id=solution.problem_id,
                policy=self._cutter.policy,
                prompt_hash=self._cutter.prompt_hash,
                text=text,
                steps=steps,
                grade=grade,
                origin="tree",
                token_ids=solution.token_ids,
                parent_solution_id=parent.solution_id,
                fork_len=prefix.steps,
                finish_reason=completion.finish_reason,
                tokens=tokens,
                seed=self._cutter.seed,
            )
        )
        candidate = Candidate(solution, grade.verdict, tokens, draw)
        self._known[text] = candidate
        self._tokens[solution.solution_id] = tokens
        self._steps[solution.solution_id] = steps
        self.candidates.append(candidate)
        return candidate

    def _cut(self, prefix: Prefix, completion: Completion, text: str) -> CutSolution | None:
        parent, m = prefix.solution, prefix.steps
        begin = parent.ends[m - 1] if m else 0
        rest = text[begin:]
        if not rest.strip():
            return None
        after = [begin + end for _, end in segment(rest, self._cutter.split)]
        ends = (*parent.ends[:m], *after)
        identity = solution_id(
            prefix.problem_id, self._cutter.policy, self._cutter.prompt_hash, text
        )
        if prefix.prompt.token_ids is None or (m and parent.token_ids is None):
            return CutSolution(
                identity, prefix.problem_id, parent.prompt, text, ends, None, None, None
            )
        kept = prefix.tokens or 0
        if completion.token_ids is None:
            return None
        ids = (*(parent.token_ids or ())[:kept], *completion.token_ids)
        chars = self._cutter.engine.char_ends(ids)
        if not chars or chars[-1] != len(text):
            return None
        cuts, _ = token_ends(spans_of(ends), chars)
        if m and cuts[m - 1] != kept:
            return None
        return CutSolution(
            identity, prefix.problem_id, parent.prompt, text, ends, ids, tuple(cuts), tuple(chars)
        )
