"""How large and how fast an index of evaluation n-grams is: `python -m bench.contamination`.

Texts are made up from 5,000 words by Zipf's law, 60 words each, which is about a problem of GSM8K;
the n-grams of real texts repeat more, so this is the larger case. Prints a table and writes JSON.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from pathlib import Path

import numpy as np

from pipeline.contamination.index import Index
from pipeline.contamination.words import words

WORDS = 60


def texts(count: int, seed: int) -> list[str]:
    dice = np.random.default_rng(seed)
    names = np.array(
        [f"w{chr(97 + n % 26)}{'abcdefghij'[n // 26 % 10]}{'x' * (n // 260)}" for n in range(5_000)]
    )
    chance = 1 / np.arange(1, 5_001)
    drawn = dice.choice(names, size=(count, WORDS), p=chance / chance.sum())
    return [" ".join(row) for row in drawn]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--ngrams", type=int, default=1_000_000)
    parser.add_argument("--problems", type=int, default=10_000)
    parser.add_argument("--out", type=Path, default=Path("runs/contamination.json"))
    args = parser.parse_args()
    rows = texts(args.ngrams // (WORDS - 12), 0)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.process_time()
    split = [words(row) for row in rows]
    read = time.process_time() - started
    index = Index(split)
    built = time.process_time() - started - read
    problems = texts(args.problems, 1)
    half = args.problems // 2
    problems[half:] = [rows[n % len(rows)] + " and what then" for n in range(args.problems - half)]
    started = time.process_time()
    hits = [index.find(words(problem)) for problem in problems]
    looked = time.process_time() - started
    found = {
        "rows": len(rows),
        "ngrams": len(index),
        "megabytes": round(index.nbytes / 1e6, 1),
        "peak_megabytes_more": round(
            (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024, 1
        ),
        "seconds_words": round(read, 2),
        "seconds_index": round(built, 2),
        "problems_a_second": round(args.problems / looked),
        "hits_of_planted": sum(hit is not None for hit in hits[half:]) / (args.problems - half),
        "hits_of_others": sum(hit is not None for hit in hits[:half]) / half,
    }
    for name, value in found.items():
        print(f"| {name.replace('_', ' ')} | {value:,} |")
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
