"""README.md of an export: what it is, what its columns mean, what it was made of, what it left out.

Its YAML is what `datasets.load_dataset` reads: where the rows are, and of which types. The types of
JSON lines it would guess by the first file, and where a column is null there, refuse the values of
the next.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa

from pipeline.formats.write import Export, Written


def readme(export: Export, facts: Mapping[str, Any], written: Written) -> str:
    """`facts` of the dataset: its name, version, and columns that say how it was made. Equal
    datasets give equal texts."""
    wanted = export.format
    kind = "jsonl" if export.jsonl else "parquet"
    lines = [
        "---",
        "configs:",
        "- config_name: default",
        "  data_files:",
        "  - split: train",
        f"    path: data/train-*.{kind}",
        "dataset_info:",
        "  features:",
        *_features(wanted.schema, "  "),
        "tags:",
        "- process-reward-model",
        "- stepsmith",
        "---",
        "",
        f"# {facts['name']}, as {wanted.name}",
        "",
        f"For {wanted.consumer}. A row: {wanted.shape}.",
        "",
        *([wanted.note, ""] if wanted.note else []),
        "| column | meaning |",
        "|---|---|",
        *(f"| {column.name} | {column.meaning} |" for column in wanted.columns),
        "",
        f"What the dataset holds and this does not: {wanted.lost}.",
        "",
        "| made of | |",
        "|---|---|",
        *(f"| {name} | {_code(facts[key])} |" for key, name in _FACTS.items()),
        *(
            f"| option {name}: {wanted.options[name].meaning} | {_code(value)} |"
            for name, value in export.used().items()
        ),
        f"| rows that are not kept | {'exported too' if export.every else 'left out'} |",
        "",
        "| | rows |",
        "|---|---|",
        f"| {wanted.table} read | {written.read:,} |",
        *(f"| left out: {_words(why)} | {n:,} |" for why, n in written.left_out.items()),
        f"| written | {written.rows:,} |",
        "",
    ]
    return "\n".join(lines)


_FACTS = {
    "name": "dataset",
    "version": "version (a hash of the bytes of its shards)",
    "recipe_hash": "recipe",
    "policy": "policy",
    "prover": "prover",
    "view": "view",
    "after_error": "labels after the first error",
    "schema_version": "schema",
}


def _features(fields: Iterable[pa.Field], indent: str) -> list[str]:
    """Lines of YAML, as `datasets.Features` writes them; that is slow to import."""
    return [
        line
        for field in fields
        for line in (f"{indent}- name: {field.name}", *_feature(field.type, f"{indent}  "))
    ]


def _feature(kind: pa.DataType, indent: str) -> list[str]:
    key = "dtype"
    if pa.types.is_list(kind):
        key, kind = "list", kind.value_type
    if not pa.types.is_struct(kind):
        return [f"{indent}{key}: {_DTYPES.get(str(kind), kind)}"]
    return [f"{indent}{key if key == 'list' else 'struct'}:", *_features(kind.fields, indent)]


_DTYPES = {"double": "float64"}  # the others are called as Arrow calls them


def _code(value: object) -> str:
    if value in (None, ""):
        return "–"
    text = str(value).replace("\n", "\\n").replace("|", "\\|").replace("`", "'")
    return f"`{text}`"


def _words(reason: str) -> str:
    return reason.replace("_", " ")
