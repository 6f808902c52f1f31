"""All annotators that read text, on real and on planted text: what they flag, and how fast.

    python -m bench.verifiers [--data ../shared/data] [--out runs/bench-verifiers]
                              [--audit docs/verifiers-audit.jsonl] [--problems 400]

Real text: GSM8K gold solutions and PRM800K completions (human ratings), GSM8K solutions of models.
Every flag goes to <out>/flags.jsonl, with the text that a reader needs and without what is known
of it; `--audit` holds what a reader said of each ({"id", "verdict": "true" | "false" | "open"}).
Precision counts flags (one annotator, one step), the same text once; planted text stands apart.
Texts are checked as runs check them: in two limited workers; speed is of the clock.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from annotators.checkers import CHECKERS
from bench.verifier_flags import Flag, flags_of
from bench.verifier_tables import judged_steps, planted_rows, precision_rows, rate_rows, reached
from bench.verifier_texts import (
    GOLD,
    RATED,
    SAMPLED,
    Text,
    changed_answers,
    changed_equations,
    changed_formulas,
    gold,
    planted_chains,
    rated,
    read_rows,
    sampled,
)
from pipeline.workers import CheckerPool

WORKERS = 2
WIDTH = 150  # where the output is no terminal


def check_all(
    texts: Sequence[Text], pool: CheckerPool, console: Console
) -> tuple[list[Flag], dict[str, float]]:
    """Flags of every annotator, and the seconds of each."""
    flags, seconds = [], {}
    for name in CHECKERS:
        found, seconds[name] = flags_of(name, texts, pool)
        flags += found
        console.print(f"  {name}: {len(found)} flags, {seconds[name]:.1f} s")
    return flags, seconds


def show(console: Console, title: str, rows: Sequence[Mapping[str, Any]]) -> None:
    table = Table(title=title)
    for name in rows[0]:
        table.add_column(name, justify="left" if isinstance(rows[0][name], str) else "right")
    for row in rows:
        table.add_row(*(_cell(name, value) for name, value in row.items()))
    console.print(table)


def _cell(name: str, value: Any) -> str:
    if value is None:
        return "-"
    if name == "share":
        return f"{value:.3%}"
    if isinstance(value, float):
        return f"{value:.3f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path, default=Path("runs/bench-verifiers"))
    parser.add_argument("--audit", type=Path, default=Path("docs/verifiers-audit.jsonl"))
    parser.add_argument("--problems", type=int, default=400, help="chains problems of each split")
    arguments = parser.parse_args()
    data, console = arguments.data, Console()
    if not console.is_terminal:
        console.width = WIDTH
    audit = {}
    if arguments.audit.exists():
        audit = {row["id"]: row["verdict"] for row in read_rows(arguments.audit)}
    texts = {GOLD: list(gold(data)), SAMPLED: list(sampled(data)), RATED: list(rated(data))}
    planted = [
        *planted_chains("train", arguments.problems),
        *planted_chains("heldout", arguments.problems),
        *changed_equations(data),
        *changed_answers(data),
        *changed_formulas(data),
    ]
    flags, speed = [], {}
    with CheckerPool(WORKERS, preload=["annotators.checkers"]) as pool:
        for name, part in texts.items():
            console.print(name)
            found, seconds = check_all(part, pool, console)
            flags += found
            if name == GOLD:
                steps = judged_steps(part)
                speed = {one: steps / took for one, took in seconds.items()}
                speed["all"] = steps / sum(seconds.values())
        console.print("planted")
        on_planted, _ = check_all(planted, pool, console)
    found = {
        "rates": list(rate_rows(texts, flags)),
        "precision": list(precision_rows(flags, audit)),
        "planted": list(planted_rows(planted, on_planted)),
        "steps_per_second": speed,
    }
    show(console, "Real text", found["rates"])
    show(console, "Precision, by a reader; raw: by the ratings of PRM800K", found["precision"])
    show(console, "Planted errors", found["planted"])
    show(
        console,
        f"GSM8K gold steps a second, {WORKERS} workers",
        [{"annotator": name, "steps/s": round(value)} for name, value in speed.items()],
    )
    bars = list(reached(found))
    for text, held in bars:
        console.print(f"{'reached' if held else 'NOT REACHED'}: {text}")
    arguments.out.mkdir(parents=True, exist_ok=True)
    with (arguments.out / "flags.jsonl").open("w", encoding="utf-8") as file:
        for flag in {flag.id: flag for flag in flags}.values():
            file.write(json.dumps(flag.row(), ensure_ascii=False) + "\n")
    whole = {**found, "must_reach": dict(bars)}
    (arguments.out / "verifiers.json").write_text(json.dumps(whole, indent=1) + "\n")


if __name__ == "__main__":
    main()
