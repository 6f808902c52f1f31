"""`stepsmith evaluate`: a dataset's labels against known truth."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from flows.consensus_tables import print_consensus
from flows.tables import print_rows, print_table
from pipeline.consensus import consensus
from pipeline.errors import InputError
from pipeline.evaluation import evaluate, written
from pipeline.files import write_json
from pipeline.folder import TRUTH_TABLE, DatasetFolder
from pipeline.human.evidence import human_evidence, human_truth, people_of
from pipeline.human.log import HUMAN, Said
from pipeline.known_truth import known_truth, truth_file, truth_table, unmatched
from pipeline.report.agreement import Measured, measured
from pipeline.report.steps import Steps
from pipeline.report.words import words_of
from pipeline.tool_report import tool_report


def evaluate_command(
    dataset: Path,
    truth: Path | None,
    people: bool,
    all_steps: bool,
    all_rows: bool,
    json_path: Path | None,
) -> None:
    """Raises InputError where the dataset or the truth is not there. `people`: against their
    verdicts alone."""
    if people and truth is not None:
        raise InputError("--people and --truth: choose one of them")
    folder = DatasetFolder(dataset).need_dataset()
    heard = people_of(folder)
    said = heard.said
    for warning in heard.warnings(folder):
        print(f"warning: {warning}", file=sys.stderr)
    known = people_truth(folder, said) if people else _truth(folder, truth)
    labels, evidence = folder.labels(), folder.side_table("evidence")
    if truth is not None:
        for warning in unmatched(truth, known, labels["solution_id"]):
            print(f"warning: {warning}", file=sys.stderr)
    if said and not (known["origin"] == HUMAN).any():
        evidence = pl.concat([evidence, human_evidence(said)], how="diagonal_relaxed")
    figures = evaluate(labels, known, all_steps, all_rows)
    tools = tool_report(evidence, known)
    together = consensus(labels, evidence, known)
    steps = Steps.of(labels)
    sources = measured(words_of(steps, evidence), steps, known)
    rows = figures.rows()
    for tool in tools:
        for name, value in tool.as_dict().items():
            if name != "annotator" and not isinstance(value, str):
                rows.append((f"{tool.annotator}: {name.replace('_', ' ')}", written(value)))
    print_rows(f"{dataset} against {_named(folder, truth, people, said)}", rows)
    _print_sources(sources)
    print_consensus(together)
    if json_path is not None:
        write_json(
            json_path,
            {
                "labels": figures.as_dict(),
                "tools": [tool.as_dict() for tool in tools],
                "sources": [source.as_dict() for source in sources],
                "consensus": together.as_dict(),
            },
        )


def read_truth(folder: DatasetFolder, given: Path | None) -> pl.DataFrame:
    """A file, or the dataset's own table; what people said in `stepsmith review` is not in it.

    Raises InputError where there is none."""
    found = truth_table(folder) if given is None else truth_file(given)
    return _need(folder, found)


def people_truth(folder: DatasetFolder, said: Sequence[Said]) -> pl.DataFrame:
    """Raises InputError where nobody said anything."""
    if not said:
        raise InputError(
            f"{folder.root}: no person has said anything of its steps yet: "
            f"`stepsmith review {folder.root}`, or its --import FILE"
        )
    return human_truth(said)


def _truth(folder: DatasetFolder, given: Path | None) -> pl.DataFrame:
    return _need(folder, known_truth(folder) if given is None else truth_file(given))


def _need(folder: DatasetFolder, found: pl.DataFrame | None) -> pl.DataFrame:
    if found is None:
        raise InputError(
            f"{folder.root}: holds no truth; name a table of solution_id, step, verdict, "
            f"origin with --truth FILE (for the bundled problems: "
            f"`python -m worlds.truth {folder.root} -o truth.parquet`), or have people say what is "
            f"right: `stepsmith review {folder.root}`"
        )
    return found


def _named(folder: DatasetFolder, given: Path | None, people: bool, said: Sequence[Said]) -> str:
    if people:
        return "what people said"
    if given is not None:
        return str(given)
    table = [str(folder.evidence_root() / TRUTH_TABLE)] if truth_table(folder) is not None else []
    return " and ".join([*table, *(["what people said"] if said else [])])


def _print_sources(sources: list[Measured]) -> None:
    print_table(
        "Who is right about steps, up to the true first error",
        ("source", "steps", "right", "wrong steps", "of these found", "flags", "precision"),
        [
            (
                one.source,
                written(one.steps),
                written(one.right),
                written(one.errors),
                written(one.found),
                written(one.flags),
                written(one.precision),
            )
            for one in sources
        ],
    )
