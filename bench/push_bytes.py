"""How many bytes another version of a dataset sends to the Hub: python -m bench.push_bytes OLD NEW

Both versions are really pushed, to a Hub on loopback; the chunks of what it holds afterwards are
counted by Xet's rule (bench/chunks.py). Without NEW the same evidence is labelled by another fit of
the posterior, which changes every number of every row and no text: what a relabelling does to
`data/`, but for the rollouts that it buys, which are new bytes wherever they are.

The bundled worlds' steps are short (90 characters), so that numbers are half of their bytes.
`--characters N` makes a copy whose steps have N more, as a language model's have, in one shard of
the size that 64 problems give. `--layouts` writes the labels in other ways too.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pyarrow.parquet as pq
from huggingface_hub import HfApi, constants
from huggingface_hub.utils.tqdm import disable_progress_bars

from bench.chunks import Store
from bench.push_layouts import layouts, like_a_models
from flows.derive import derivation, run_derivation
from flows.evidence import evidence_of
from pipeline.files import write_table
from pipeline.folder import DatasetFolder
from pipeline.hub.content import build
from pipeline.hub.push import Push, Pushed, Target
from pipeline.hub.repository import Repository
from tests.hub.local_hub import LocalHub

NAME = "bench/steps"
Table = dict[str, tuple[int, int]]


def versions(old: DatasetFolder, place: Path) -> tuple[DatasetFolder, DatasetFolder]:
    """Labels by the dataset's own fit, and by one that was learnt from every other problem."""
    plan = derivation(old, "posterior", [])
    evidence = evidence_of(old)
    if plan.fusion is None:
        plan = replace(plan, fusion=evidence.learn(plan.questions))
    other = evidence.of(evidence.problems["problem_id"][::2]).learn(plan.questions)
    found = DatasetFolder(place / "own"), DatasetFolder(place / "other")
    run_derivation(plan, old, found[0])
    run_derivation(replace(plan, fusion=other), old, found[1])
    return found


def push(hub: LocalHub, folder: DatasetFolder) -> Pushed:
    with tempfile.TemporaryDirectory() as place:
        content = build(folder, Path(place, "dataset"), NAME)
        api = HfApi(endpoint=hub.url, token=hub.token)
        return Push(content, Repository(api, NAME, Path(place, "downloads")), Target()).run()


def counted(hub: LocalHub) -> Callable[[], Table]:
    """By table: bytes of the version on main, and those in chunks that no version before had."""
    store, seen = Store(), set[str]()

    def count() -> Table:
        whole: Counter[str] = Counter()
        new: Counter[str] = Counter()
        for path, blob in sorted(hub.repositories[NAME].tree("main").items()):
            table = path.partition("/")[0] if "/" in path else "card, manifest"
            whole[table] += len(blob.data)
            if blob.sha256 not in seen:
                seen.add(blob.sha256)
                new[table] += store.put(blob.data)
        found = {table: (whole[table], new[table]) for table in whole}
        return found | {"all": (whole.total(), new.total())}

    return count


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path, nargs="?")
    parser.add_argument("--characters", type=int, default=0)
    parser.add_argument("--layouts", action="store_true")
    parser.add_argument("--out", type=Path, default=Path("runs/push-bytes.json"))
    args = parser.parse_args()
    constants.HF_HUB_OFFLINE, constants.HF_HUB_DISABLE_XET = False, True
    disable_progress_bars()
    old = DatasetFolder(args.old)
    result: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as temporary, LocalHub() as hub:
        place = Path(temporary)
        pair = (old, DatasetFolder(args.new)) if args.new else versions(old, place)
        if args.characters:
            names = zip(pair, ("long-old", "long-new"), strict=True)
            pair = tuple(like_a_models(one, place / name, args.characters) for one, name in names)  # type: ignore[assignment]
        count = counted(hub)
        push(hub, pair[0])
        result["first"] = count()
        pushed = push(hub, pair[1])
        result["second"] = count()
        print(f"{len(pushed.changes.add)} files new or changed")
        show(result["second"])
        if args.layouts:
            with patch("flows.derive.write_labels", write_table):
                whole = versions(old, place / "unrounded")
            names = zip(whole, ("u-old", "u-new"), strict=True)
            with patch("bench.push_layouts.write_labels", write_table):
                long = [like_a_models(one, place / name, args.characters) for one, name in names]
            result["layouts"] = layouts(
                *(pq.read_table(one.published("00000-00000")) for one in long)
            )
            print(f"the labels alone, as one file, steps with {args.characters} more characters")
            show(result["layouts"])
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(json.dumps(result, indent=2) + "\n")


def show(found: Table) -> None:
    print("| | bytes | new | |\n|---|---|---|---|")
    for name, (whole, new) in found.items():
        print(f"| {name} | {whole:,} | {new:,} | {new / max(whole, 1):.1%} |")


if __name__ == "__main__":
    main()
