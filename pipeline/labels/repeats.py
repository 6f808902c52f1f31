"""Steps that say what an earlier step of their solution said.

Clip & Delta (arXiv 2410.15115) found that a policy earns reward by repeating correct
and unnecessary steps; this flag lets a user take that reward away.

Guarantees: a step is repeated when an earlier step of the same solution has the same text, up to
case, blanks and the punctuation that ends it; the first of them is not. Linear in the text. A
step without a letter or a digit is filler ("---", "\\]"), and filler is never repeated. Does not
see a paraphrase, or a list's new number before the same words; lower case is Unicode's, which
tells "ß" from "ss". "!" does not count as an end: 5! is no 5.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pyarrow.compute as pc

from pipeline.labels.layout import Bools, Layout

# Unicode's White_Space, which is what \s means to polars.
BLANKS = " \t\n\v\f\r\x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(
    map(chr, range(0x2000, 0x200B))
)
ENDS = BLANKS + ".,;:?…。，；：？、"


def repeated(texts: Any, layout: Layout) -> Bools:
    """For each step of the flat Arrow array `texts`."""
    plain = normalised(texts)
    # Equal steps of a solution have equal keys; the few steps that share one are compared in full.
    key = plain.hash().to_numpy() ^ (layout.row.astype(np.uint64) << np.uint64(32))
    steps = np.flatnonzero(pl.Series(key).is_duplicated().to_numpy())
    rows = pl.DataFrame({"row": layout.row[steps], "text": plain[steps]})
    again = rows.select(
        ~pl.struct("row", "text").is_first_distinct() & pl.col("text").str.contains(r"[\p{L}\p{N}]")
    ).to_series()
    flags = np.zeros(layout.num_steps, dtype=np.bool_)
    flags[steps] = again.fill_null(False).to_numpy()
    return flags


def normalised(texts: Any) -> pl.Series:
    """Lower case, one blank for a run of blanks, none at the ends, no punctuation at the end."""
    plain = pl.Series(pc.ascii_lower(texts), dtype=pl.String)
    plain = plain.str.strip_chars_end(ENDS).str.strip_chars_start()
    # Most steps are one line of ASCII with single blanks by now: it is much cheaper to find the
    # others than to rewrite all.
    odd = (
        plain.str.contains(r"(?-u)[\t-\r]")
        | plain.str.contains("  ", literal=True)
        | (plain.str.len_bytes() != plain.str.len_chars())
    ).arg_true()
    # Every run of blanks but the single space, which is one already: four times as fast as \s+.
    rewritten = plain.gather(odd).str.to_lowercase().str.replace_all(r"\s{2,}|[\s--\x20]", " ")
    return plain.scatter(odd, rewritten)
