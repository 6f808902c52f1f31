"""Problems that stand in evaluation sets are left out before anything is spent on them.

Guaranteed: a set that is missing, empty or without a text column is an error that names it; a hit
names the set, the row and the kind of match; the same sets and problems give the same hits. Not
guaranteed: that a rewording or a translation is found.

What is checked is what a run takes in. Problems that a dataset holds already stay, whatever sets
are named later: shards are immutable. They are counted and named instead (`in_dataset`).
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pipeline.contamination.index import Index, Match
from pipeline.contamination.words import masked, words
from pipeline.errors import ProblemFileError
from pipeline.problems import Problem, read_texts
from pipeline.public import public_name
from pipeline.recipe import Decontaminate, content_hash

VERSION = 2  # of the rules: part of what decides, as much as the sets
NAMED = 100  # problems that the manifest names; the file in work/ has them all


@dataclass(frozen=True, slots=True)
class Hit:
    """A problem that stands in an evaluation set."""

    problem_id: str
    source: str  # the set, as the recipe names it
    row: int  # of its file, from 1; lines of a .jsonl
    kind: str  # exact / inside / 13-gram
    share: float

    @property
    def reason(self) -> str:
        return f"contaminated: {self.kind}, {public_name(self.source)}"


@dataclass(frozen=True, slots=True)
class Checked:
    """What a run's problems were checked against, and what was found. `hash` is of the sets'
    texts and the rules: another one decides anew."""

    hash: str
    settings: Mapping[str, Any]
    sets: Sequence[Mapping[str, Any]]  # source and rows of each
    hits: Mapping[str, Hit]  # by problem_id

    def counts(self, besides: Collection[str] = ()) -> Counter[str]:
        """Hits by reason, but for some problems."""
        return Counter(hit.reason for name, hit in self.hits.items() if name not in besides)

    def as_dict(self, known: Collection[str]) -> dict[str, Any]:
        """For the manifest. `known`: problems that the dataset held before."""
        inside = sorted(name for name in self.hits if name in known)
        return {
            "hash": self.hash,
            **self.settings,
            "sets": list(self.sets),
            "left_out": dict(sorted(self.counts(known).items())),
            "in_dataset": len(inside),
            "in_dataset_ids": inside[:NAMED],
        }

    def lines(self, known: Collection[str]) -> str:
        """Every hit as a line of JSON."""
        rows = (asdict(hit) | {"in_dataset": name in known} for name, hit in self.hits.items())
        return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def contamination_warnings(found: Mapping[str, Any] | None) -> list[str]:
    """About problems that a dataset held before the sets were named; `found`: the manifest's."""
    if not found or not found["in_dataset"]:
        return []
    return [
        f"{found['in_dataset']:,} problems of this dataset stand in the evaluation sets: they were "
        f"taken in before these were named, and rows stay; their ids are in "
        f"work/contaminated.jsonl, and the first {NAMED} in the manifest: filter on problem_id"
    ]


class Decontamination:
    """Reads the sets when it is made. Raises ProblemFileError."""

    def __init__(self, settings: Decontaminate) -> None:
        self.settings = settings
        self._places: list[tuple[str, int]] = []
        texts: list[list[str]] = []
        sets = []
        for one in settings.sets:
            rows = _read(one.source, one.column)
            self._places += [(one.source, number) for number, _ in rows]
            texts += [words(text) for _, text in rows]
            sets.append({"source": public_name(one.source), "rows": len(rows)})
        self.sets = sets
        self.index = Index(texts, self._compared(texts), settings.ngram, settings.share)
        self.hash = content_hash(
            [
                VERSION,
                self._rules(),
                [[place[0], text] for place, text in zip(self._places, texts, strict=True)],
            ]
        )

    def check(self, problems: Sequence[Problem]) -> Checked:
        hits = {}
        for problem in problems:
            text = words(problem.text)
            compared = masked(text) if self.settings.templates else text
            match = self.index.find(text, compared)
            if match is not None:
                hits[problem.problem_id] = self._hit(problem.problem_id, match)
        return Checked(self.hash, self._rules(), self.sets, hits)

    def _hit(self, name: str, match: Match) -> Hit:
        source, row = self._places[match.row]
        kind = f"{self.settings.ngram}-gram" if match.kind == "n-gram" else match.kind
        return Hit(name, source, row, kind, round(match.share, 4))

    def _compared(self, texts: list[list[str]]) -> list[list[str]] | None:
        return [masked(text) for text in texts] if self.settings.templates else None

    def _rules(self) -> dict[str, Any]:
        return self.settings.model_dump(mode="json", exclude={"sets"})


def _read(source: str, column: str) -> list[tuple[int, str]]:
    try:
        return read_texts(source, column)
    except ProblemFileError as error:
        raise ProblemFileError(f"decontaminate.sets: {error.message}", **error.fields) from None
