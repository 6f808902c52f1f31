"""Who gets which GPU, or which cores."""

import os
from typing import Any

import pytest

from pipeline.engines.devices import deal, gpus
from pipeline.errors import RecipeError
from pipeline.recipe import Server


def dealt(visible: str, **settings: Any) -> list[dict[str, str]]:
    env = {"CUDA_VISIBLE_DEVICES": visible}
    return deal(Server(python="p", env=env, **settings), "policy")


def test_one_replica_a_gpu_or_a_group_of_them():
    one = [{"CUDA_VISIBLE_DEVICES": str(gpu)} for gpu in range(4)]
    assert dealt("0,1,2,3") == one
    assert dealt("0,1,2,3", replicas=2) == one[:2]
    assert dealt("4,5,6,7", gpus=2) == [
        {"CUDA_VISIBLE_DEVICES": "4,5"},
        {"CUDA_VISIBLE_DEVICES": "6,7"},
    ]


def test_more_than_there_are_is_refused():
    with pytest.raises(RecipeError) as refused:
        dealt("0,1,2", replicas=2, gpus=2)
    said = str(refused.value)
    assert (
        "policy.server: 2 replica(s) with 2 GPU(s) each want 4, and there are 3 (0, 1, 2)" in said
    )
    with pytest.raises(RecipeError, match=r"1 replica\(s\) with 8 GPU\(s\) each want 8"):
        dealt("0,1", gpus=8)


def test_hidden_gpus_are_none(monkeypatch):
    assert gpus({"CUDA_VISIBLE_DEVICES": ""}) == []
    assert gpus({"CUDA_VISIBLE_DEVICES": "-1"}) == []
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-1a,GPU-2b")
    assert gpus({}) == ["GPU-1a", "GPU-2b"]


def test_cores_are_shared_out(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 4, 5, 6})
    two = [{"VLLM_CPU_OMP_THREADS_BIND": cores} for cores in ("0,1", "4,5,6")]
    assert dealt("", replicas=2) == two
    assert dealt("", replicas=6) == [{"VLLM_CPU_OMP_THREADS_BIND": "nobind"}] * 6
    assert dealt("") == [{}]


def test_the_recipes_own_binding_stands():
    env = {"CUDA_VISIBLE_DEVICES": "", "VLLM_CPU_OMP_THREADS_BIND": "0-3"}
    assert deal(Server(python="p", env=env, replicas=2), "policy") == [{}, {}]
