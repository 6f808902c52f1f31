"""Disks that fill up or are read-only, as small tmpfs mounts.

The run stops with a sentence that names the path; once there is room, the same command finishes
with the bytes of a run that never failed, and with nothing committed bought twice.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from flows import command
from flows.run import LabelRun
from pipeline import journal
from pipeline.engines.toy import toy_problems
from pipeline.errors import StorageError
from pipeline.folder import DatasetFolder
from pipeline.recipe import load_recipe
from tests.flows.prefect_homes import prefect_home
from tests.flows.reading import committed, tables

ROOT = Path(__file__).parents[2]
FULL = "cannot be written: the disk is full: free some space and run the same command again"
READ_ONLY = "cannot be written: the file system is read-only: choose another --out"
RECIPE = """
name = "disk"
[problems]
source = "{source}"
[policy]
engine = "stub"
model = "error=0.12,log={log}"
samples = 8
[rollouts]
k = 4
[annotators.arithmetic]
[run]
shard_problems = 4
grader_processes = 1
[output]
dir = "{out}"
"""


@dataclass(frozen=True, slots=True)
class Disk:
    """A tmpfs of its own."""

    path: Path

    def mount(self, options: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{options}", str(self.path)], check=True)

    def leave(self, free: int) -> None:
        """Fill it up, but for `free` bytes."""
        space = os.statvfs(self.path)
        size = max(space.f_bavail * space.f_frsize - free, 0)
        (self.path / "filler").write_bytes(bytes(size))

    @property
    def out(self) -> DatasetFolder:
        return DatasetFolder(self.path / "out")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=16m", "none", str(place)]
    if sys.platform != "linux" or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("no right to mount a small tmpfs here")
    yield Disk(place)
    subprocess.run(["umount", "--lazy", str(place)], check=True)


@dataclass(slots=True)
class Toy:
    """A recipe whose engine writes down what it delivers, and the tables of a whole run of it."""

    path: Path
    log: Path
    label: Callable[..., DatasetFolder]
    whole: dict[str, Any]
    needs: int  # bytes of its folder

    @property
    def recipe(self) -> Any:
        return load_recipe(self.path)

    def delivered(self) -> Counter[str]:
        return Counter(self.log.read_text().splitlines() if self.log.exists() else [])

    def goes_on(self, disk: Disk) -> None:
        """With room, the same command buys what was not committed, and ends as it would have."""
        delivered, kept = self.delivered(), committed(disk.out)
        disk.mount("size=64m")
        self.label(self.recipe, disk.out)
        assert (self.delivered() - delivered).total() == committed(disk.out) - kept
        assert tables(disk.out) == self.whole
        assert list(disk.path.rglob(".*.tmp")) == []


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One recipe for all tests: its hash, which every row has, holds its paths."""
    folder = tmp_path_factory.mktemp("toy")
    rows = toy_problems(8, seed=0)
    source = folder / "problems.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    text = RECIPE.format(source=source, log=folder / "log", out=folder / "out")
    (folder / "recipe.toml").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def toy(place: Path, label, monkeypatch: pytest.MonkeyPatch) -> Toy:
    monkeypatch.setattr(journal, "LINGER_S", 0.01)
    whole = DatasetFolder(place / "whole")
    if not whole.manifest.exists():
        label(load_recipe(place / "recipe.toml"), whole)
    (place / "log").unlink(missing_ok=True)
    sizes = [path.stat().st_size for path in whole.root.rglob("*")]
    return Toy(place / "recipe.toml", place / "log", label, tables(whole), sum(sizes))


# The disk fills up before the last of these stages; then a file below `where` is the first that
# has no room.
PLACES = {
    "journal": (["screen"], "work/journal/"),
    "journal of rollouts": (["screen", "search"], "work/journal/"),
    "stage table": (["screen", "search", "check"], "work/stages/"),
    "publish": (["screen", "search", "check", "publish"], ""),
}


@pytest.mark.parametrize("case", PLACES)
def test_a_disk_that_fills_up_stops_the_run_and_room_lets_it_finish(case, disk, toy):
    stages, where = PLACES[case]
    with LabelRun(toy.recipe, disk.out) as run:
        groups = run.groups()
        for stage in stages[:-1]:
            for group in groups:
                run.stage(stage, group)
        disk.leave(0)
        with pytest.raises(StorageError, match=FULL) as stopped:
            run.stage(stages[-1], groups[0])
    path = Path(str(stopped.value.fields["path"]))
    assert str(path.relative_to(disk.out.root)).startswith(where)
    assert str(path) in stopped.value.message
    assert not disk.out.shards()
    toy.goes_on(disk)


def test_once_the_disk_is_full_no_other_shard_buys(disk, toy):
    with LabelRun(toy.recipe, disk.out) as run:
        (first,), (other,) = run.groups()
        disk.leave(0)
        with pytest.raises(StorageError, match=FULL):
            run.stage("screen", [first])
        before = toy.delivered()
        with pytest.raises(StorageError, match=FULL):
            run.stage("screen", [other])
    assert toy.delivered() == before
    toy.goes_on(disk)


def test_a_disk_that_fills_up_at_the_very_end_leaves_no_manifest(disk, toy):
    with LabelRun(toy.recipe, disk.out) as run:
        for stage in ("screen", "search", "check", "publish"):
            for group in run.groups():
                run.stage(stage, group)
        disk.leave(0)
        with pytest.raises(StorageError, match=rf"out/README\.md: {FULL}"):
            run.finish()
    assert disk.out.read_manifest() is None
    toy.goes_on(disk)


@pytest.mark.parametrize("share", [0.2, 0.5, 0.8])
def test_a_disk_of_a_share_of_what_a_run_needs(share, disk, toy):
    disk.mount(f"size={int(share * toy.needs)}")
    with pytest.raises(StorageError, match=FULL):
        toy.label(toy.recipe, disk.out)
    assert toy.delivered().total() >= committed(disk.out) > 0
    toy.goes_on(disk)


def test_a_disk_without_room_for_the_plan_spends_nothing(disk, toy):
    disk.leave(0)
    with pytest.raises(StorageError, match=FULL):
        toy.label(toy.recipe, disk.out)
    assert toy.delivered().total() == 0
    toy.goes_on(disk)


def test_a_read_only_disk_is_refused_before_anything_is_spent(disk, toy):
    disk.mount("ro")
    with pytest.raises(StorageError, match=rf"out/work/lock: {READ_ONLY}"):
        toy.label(toy.recipe, disk.out)
    assert toy.delivered().total() == 0
    disk.mount("rw")
    toy.goes_on(disk)


def test_a_finished_dataset_on_a_read_only_disk_misses_nothing(disk, toy, capsys):
    toy.label(toy.recipe, disk.out)
    disk.mount("ro")
    output = toy.recipe.output.model_copy(update={"dir": str(disk.out.root)})
    command.label_command(toy.recipe.model_copy(update={"output": output}), replay=False)
    assert f"{disk.out.root}: nothing is missing" in capsys.readouterr().err


def test_the_command_says_which_file_had_no_room(disk, toy, tmp_path):
    disk.mount(f"size={toy.needs // 2}")
    done = subprocess.run(
        [sys.executable, "-m", "flows.cli", "label", str(toy.path), "--out", str(disk.out.root)],
        env={**os.environ, "PREFECT_HOME": str(prefect_home(tmp_path / "prefect"))},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    said = done.stderr.splitlines()[-1]
    assert said.startswith(f"error: {disk.out.root}/")
    assert said.endswith(f"{FULL}. What was committed before is safe.")
    toy.goes_on(disk)
