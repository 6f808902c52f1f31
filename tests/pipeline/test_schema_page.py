"""docs/schema.md: its rows are rows of the tables as they are."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pyarrow as pa
import pytest

from pipeline import schemas

PAGE = (Path(__file__).parents[2] / "docs" / "schema.md").read_text(encoding="utf-8")
ROWS = dict(re.findall(r"### (\w+)\n\n```json\n(.*?)\n```", PAGE, re.S))
TABLES = (
    "labels", "problems", "solutions", "questions", "rollouts", "tree", "evidence", "truth",
    "judgements", "rationales",
)  # fmt: skip


@pytest.mark.parametrize("table", TABLES)
def test_each_table_has_a_row_with_its_columns_in_their_order(table: str) -> None:
    schema = getattr(schemas, table.upper())
    row = json.loads(ROWS[table])
    assert list(row) == schema.names
    assert pa.Table.from_pylist([row], schema=schema).num_rows == 1


def test_every_column_of_the_labels_is_explained() -> None:
    table = PAGE.partition("## labels")[2].partition("## The others")[0]
    explained = set(re.findall(r"\w+", "\n".join(re.findall(r"^\| ([^|]*) \|", table, re.M))))
    assert set(schemas.LABELS.names) <= explained
