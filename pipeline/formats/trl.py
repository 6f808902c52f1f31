"""TRL's PRMTrainer and axolotl's `stepwise_supervised`.

Guarantees: `labels` are booleans, never null and never soft (the trainers call `int(label)`, which
makes 0 of 0.875); completions are the pieces as they are, so joined they are the beginning of the
solution's text.
"""

from __future__ import annotations

import pyarrow as pa

from pipeline.formats.format import Column, Format, Options, Projection
from pipeline.formats.rows import Rows
from pipeline.formats.shared import IDS, IDS_AND_SCORES, PROMPT, SCORES, labelled, prompts


def project(rows: Rows, options: Options) -> Projection:
    """{"prompt": "Add 2 and 3.\\n", "completions": ["2 + 3 = 5.\\n\\n", "So 6."], "labels": [true,
    false], "p_correct": [0.98, 0.04], "value": [0.9, 0.0], "solution_id": "9f0c…", …}"""
    cut, left_out = labelled(rows, ("empty_step", rows.any_step(rows.empty_step, rows.labelled)))
    columns = {
        "prompt": prompts(cut.column("problem"), options["prompt"]),
        "completions": cut.lists(cut.steps),
        "labels": cut.lists(pa.array(cut.labels == 1)),
        **cut.scores(),
        **cut.ids(),
    }
    return Projection(pa.table(columns, TRL.schema), left_out)


TRL = Format(
    name="trl",
    consumer="TRL `PRMTrainer` (1.4), axolotl `stepwise_supervised`",
    shape="`prompt`, `completions`, `labels` (booleans)",
    lost="steps from the first without a hard label on; intervals, counts, verdicts",
    note='Completions end in their own line breaks: train with `PRMConfig(step_separator="")`, '
    "which puts the label on a step's last token. Axolotl adds a line break of its own.",
    columns=(
        Column("prompt", pa.string(), "the problem, by option `prompt`"),
        Column("completions", pa.list_(pa.string()), "steps, with the blanks that end them"),
        Column("labels", pa.list_(pa.bool_()), "whether each is right"),
        *SCORES,
        *IDS,
    ),
    reads=("problem", "steps", "label", "keep", *IDS_AND_SCORES),
    project=project,
    options=PROMPT,
)
