"""How the labels table is written: so that another version of it costs few bytes to publish.

The Hub keeps chunks of some 64 KiB and takes only new ones, and a relabelled shard has the rows,
the texts and the hashes of the old one; only its numbers differ. So what labels do not change
stands first and the numbers last, in one run of columns (pipeline/schemas.py). A number has
`PLACES` binary places, one part in a thousand, and those below 1/64 have four significant bits:
more is noise of the fit, which does not compress. So few different numbers are, to Parquet, a
dictionary and some ten bits each. Neither byte-stream split nor content-defined pages make it less
(bench/push_bytes.py).

Guaranteed: equal tables give equal bytes; order and nulls stay. Digits are cut off, not rounded, so
a value is nearer to zero by less than 2**-10: chances do not add up to more than 1, none becomes
certain, and `value_low <= value <= value_high` holds as before. Eighths, as k = 8 rollouts give,
are exact. Evidence keeps its digits.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.files import write_table

PLACES = 10
BITS = 4  # significant ones, where these are finer


def write_labels(path: Path, labels: pa.Table) -> None:
    """A shard of the published table. Raises StorageError."""
    write_table(path, rounded(labels), use_dictionary=changing(labels.schema))


def changing(schema: pa.Schema) -> list[str]:
    """The columns that another policy's labels change, as Parquet names them."""
    fields = [schema.field(at) for at in range(schema.names.index("p_correct"), len(schema))]
    return [f.name + (".list.element" if pa.types.is_list(f.type) else "") for f in fields]


def rounded(labels: pa.Table) -> pa.Table:
    """The table with ten binary places in every double, and the rest cut off."""
    for at, field in enumerate(labels.schema):
        if _holds_doubles(field.type):
            column = labels.column(at)
            chunks = [_rounded(chunk) for chunk in column.chunks]
            labels = labels.set_column(at, field, pa.chunked_array(chunks, field.type))
    return labels


def _holds_doubles(kind: pa.DataType) -> bool:
    if pa.types.is_list(kind):
        kind = kind.value_type
    return bool(pa.types.is_float64(kind))


def _rounded(column: pa.Array) -> pa.Array:
    if not pa.types.is_list(column.type):
        return _round(column)
    if column.offset:
        column = pa.concat_arrays([column])  # Arrow takes no mask beside the offsets of a slice
    # `values` and offsets as they lie, so that null lists stay what they are.
    return pa.ListArray.from_arrays(
        column.offsets, _round(column.values), column.type, mask=_mask(column)
    )


def _mask(column: pa.Array) -> pa.Array | None:
    return pc.is_null(column) if column.null_count else None


def _round(values: pa.Array) -> pa.Array:
    found = values.to_numpy(zero_copy_only=False)  # null is NaN
    places = np.maximum(PLACES, BITS - np.frexp(found)[1])
    exact = np.ldexp(np.trunc(np.ldexp(found, places)), -places)
    return pa.array(exact, pa.float64(), mask=np.isnan(found))
