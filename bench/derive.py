"""How long does it take to fuse the evidence and derive every view? On synthetic tables.

    python -m bench.derive [--solutions 100000] [--shards 64 1024] [--out runs/bench-derive]

Makes the tables of bench/derive_tables.py in shards of so many problems (8 solutions each, of 10
steps in the mean), fits the posterior on some of them, and derives all views of all shards in two
processes, from Parquet to Parquet as `stepsmith derive` does; once for each size of shard. Prints,
and writes to <out>/derive.json, for each size: wall seconds; processor seconds of both workers, by
view and in all, and what they come to for 1,000,000 solutions (an extrapolation unless that many
were derived); the high-water marks of all processes, summed, which is at least their peak together.
The first view's seconds hold what all of them share. A busy machine lengthens the wall seconds; the
processor seconds it touches less.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import time
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa

from bench.derive_tables import DISTINCT, K, write_shard
from flows.evidence import evidence_of, shard_evidence
from flows.tables import print_rows
from pipeline.files import write_table
from pipeline.folder import DatasetFolder
from pipeline.labels.derive import Provenance, derive_views
from pipeline.labels.views import VIEWS
from pipeline.posterior.fusion import Fusion
from pipeline.recipe import Labels, Questions

WORKERS = 2
# One core a worker: nothing inside may start threads of its own.
THREADS = ("POLARS_MAX_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
MILLION = 1_000_000
Seconds = defaultdict[str, float]  # of a processor, by what they went into


def derive_shard(root: Path, out: Path, shard: str, raw: dict[str, Any]) -> tuple[Seconds, int]:
    """Processor seconds by what they went into, and the high-water mark of this process."""
    pa.set_cpu_count(1)
    origin, fusion = DatasetFolder(root), Fusion.from_dict(raw)
    seconds: Seconds = defaultdict(float)
    started = time.process_time()
    tables = shard_evidence(origin, shard)
    tree = pl.read_parquet(origin.side("tree", shard))
    seconds["read"] = time.process_time() - started
    views = derive_views(
        tables.problems,
        tables.solutions,
        tables.evidence,
        [Labels.model_validate({"view": view}) for view in VIEWS],
        Questions(),
        K,
        Provenance("bench", "blank_line", "0123456789abcdef"),
        tree,
        fusion,
    )
    for view in VIEWS:
        started = time.process_time()
        labels = next(views)
        derived = time.process_time()
        write_table(DatasetFolder(out / view).published(shard), labels)
        seconds[view] = derived - started
        seconds["write"] += time.process_time() - derived
    return seconds, high_water()


def high_water() -> int:
    """Bytes of this process."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


def measure(solutions: int, problems: int, out: Path, keep: bool) -> dict[str, Any]:
    """In shards of so many problems."""
    root, labels = out / f"tables-{problems}", out / f"labels-{problems}"
    shards = [f"00000-{n:05d}" for n in range(-(-solutions // (DISTINCT * problems)))]
    context = get_context("spawn")
    with ProcessPoolExecutor(WORKERS, context) as pool:
        made = [pool.submit(write_shard, root, shard, problems, 7) for shard in shards]
        count = sum(future.result() for future in made)
    started = time.process_time()
    raw = evidence_of(DatasetFolder(root)).learn(Questions()).as_dict()
    fitting = time.process_time() - started
    seconds: Seconds = defaultdict(float)
    marks: dict[int, int] = {}
    started_wall, own = time.monotonic(), time.process_time()
    with ProcessPoolExecutor(WORKERS, context) as pool:
        done = [pool.submit(_derive, root, labels, shard, raw) for shard in shards]
        for future in done:
            worker, part, mark = future.result()
            for name, spent in part.items():
                seconds[name] += spent
            marks[worker] = max(marks.get(worker, 0), mark)
    wall = time.monotonic() - started_wall
    size = sum(file.stat().st_size for file in labels.rglob("*.parquet"))
    for folder in (root, labels):
        if not keep:
            shutil.rmtree(folder)
    return {
        "shard_problems": problems,
        "shards": len(shards),
        "solutions": count,
        "wall_seconds": wall,
        "processor_seconds": sum(seconds.values()) + time.process_time() - own,
        "by_part": dict(seconds),
        "fit_seconds": fitting,
        "peak_mib": (sum(marks.values()) + high_water()) / 2**20,
        "worker_peak_mib": max(marks.values()) / 2**20,
        "output_mib": size / 2**20,
    }


def _derive(root: Path, out: Path, shard: str, raw: dict[str, Any]) -> tuple[int, Seconds, int]:
    return os.getpid(), *derive_shard(root, out, shard, raw)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--solutions", type=int, default=100_000)
    parser.add_argument("--shards", type=int, nargs="+", default=[64, 1024], help="problems each")
    parser.add_argument("--keep", action="store_true", help="the tables and labels")
    parser.add_argument("--out", type=Path, default=Path("runs/bench-derive"))
    arguments = parser.parse_args()
    out: Path = arguments.out
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    os.environ |= dict.fromkeys(THREADS, "1")  # for the workers, which start afresh
    rows = []
    for problems in arguments.shards:
        row = measure(arguments.solutions, problems, out, arguments.keep)
        rows.append(row)
        (out / "derive.json").write_text(json.dumps(rows, indent=2) + "\n")
        scale = MILLION / row["solutions"]
        print_rows(
            f"{row['solutions']:,} solutions in {row['shards']:,} shards of {problems:,} problems",
            [
                ("wall seconds", f"{row['wall_seconds']:.1f}"),
                ("processor seconds", f"{row['processor_seconds']:.1f}"),
                *((f"  {name}", f"{spent:.1f}") for name, spent in row["by_part"].items()),
                ("wall seconds for 1,000,000", f"{row['wall_seconds'] * scale:.0f}"),
                (
                    "  on two idle cores, by processor seconds",
                    f"{row['processor_seconds'] * scale / WORKERS:.0f}",
                ),
                ("peak memory, all processes, MiB", f"{row['peak_mib']:.0f}"),
                ("  of one worker", f"{row['worker_peak_mib']:.0f}"),
                ("written, MiB", f"{row['output_mib']:.0f}"),
                ("fitting before, processor seconds", f"{row['fit_seconds']:.1f}"),
            ],
        )


if __name__ == "__main__":
    main()
