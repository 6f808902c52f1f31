"""How often would a prefix that is sent as text have been other tokens than the policy wrote?

    python -m bench.retokenised DATASET --tokenizer data/policies/large/tokenizer.json

A rollout continues from the very token ids of its solution. An engine that takes text alone encodes
prompt and prefix anew: a policy may have written "12" as "1", "2", and the end of the prefix may
merge with what stands before it. Counted over all prefixes m = 1 .. T-1 of all solutions with ids:
those whose text encodes to other ids; those among them that differ before the last token; and those
of which a boundary lies inside a token, where the prefix is cut at the next token end.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from flows.tables import print_rows
from pipeline.engines.tokens import char_ends
from pipeline.folder import DatasetFolder
from pipeline.prompt import load_prompt


def measure(folder: DatasetFolder, tokenizer: Tokenizer) -> dict[str, int]:
    manifest = folder.read_manifest() or {}
    template = load_prompt(manifest["recipe"]["policy"]["prompt"])
    texts = {row["problem_id"]: row["text"] for row in folder.side_table("problems").to_dicts()}
    counts = dict.fromkeys(("solutions", "prefixes", "other", "early", "inside"), 0)
    for row in folder.side_table("solutions").to_dicts():
        if row["token_ids"] is None:
            continue
        counts["solutions"] += 1
        prompt = template.render(texts[row["problem_id"]])
        for name, count in _of_solution(row, prompt, tokenizer).items():
            counts[name] += count
    return counts


def _of_solution(row: dict[str, Any], prompt: str, tokenizer: Tokenizer) -> dict[str, int]:
    found = dict.fromkeys(("prefixes", "other", "early", "inside"), 0)
    given = _encode(tokenizer, prompt)
    ends = char_ends(tokenizer, tuple(row["token_ids"]))
    for step in row["steps"][:-1]:
        kept = step["token_end"]
        if kept is None:
            continue
        ids = [*given, *row["token_ids"][:kept]]
        again = _encode(tokenizer, prompt + row["text"][: ends[kept - 1]])
        found["prefixes"] += 1
        found["other"] += again != ids
        found["early"] += again[: len(ids) - 1] != ids[:-1]
        found["inside"] += ends[kept - 1] != step["end"]
    return found


def _encode(tokenizer: Tokenizer, text: str) -> list[int]:
    return list(tokenizer.encode(text, add_special_tokens=False).ids)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--tokenizer", type=Path, required=True)
    arguments = parser.parse_args()
    tokenizer = Tokenizer.from_file(str(arguments.tokenizer))
    counts = measure(DatasetFolder(arguments.dataset).need_dataset(), tokenizer)
    prefixes = max(counts["prefixes"], 1)

    def share(name: str) -> str:
        return f"{counts[name]:,} ({counts[name] / prefixes:.2%})"

    print_rows(
        f"{arguments.dataset}: prefixes sent as text",
        [
            ("solutions with token ids", f"{counts['solutions']:,}"),
            ("prefixes", f"{counts['prefixes']:,}"),
            ("  other tokens than were written", share("other")),
            ("  of these before the last token", share("early")),
            ("  cut inside a token by the step's end", share("inside")),
        ],
    )


if __name__ == "__main__":
    main()
