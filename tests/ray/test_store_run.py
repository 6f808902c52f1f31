"""Runs whose folder is on S3, in threads: the same dataset, the same promises."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import datasets
import polars as pl
import pytest

from pipeline.files import remove_files
from pipeline.folder import DatasetFolder
from pipeline.places import glob, place, read_bytes
from pipeline.recipe import load_recipe
from tests.flows.conftest import run_all
from tests.ray.conftest import S3, serve, stop
from tests.ray.scene import (
    MODEL,
    free_port,
    journal_keys,
    kill,
    published,
    run_command,
    start,
    wait_until,
    write_recipe,
)

s3fs = pytest.importorskip("s3fs", reason="needs the environment of `make test-ray`")


def label(recipe: Path, out: str = "") -> None:
    """In this process, without Prefect."""
    parsed = load_recipe(recipe, [f"output.dir={out}"] if out else [])
    run_all(parsed, DatasetFolder(place(parsed.output.dir)))


def lines(log: Path) -> list[str]:
    return log.read_text().splitlines() if log.exists() else []


def test_the_bytes_are_those_of_a_local_run_and_a_replay_agrees(
    bucket, prefect_url, tmp_path, monkeypatch
):
    recipe = write_recipe(tmp_path, f"{bucket}/run")
    label(recipe, str(tmp_path / "local"))
    run_command("label", recipe)
    assert published(f"{bucket}/run") == published(str(tmp_path / "local"))
    assert '"replayed": 4, "identical": 4' in run_command("label", recipe, "--replay")
    assert "nothing is missing" in run_command("label", recipe)
    # The dataset is read where it is, by those who use it; loopback is not the Hub.
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", False)
    table = pl.concat(
        pl.read_parquet(read_bytes(path)) for path in glob(place(f"{bucket}/run/data"), "*.parquet")
    )
    loaded = datasets.load_dataset(
        "parquet",
        data_files={"train": f"{bucket}/run/data/*.parquet"},
        cache_dir=str(tmp_path / "cache"),
    )
    assert loaded["train"].num_rows == len(table) > 20
    # And the commands that only read.
    assert "published" in run_command("status", f"{bucket}/run")
    assert "problem: Add up" in run_command("show", f"{bucket}/run")
    run_command("derive", f"{bucket}/run", "--view", "hard")
    assert len(published(f"{bucket}/run-hard")) == 4
    run_command("export", f"{bucket}/run", "--format", "pairs")
    run_command("export", str(tmp_path / "local"), "--format", "pairs")
    assert published(f"{bucket}/run-pairs") == published(str(tmp_path / "local-pairs"))
    # No key of the store in what is published.
    for path in glob(place(f"{bucket}/run"), "*"):
        assert S3["AWS_SECRET_ACCESS_KEY"].encode() not in read_bytes(path)


def test_killed_and_resumed_nothing_committed_is_bought_again(bucket, prefect_url, tmp_path):
    log, out = tmp_path / "log", f"{bucket}/run"
    recipe = write_recipe(tmp_path, out, 24, model=f"{MODEL},latency_ms=1,slots=32,log={log}")
    run = start("label", recipe)
    wait_until(lambda: run.poll() is not None or len(lines(log)) > 300)
    assert run.poll() is None, run.communicate()[1]
    second = run_command("label", recipe, code=1)
    assert "another run (process" in second
    kill(run)
    before, kept = len(lines(log)), journal_keys(out)
    assert kept
    run_command("label", recipe)
    final = journal_keys(out)
    assert set(kept) <= set(final)
    assert len(final) == len(set(final))
    # What was bought after the kill is exactly what was not committed.
    assert len(lines(log)) - before == len(final) - len(set(kept))
    assert max(Counter(lines(log)[before:]).values()) == 1
    log.unlink()
    label(recipe, str(tmp_path / "whole"))
    assert published(out) == published(str(tmp_path / "whole"))


def test_a_published_file_that_was_deleted_is_written_again(bucket, tmp_path):
    log, out = tmp_path / "log", f"{bucket}/run"
    recipe = write_recipe(tmp_path, out, model=f"{MODEL},log={log}")
    label(recipe)
    whole, bought = published(out), len(lines(log))
    remove_files([place(out) / "data" / "train-00000-00002.parquet"])
    label(recipe)
    assert published(out) == whole
    assert len(lines(log)) == bought


def test_a_store_that_fails_now_and_then_changes_nothing(bucket, s3_port, tmp_path, monkeypatch):
    port = free_port()
    flaky = Path(__file__).with_name("flaky.py")
    target = f"http://127.0.0.1:{s3_port}"
    proxy = serve([sys.executable, str(flaky), str(port), target, "12"], tmp_path / "proxy", port)
    recipe = write_recipe(tmp_path, f"{bucket}/run")
    label(recipe, str(tmp_path / "local"))
    try:
        with monkeypatch.context() as patch:
            patch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
            s3fs.S3FileSystem.clear_instance_cache()
            label(recipe)
    finally:
        s3fs.S3FileSystem.clear_instance_cache()
        stop(proxy)
    assert published(f"{bucket}/run") == published(str(tmp_path / "local"))
    manifest = json.loads(read_bytes(place(f"{bucket}/run/manifest.json")))
    assert manifest["last_run"]["completions_failed"] == 0


def test_a_store_that_is_not_there_is_said(tmp_path):
    recipe = write_recipe(tmp_path, "s3://bucket/run")
    url = f"http://127.0.0.1:{free_port()}"
    said = run_command("label", recipe, code=1, AWS_ENDPOINT_URL=url, AWS_MAX_ATTEMPTS="1")
    assert "s3://bucket/run" in said
    assert "check AWS_ENDPOINT_URL and the network" in said
    assert "Traceback" not in said


def test_no_credentials_are_said(bucket, tmp_path):
    recipe = write_recipe(tmp_path, f"{bucket}/run")
    environment = {name: value for name, value in os.environ.items() if name not in S3}
    command = [sys.executable, "-m", "flows.cli", "label", str(recipe)]
    ended = subprocess.run(
        command,
        env={**environment, "AWS_EC2_METADATA_DISABLED": "true", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ended.returncode == 1
    assert "there are no credentials" in ended.stderr
    assert "Traceback" not in ended.stderr
