"""Write the truth about every step of a data set, from the problems' texts.

    python -m worlds.truth DATASET -o truth.parquet

Reads `DATASET/data/*.parquet` with the columns solution_id (string), problem (string: the text)
and steps (list of string, or list of struct with a field `text`). Writes one row a step:
solution_id, step (int32, 0-based), verdict ("correct", "incorrect" or "unknown"), origin
("oracle"). The output is put in place only when it is complete.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from worlds.oracle import judge

SCHEMA = pa.schema(
    [
        ("solution_id", pa.string()),
        ("step", pa.int32()),
        ("verdict", pa.string()),
        ("origin", pa.string()),
    ]
)
_COLUMNS = ("solution_id", "problem", "steps")


class NotADatasetError(ValueError):
    """The folder is not a data set this command can read; `path` and `reason` say why."""

    def __init__(self, path: Path, reason: str) -> None:
        self.path = path
        self.reason = reason
        super().__init__(path, reason)

    def __str__(self) -> str:
        return f"{self.path} is not a data set: {self.reason}"


class Solution(NamedTuple):
    """One row of the data set."""

    solution_id: str
    problem: str
    steps: list[str]


def read_solutions(dataset: Path) -> Iterator[Solution]:
    """Every solution of a data set, file by file in the order of their names."""
    files = sorted((dataset / "data").glob("*.parquet"))
    if not files:
        raise NotADatasetError(dataset, "it has no data/*.parquet")
    for path in files:
        try:
            file = pq.ParquetFile(path)
        except pa.ArrowInvalid as error:
            raise NotADatasetError(dataset, f"{path.name} is not Parquet ({error})") from error
        with file:
            missing = [name for name in _COLUMNS if name not in file.schema_arrow.names]
            if missing:
                raise NotADatasetError(dataset, f"{path.name} has no column {', '.join(missing)}")
            for batch in file.iter_batches(batch_size=4096, columns=list(_COLUMNS)):
                for row in batch.to_pylist():
                    yield _solution(row, dataset, path.name)


def _solution(row: dict[str, object], dataset: Path, name: str) -> Solution:
    steps = row["steps"]
    if not isinstance(steps, list):
        raise NotADatasetError(dataset, f"{name} has a solution without a list of steps")
    texts = [step.get("text") if isinstance(step, dict) else step for step in steps]
    if not all(isinstance(text, str) for text in texts):
        raise NotADatasetError(dataset, f"{name} has steps that are neither text nor have a text")
    return Solution(str(row["solution_id"]), str(row["problem"]), [str(text) for text in texts])


def write_truth(dataset: Path, output: Path) -> Counter[str]:
    """Write the verdicts; returns how many there are of each."""
    counts: Counter[str] = Counter()
    ids: list[str] = []
    indices: list[int] = []
    words: list[str] = []
    for solution in read_solutions(dataset):
        for index, verdict in enumerate(judge(solution.problem, solution.steps)):
            ids.append(solution.solution_id)
            indices.append(index)
            words.append(verdict.verdict)
            counts[verdict.verdict] += 1
    origin = ["oracle"] * len(ids)
    table = pa.table([ids, indices, words, origin], schema=SCHEMA)
    part = output.with_name(output.name + ".tmp")
    pq.write_table(table, part)
    part.replace(output)
    return counts


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="Write the truth about a data set's steps.")
    parser.add_argument("dataset", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    args = parser.parse_args()
    try:
        counts = write_truth(args.dataset, args.output)
    except NotADatasetError as error:
        sys.exit(f"error: {error}")
    print(
        f"{args.output}: {counts.total()} steps; "
        + ", ".join(f"{counts[word]} {word}" for word in ("correct", "incorrect", "unknown"))
    )


if __name__ == "__main__":
    main()
