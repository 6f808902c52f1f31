"""`stepsmith evaluate`: a dataset's labels against known truth."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from flows.consensus_tables import print_consensus
from flows.tables import print_rows
from pipeline.consensus import consensus
from pipeline.errors import InputError
from pipeline.evaluation import evaluate, written
from pipeline.files import write_json
from pipeline.folder import TRUTH_TABLE, DatasetFolder
from pipeline.places import glob
from pipeline.schemas import TRUTH
from pipeline.tool_report import tool_report


def evaluate_command(
    dataset: Path, truth: Path | None, all_steps: bool, all_rows: bool, json_path: Path | None
) -> None:
    """Raises InputError where the dataset or the truth is not there."""
    folder = DatasetFolder(dataset).need_dataset()
    known = read_truth(folder, truth)
    labels, evidence = folder.labels(), folder.side_table("evidence")
    figures = evaluate(labels, known, all_steps, all_rows)
    tools = tool_report(evidence, known)
    together = consensus(labels, evidence, known)
    rows = figures.rows()
    for tool in tools:
        for name, value in tool.as_dict().items():
            if name != "annotator" and not isinstance(value, str):
                rows.append((f"{tool.annotator}: {name.replace('_', ' ')}", written(value)))
    print_rows(f"{dataset} against {truth or folder.evidence_root() / TRUTH_TABLE}", rows)
    print_consensus(together)
    if json_path is not None:
        write_json(
            json_path,
            {
                "labels": figures.as_dict(),
                "tools": [tool.as_dict() for tool in tools],
                "consensus": together.as_dict(),
            },
        )


def read_truth(folder: DatasetFolder, given: Path | None) -> pl.DataFrame:
    """Raises InputError where there is none."""
    if given is None:
        place = folder.evidence_root() / TRUTH_TABLE
        if not glob(place, "*.parquet"):
            raise InputError(
                f"{folder.root}: holds no truth; name a table of solution_id, step, verdict, "
                f"origin with --truth FILE (for the bundled problems: "
                f"`python -m worlds.truth {folder.root} -o truth.parquet`)"
            )
        return folder.side_table(TRUTH_TABLE)
    try:
        table = pl.read_parquet(given)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise InputError(f"{given}: is no Parquet file: {error}", file=str(given)) from error
    missing = [name for name in TRUTH.names if name not in table.columns]
    if missing:
        raise InputError(
            f"{given}: has no column {missing[0]!r}; a truth table has {', '.join(TRUTH.names)}",
            file=str(given),
            field=missing[0],
        )
    return table
