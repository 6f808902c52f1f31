"""The Prefect flow: what `stepsmith label` runs, with a real (ephemeral) Prefect server."""

from __future__ import annotations

import pytest

from pipeline.errors import RecipeError
from pipeline.folder import DatasetFolder


@pytest.fixture
def flow(prefect):
    from flows.label import label_flow, quiet_prefect

    quiet_prefect()
    return label_flow()


def test_the_flow_publishes_what_a_run_without_prefect_does(flow, toy_recipe, label, tmp_path):
    recipe = toy_recipe()
    out = tmp_path / "flow"
    flow("toy", recipe.model_dump(mode="json"), str(out))
    plain = label(recipe, tmp_path / "plain")
    names = sorted(path.name for path in plain.root.glob("data/*"))
    assert names == sorted(path.name for path in out.glob("data/*"))
    for name in names:
        assert (out / "data" / name).read_bytes() == (plain.root / "data" / name).read_bytes()
    assert DatasetFolder(out).read_manifest() is not None


def test_the_flow_leaves_its_table_as_an_artifact(flow, toy_recipe, tmp_path):
    from prefect.client.orchestration import get_client

    flow("toy", toy_recipe(4).model_dump(mode="json"), str(tmp_path / "flow"))
    with get_client(sync_client=True) as client:
        artifacts = client.request("POST", "/artifacts/filter", json={}).json()
    tables = [artifact for artifact in artifacts if artifact["key"] == "label-run"]
    assert "completions" in tables[-1]["data"]


def test_an_error_of_ours_comes_out_as_it_is(flow, toy_recipe, tmp_path):
    recipe = toy_recipe(annotators={"oracle": {}})
    with pytest.raises(RecipeError, match=r"annotators\.oracle"):
        flow("toy", recipe.model_dump(mode="json"), str(tmp_path / "flow"))


def test_a_budget_is_shared_after_all_were_screened(flow, toy_recipe, tmp_path):
    recipe = toy_recipe(rollouts={"budget_tokens": 9_000})
    out = tmp_path / "flow"
    flow("toy", recipe.model_dump(mode="json"), str(out))
    spent = DatasetFolder(out).side_table("rollouts")["tokens"].sum()
    assert 0 < spent <= 9_000
