"""`stepsmith push`: the real command and the real client against a Hub on loopback.

Faults are planted in the Hub, never in the client. A process of its own for each push, because the
client reads its environment once.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest

from flows.derive import derive_command
from pipeline.folder import DatasetFolder
from pipeline.schemas import LABELS
from tests.hub.local_hub import Fault, LocalHub

NAME = "ada/steps"
OF_VERSION_4 = (
    *("judge_correct", "judge_incorrect", "judge_unknown"),
    *("mc_first_error", "judge_first_error"),
)


@pytest.fixture
def hub() -> Iterator[LocalHub]:
    with LocalHub() as found:
        yield found


@pytest.fixture(scope="module")
def labelled(module_recipe, label_once) -> Path:
    """Twelve toy problems in three shards; read only."""
    folder: DatasetFolder = label_once(module_recipe())
    return folder.root


@pytest.fixture
def dataset(labelled: Path, tmp_path: Path) -> Path:
    """A copy that a test may change."""
    return Path(shutil.copytree(labelled, tmp_path / "dataset"))


@pytest.fixture
def environment(hub: LocalHub, tmp_path: Path) -> dict[str, str]:
    # .ci/run sets HF_HUB_OFFLINE for everything else.
    return {
        **os.environ,
        "HF_ENDPOINT": hub.url,
        "HF_TOKEN": hub.token,
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_OFFLINE": "0",
        "HF_HOME": str(tmp_path / "hf"),
    }


Push = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def push(environment: dict[str, str], tmp_path: Path) -> Push:
    def run(dataset: Path, *options: str, **extra: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "flows.cli", "push", str(dataset), *(options or (NAME,))]
        return subprocess.run(
            command, env=environment | extra, capture_output=True, text=True, timeout=120
        )

    return run


def test_a_dataset_is_published_in_one_commit_with_a_tag_and_loads_from_there(
    hub: LocalHub, dataset: Path, push: Push, environment: dict[str, str]
) -> None:
    done = push(dataset)
    assert done.returncode == 0, done.stderr
    repository = hub.repositories[NAME]
    assert len(repository.commits) == 2  # the Hub's own first one, and ours
    files = repository.files()
    for path in dataset.glob("*/*.parquet"):
        assert files[f"{path.parent.name}/{path.name}"] == path.read_bytes()
    assert not any(path.startswith("work/") for path in files)
    (tag,) = repository.tags
    assert repository.tags[tag] == repository.branches["main"]
    assert hub.token not in done.stdout + done.stderr

    read = (
        "import datasets, sys\n"
        "found = datasets.load_dataset(sys.argv[1], split='train', revision=sys.argv[2])\n"
        "found.to_parquet(sys.argv[3])\n"
    )
    back = dataset.parent / "back.parquet"
    subprocess.run(
        [sys.executable, "-c", read, NAME, tag, str(back)], env=environment, check=True, timeout=120
    )
    assert pl.read_parquet(back).equals(DatasetFolder(dataset).labels())


def test_an_older_dataset_is_published_by_the_way_that_the_refusal_names(
    hub: LocalHub, dataset: Path, push: Push, tmp_path: Path
) -> None:
    old, new = DatasetFolder(dataset), DatasetFolder(tmp_path / "new")
    for shard in old.shards():
        labels = old.published_labels(shard).drop(OF_VERSION_4)
        labels.with_columns(schema_version=pl.lit(3, pl.Int32)).write_parquet(old.published(shard))
    manifest = json.loads(old.manifest.read_text())
    for name in ("judges", "earlier", "decontamination", "labels"):
        manifest.pop(name, None)
    old.manifest.write_text(json.dumps(manifest | {"schema_version": 3}))

    refused = push(dataset)
    assert refused.returncode == 2
    assert f"`stepsmith derive {dataset} --out NEW`" in refused.stderr
    derive_command(dataset, new.root, "", [])
    done = push(new.root)
    assert done.returncode == 0, done.stderr  # it has loaded what it pushed
    files = hub.repositories[NAME].files()
    assert json.loads(files["manifest.json"])["schema_version"] == 4
    found = pq.read_table(io.BytesIO(files["data/train-00000-00000.parquet"]))
    assert found.schema.equals(LABELS)
    assert set(found["schema_version"].to_pylist()) == {4}
    assert files["rollouts/00000-00000.parquet"] == old.side("rollouts", "00000-00000").read_bytes()


def test_a_killed_push_goes_on_and_sends_nothing_twice(
    hub: LocalHub, dataset: Path, push: Push, environment: dict[str, str]
) -> None:
    hub.faults.append(Fault("PUT", "/lfs/", 503, count=99, after=5))
    command = [sys.executable, "-m", "flows.cli", "push", str(dataset), NAME]
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 60
    while len(hub.uploaded) < 5 and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    hub.faults.clear()
    repository = hub.repositories[NAME]
    assert len(repository.lfs) == 5
    assert list(repository.files()) == [".gitattributes"]
    done = push(dataset)
    assert done.returncode == 0, done.stderr
    assert len(hub.uploaded) == len(repository.lfs)
    assert {f"{p.parent.name}/{p.name}" for p in dataset.glob("data/*")} <= set(repository.files())


def test_too_many_requests_are_waited_out(hub: LocalHub, dataset: Path, push: Push) -> None:
    hub.faults.append(Fault("POST", f"{NAME}/commit/", 429, headers={"Retry-After": "1"}))
    done = push(dataset)
    assert done.returncode == 0, done.stderr
    assert "trying again in 1 s" in done.stderr
    assert len(hub.repositories[NAME].commits) == 2


def test_a_branch_is_made_with_the_commit(hub: LocalHub, dataset: Path, push: Push) -> None:
    done = push(dataset, NAME, "--revision", "next", "--tag", "v2", "--private")
    assert done.returncode == 0, done.stderr
    repository = hub.repositories[NAME]
    assert repository.private
    assert list(repository.files("main")) == [".gitattributes"]
    assert "data/train-00000-00000.parquet" in repository.files("next")
    assert repository.tags == {"v2": repository.branches["next"]}


def test_a_dry_run_sends_nothing(hub: LocalHub, dataset: Path, push: Push) -> None:
    done = push(dataset, NAME, "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "a dry run" in done.stdout
    assert not hub.repositories
    assert not [line for line in hub.log if not line.startswith(("GET", "HEAD"))]


def test_a_bad_name_is_refused_before_anything_is_asked(
    hub: LocalHub, dataset: Path, push: Push
) -> None:
    done = push(dataset, "steps")
    assert done.returncode == 2
    assert "error: steps: is not owner/name: write owner/name" in done.stderr
    assert not hub.log


def test_offline_it_says_so(hub: LocalHub, dataset: Path, push: Push) -> None:
    done = push(dataset, NAME, HF_HUB_OFFLINE="1")
    assert done.returncode == 2
    assert "HF_HUB_OFFLINE is set, so nothing can be pushed" in done.stderr


def test_without_a_token_it_says_how_to_get_one(hub: LocalHub, dataset: Path, push: Push) -> None:
    done = push(dataset, NAME, HF_TOKEN="")
    assert done.returncode == 2
    assert "set HF_TOKEN, or log in once with `hf auth login`" in done.stderr
    assert not hub.log
