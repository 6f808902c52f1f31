"""Full speed: how full the engine is kept, what the client costs, two replicas, scale, and others.

    python -m bench.throughput [part …] [--out runs/bench-throughput] [--quick]

Each part prints a table and writes <out>/<part>.json; each row with a bar says whether it is met.
Runs go through the command line; ratios come from one run of the part. Nothing else should run on
the machine. Parts, all of them where none is named, and their minutes on two idle cores:

    cpu          5   processor time of client and graders for each completion; profiles (py-spy)
    stub        60   how full a stub server of 256 slots is kept, 5,000 problems, three searches
    replicas    15   two stub servers against one; prompt tokens computed by two vLLM servers
    scale       12   2,000 and 50,000 problems in process; memory; restarts
    vllm        25   tokens/s against a bare loop: a vLLM server, and the embedded engine
    distilabel  50   distilabel's MathShepherdCompleter on the same solutions, with faults too

`replicas` and `vllm` want vLLM in .venv-vllm (or STEPSMITH_VLLM_PYTHON), `distilabel` wants
.venv-distilabel (`make .venv-distilabel/ready`).

`--quick` is for seeing that a part works: its figures mean nothing.
"""

from __future__ import annotations

import argparse
import json
import shutil
from importlib import import_module
from pathlib import Path

from bench.throughput_table import print_table

PARTS = {
    "cpu": "processor time a completion",
    "stub": "stub server, 256 slots, 20 ms a token",
    "replicas": "two replicas",
    "scale": "many problems, in-process stub",
    "vllm": "a real vLLM server and the embedded engine, against a bare loop",
    "distilabel": "distilabel's MathShepherdCompleter on the same stub server",
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="part", help=", ".join(PARTS))
    parser.add_argument("--out", type=Path, default=Path("runs/bench-throughput"))
    parser.add_argument("--quick", action="store_true")
    arguments = parser.parse_args()
    unknown = [part for part in arguments.parts if part not in PARTS]
    if unknown:
        parser.error(f"unknown part {unknown[0]!r}; there are {', '.join(PARTS)}")
    met: list[bool] = []
    for part in arguments.parts or PARTS:
        out = arguments.out.resolve() / part
        shutil.rmtree(out, ignore_errors=True)
        rows, figures = import_module(f"bench.throughput_{part}").run_part(out, arguments.quick)
        written = {"quick": arguments.quick, "rows": [row.as_dict() for row in rows]} | figures
        (arguments.out / f"{part}.json").write_text(json.dumps(written, indent=1) + "\n")
        print_table(PARTS[part] + (" (quick: no figures)" if arguments.quick else ""), rows)
        met += [row.met for row in rows if row.met is not None]
    print(f"{sum(met)} of {len(met)} bars met")


if __name__ == "__main__":
    main()
