"""`stepsmith report` on a run's dataset."""

from __future__ import annotations

import itertools
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from flows.cli import app
from flows.report import report_command
from pipeline.errors import InputError
from pipeline.folder import DatasetFolder
from pipeline.report.figures import Figures, figures_of
from pipeline.report.sources import read_sources


@pytest.fixture(scope="module")
def made(module_recipe, label_once) -> DatasetFolder:
    judge = {"engine": "stub", "gate": "warn"}
    recipe = module_recipe(
        20, annotators={"arithmetic": {}, "judge": judge}, labels={"view": "posterior"}
    )
    return label_once(recipe)


@pytest.fixture(scope="module")
def figures(made: DatasetFolder) -> Figures:
    return figures_of(read_sources(made))


def test_the_page_is_written_into_the_dataset(made: DatasetFolder) -> None:
    result = CliRunner().invoke(app, ["report", str(made.root)])
    assert result.exit_code == 0, result.output
    assert "<h1>toy</h1>" in (made.root / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("table", ["data", "evidence"])
def test_a_table_that_is_cut_off_is_named(made: DatasetFolder, tmp_path: Path, table: str) -> None:
    folder = DatasetFolder(tmp_path / "copy")
    shutil.copytree(made.root, folder.root)
    path = sorted((folder.root / table).iterdir())[-1]
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(InputError, match=rf"{table}/{path.name}: cannot be read .* damaged"):
        read_sources(folder)


def test_the_funnel_adds_up(made: DatasetFolder, figures: Figures) -> None:
    for unit in ("problems", "solutions", "steps"):
        levels = [one for one in figures.funnel if one.unit == unit]
        for above, below in itertools.pairwise(levels):
            assert above.count == below.count + sum(above.losses.values())
    counts = {one.name: one.count for one in figures.funnel}
    summary = read_sources(made).summary
    assert counts["solutions"] == summary.solutions
    assert counts["kept"] == summary.kept
    assert counts["steps with a hard label"] == summary.labelled


def test_every_stage_of_the_run_has_its_cost(figures: Figures) -> None:
    names = [one.name for one in figures.stages]
    assert names[:3] == ["screening", "search", "arithmetic"]
    assert "judge" in names


def test_every_annotator_says_something(figures: Figures) -> None:
    assert {one.source for one in figures.said} >= {"labels", "rollouts", "judge"}


def test_a_folder_that_is_no_dataset_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is no dataset"):
        report_command(tmp_path, None, None, 10)


def test_a_truth_that_is_no_table_is_refused(made: DatasetFolder, tmp_path: Path) -> None:
    (tmp_path / "truth.parquet").write_text("no")
    with pytest.raises(InputError, match="is no Parquet file"):
        report_command(made.root, tmp_path / "page.html", tmp_path / "truth.parquet", 10)
