"""How fast is a dataset exported, in each format, and in how much memory? On synthetic labels.

    python -m bench.export [--solutions 1000000] [--formats trl pairs …] [--out runs/bench-export]

Makes the tables of bench/derive_tables.py (8 solutions a problem, of 10 steps in the mean), derives
view `hard`, and runs `stepsmith export --all` on it and on a tenth of it, each in a process of
its own with two writers, as users run it. Prints, and writes to <out>/export.json, for each format:
solutions a wall second from the start of the command to its table, processor seconds, solutions a
second if the writers' cores had nothing else to do (by processor seconds), and peak resident MiB of
both sizes and their ratio. Labels are made once and kept for the next run (`--remake` makes them
anew). A busy machine lengthens the wall seconds; the processor seconds it touches less.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import polars as pl

from bench.derive import high_water
from bench.derive_tables import DISTINCT, K, write_shard
from flows.evidence import shard_evidence
from flows.export import WRITERS, export_command
from flows.tables import print_table
from pipeline.files import remove_tree, write_table
from pipeline.folder import DatasetFolder
from pipeline.formats.catalogue import FORMATS
from pipeline.labels.derive import Provenance, derive
from pipeline.recipe import Labels, Questions

SHARD_PROBLEMS = 128
SMALLER = 10  # times
THREADS = ("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
# Solutions a second that must be reached.
BARS = dict.fromkeys(("trl", "math-shepherd", "rlhflow", "qwen-prm", "processbench"), 50_000)
BARS |= dict.fromkeys(("prm800k", "pairs"), 15_000)
GROWTH = 1.2  # of peak memory, at most, for ten times the solutions


def make_shard(root: Path, shard: str) -> int:
    """Number of solutions. Labels of view `hard`, and no other table."""
    tables = root / "tables" / shard
    number = write_shard(tables, shard, SHARD_PROBLEMS, 7)
    origin = DatasetFolder(tables)
    found = shard_evidence(origin, shard)
    provenance = Provenance("bench", "blank_line", "0123456789abcdef")
    tree = pl.read_parquet(origin.side("tree", shard))
    labels = derive(
        found.problems,
        found.solutions,
        found.evidence,
        Labels(view="hard"),
        Questions(),
        K,
        provenance,
        tree,
        None,
    )
    remove_tree(tables)
    write_table(DatasetFolder(root).published(shard), labels)
    return number


def make(root: Path, solutions: int, makers: int) -> None:
    shards = -(-solutions // (DISTINCT * SHARD_PROBLEMS))
    with ProcessPoolExecutor(makers, get_context("spawn")) as pool:
        made = [pool.submit(make_shard, root, f"00000-{n:05d}") for n in range(shards)]
        count = sum(future.result() for future in made)
    manifest = {"name": "bench", "solutions": count, "policy": {"revision": "bench"}}
    DatasetFolder(root).manifest.write_text(json.dumps(manifest))


def smaller(root: Path, out: Path) -> None:
    """The first tenth of the shards, as links."""
    shards = DatasetFolder(root).shards()
    for shard in shards[: -(-len(shards) // SMALLER)]:
        target = DatasetFolder(out).published(shard)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.hardlink_to(DatasetFolder(root).published(shard))
    shutil.copy(DatasetFolder(root).manifest, DatasetFolder(out).manifest)


def export_once(root: Path, name: str, out: Path) -> dict[str, Any]:
    """In this process."""
    started, worked = time.monotonic(), time.process_time()
    export_command(root, name, out, every=True, jsonl=False, options=[])
    seconds, worked = time.monotonic() - started, time.process_time() - worked
    facts = json.loads((out / "export.json").read_text())
    return {
        "seconds": seconds,
        "processor_seconds": worked,
        "solutions": facts["counts"]["read"],
        "rows": facts["counts"]["written"],
        "left_out": facts["counts"]["left_out"],
        "peak_mib": high_water() / 2**20,
        "output_mib": sum(f.stat().st_size for f in (out / "data").iterdir()) / 2**20,
    }


def measured(root: Path, name: str, out: Path) -> dict[str, Any]:
    """In a process of its own, whose threads are those of the export alone."""
    command = [sys.executable, "-m", "bench.export", "--child", str(root), name, str(out)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    found: dict[str, Any] = json.loads((out / "measured.json").read_text())
    shutil.rmtree(out)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--solutions", type=int, default=1_000_000)
    parser.add_argument(
        "--formats",
        nargs="+",
        default=[name for name in FORMATS if FORMATS[name].table == "labels"],
    )
    parser.add_argument("--remake", action="store_true", help="the labels")
    parser.add_argument("--makers", type=int, default=2, help="processes that make them")
    parser.add_argument("--out", type=Path, default=Path("runs/bench-export"))
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        root, name, out = arguments.child
        found = export_once(Path(root), name, Path(out))
        (Path(out) / "measured.json").write_text(json.dumps(found))
        return
    os.environ |= dict.fromkeys(THREADS, "1")  # for the processes that make labels
    top: Path = arguments.out
    large, small = top / f"labels-{arguments.solutions}", top / "smaller"
    if arguments.remake or not (large / "manifest.json").exists():
        shutil.rmtree(large, ignore_errors=True)
        make(large, arguments.solutions, arguments.makers)
    shutil.rmtree(small, ignore_errors=True)
    smaller(large, small)
    rows = {}
    for name in arguments.formats:
        target = top / "export"
        shutil.rmtree(target, ignore_errors=True)
        rows[name] = {
            "small": measured(small, name, target),
            "large": measured(large, name, target),
        }
        (top / "export.json").write_text(json.dumps(rows, indent=2) + "\n")
    print_table(
        f"{rows[arguments.formats[0]]['large']['solutions']:,} solutions",
        ("format", "per s", "must", "cpu s", "by cpu", "peak", "of 1/10", "ratio", ""),
        [_line(name, found["small"], found["large"]) for name, found in rows.items()],
    )


def _line(name: str, small: dict[str, Any], large: dict[str, Any]) -> list[str]:
    speed = large["solutions"] / large["seconds"]
    ratio = large["peak_mib"] / small["peak_mib"]
    fine = speed >= BARS.get(name, 0) and ratio <= GROWTH
    return [
        name,
        f"{speed:,.0f}",
        f"{BARS[name]:,}" if name in BARS else "–",
        f"{large['processor_seconds']:.1f}",
        f"{large['solutions'] / large['processor_seconds'] * WRITERS:,.0f}",
        f"{large['peak_mib']:,.0f}",
        f"{small['peak_mib']:,.0f}",
        f"{ratio:.2f}",
        "" if fine else "missed",
    ]


if __name__ == "__main__":
    main()
