"""What annotators call incorrect in texts, as runs ask them: in limited worker processes."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from annotators.checkers import build_checker
from annotators.steps import SolutionText, annotate_solutions
from bench.verifier_texts import Text
from pipeline.workers import CheckerPool

AT_ONCE = 512  # solutions


@dataclass(frozen=True, slots=True)
class Flag:
    """One annotator calls one step incorrect."""

    text: Text
    step: int
    annotator: str
    rules: tuple[str, ...]
    claims: tuple[str, ...]

    @property
    def id(self) -> str:
        """Of the words that it rests on: equal completions of one problem are one flag."""
        key = [self.annotator, self.text.problem, *self.text.steps[: self.step + 1]]
        return hashlib.blake2b(json.dumps(key).encode(), digest_size=6).hexdigest()

    def row(self) -> dict[str, Any]:
        """For a reader: nothing in it tells what is known of the step."""
        return {
            "id": self.id,
            "annotator": self.annotator,
            "rules": self.rules,
            "claims": self.claims,
            "problem": self.text.problem,
            "before": self.text.steps[: self.step],
            "step": self.text.steps[self.step],
        }


def flags_of(name: str, texts: Sequence[Text], pool: CheckerPool) -> tuple[list[Flag], float]:
    """The flags on judged steps, and the seconds that it took."""
    checker, found = build_checker(name, {}), []
    started = time.perf_counter()
    for start in range(0, len(texts), AT_ONCE):
        part = texts[start : start + AT_ONCE]
        asked = [SolutionText(str(at), text.problem, text.steps) for at, text in enumerate(part)]
        rows = asyncio.run(annotate_solutions(checker, asked, pool))
        for row in rows.select(["solution_id", "step", "incorrect", "detail"]).to_pylist():
            text = part[int(row["solution_id"])]
            if row["incorrect"] and row["step"] >= text.judged:
                rules = tuple(detail["rule"] for detail in row["detail"])
                claims = tuple(detail["text"] for detail in row["detail"])
                found.append(Flag(text, row["step"], name, rules, claims))
    return found, time.perf_counter() - started
