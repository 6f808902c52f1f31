"""distilabel's Math-Shepherd completer over rows of a file. Runs in .venv-distilabel, imports no
code of ours.

    .venv-distilabel/bin/python bench/distilabel_completer.py ROWS.jsonl OUT.json --url URL --n 8

ROWS: {"instruction", "solutions": [[steps]], "golden_solution": [steps]}. OUT: the rows it gave,
and the seconds that its pipeline took, imports left out. Settings are distilabel's defaults, but
for the room for N solutions in an answer and the batch (`--batch`; 50 is the default).
"""

from __future__ import annotations

import argparse
import json
import time
from importlib.metadata import version
from pathlib import Path

from distilabel.models import OpenAILLM
from distilabel.pipeline import Pipeline
from distilabel.steps import LoadDataFromDicts
from distilabel.steps.tasks import MathShepherdCompleter


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--url", required=True)
    parser.add_argument("--n", type=int, default=8)
    parser.add_argument("--batch", type=int, default=50)
    arguments = parser.parse_args()
    rows = [json.loads(line) for line in arguments.rows.read_text().splitlines()]
    started = time.monotonic()
    with Pipeline(name="completer", cache_dir=arguments.out.parent / "cache") as pipeline:
        load = LoadDataFromDicts(data=rows, batch_size=arguments.batch)
        llm = OpenAILLM(
            model="toy",
            base_url=arguments.url,
            api_key="none",
            generation_kwargs={"max_new_tokens": 4096},
        )
        complete = MathShepherdCompleter(llm=llm, N=arguments.n, input_batch_size=arguments.batch)
        load >> complete
    found = pipeline.run(use_cache=False)
    seconds = time.monotonic() - started
    given = [dict(row) for row in found["default"]["train"]]
    kept = [{key: row[key] for key in ("instruction", "solutions")} for row in given]
    arguments.out.write_text(
        json.dumps({"version": version("distilabel"), "seconds": seconds, "rows": kept})
    )


if __name__ == "__main__":
    main()
