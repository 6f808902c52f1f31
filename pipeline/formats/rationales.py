"""Verification rationales: a solution, and a critique with a verdict on each step.

Guarantees: every verdict equals the dataset's own hard label, up to and including the first error,
where verdicts end. The critique stands as the judge wrote it; verdict lines and the place of the
first error, in ProcessBench's way, are added behind it. Not guaranteed: that its words are sound.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from pipeline.formats.agreement import disagree
from pipeline.formats.format import Column, Format, Options, Projection
from pipeline.formats.rows import Rows, glued, is_empty, joined, lengths_of, sift, trimmed
from pipeline.formats.shared import IDS
from pipeline.labels.layout import Ints, Layout

_ASK = (
    "Check the solution paragraph by paragraph, and end with the number of the first wrong "
    "paragraph in \\boxed{}; \\boxed{-1} if there is none."
)


def project(rows: Rows, options: Options) -> Projection:
    """{"prompt": "Problem:\\nAdd 2 and 3.\\n\\nSolution:\\n<paragraph_0>\\n2 + 3 = 6.\\n…",
    "completion": "2 + 3 is 5, not 6.\\n\\nParagraph 0: incorrect\\n\\n\\\\boxed{0}", …}"""
    critique = trimmed(rows.column("critique")).fill_null("")
    kept, left_out = sift(
        len(rows),
        ("not_kept", rows.not_kept),
        ("no_problem", rows.no_problem),
        ("labels_disagree", disagree(rows)),
        ("no_critique", is_empty(critique)),
    )
    cut = rows.cut(kept, rows.layout.lengths)
    numbers = _numbers(cut.layout.position)
    tagged = glued(
        "<paragraph_", numbers, ">\n", trimmed(cut.steps), "\n</paragraph_", numbers, ">"
    )
    shown = joined(cut.layout, tagged, "\n\n")
    verdicts = cut.column("verdicts")
    said = Layout.of_lengths(lengths_of(verdicts))
    word = pc.if_else(pc.equal(pc.list_flatten(verdicts), 1), "correct", "incorrect")
    lines = joined(said, glued("Paragraph ", _numbers(said.position), ": ", word), "\n")
    place = cut.column("first_error").cast(pa.string())
    columns = {
        "prompt": glued(
            "Problem:\n", cut.column("problem"), "\n\nSolution:\n", shown, "\n\n", _ASK
        ),
        "completion": glued(
            critique.take(pa.array(kept)), "\n\n", lines, "\n\n\\boxed{", place, "}"
        ),
        "verdicts": verdicts,
        "first_error": cut.column("first_error"),
        **{name: cut.column(name) for name in ("annotator", "source", "mode", "draw")},
        **cut.ids(),
    }
    return Projection(pa.table(columns, RATIONALES.schema), left_out)


def _numbers(position: Ints) -> pa.Array:
    return pa.array(position).cast(pa.string())


RATIONALES = Format(
    name="rationales",
    consumer="fine-tuning of generative verifiers (ThinkPRM, GenPRM)",
    shape="`prompt` (problem, numbered paragraphs), `completion` (critique, verdicts)",
    lost="everything but calls of judges that agree with every label",
    columns=(
        Column("prompt", pa.string(), "the problem, the numbered steps, and what is asked"),
        Column("completion", pa.string(), "critique, a verdict a paragraph, the first error"),
        Column("verdicts", pa.list_(pa.int8()), "1, and 0 for the first error, where they end"),
        Column("first_error", pa.int32(), "-1 for none"),
        Column("annotator", pa.string(), "the judge"),
        Column("source", pa.string(), "as in evidence"),
        Column("mode", pa.string(), "how the judge was asked"),
        Column("draw", pa.int32(), "which of its calls"),
        *IDS,
    ),
    reads=(
        "solution_id", "problem_id", "annotator", "source", "mode", "draw", "problem", "steps",
        "critique", "verdicts", "first_error",
    ),
    project=project,
    table="rationales",
)  # fmt: skip
