"""The engine that starts its own servers, over a small server in the place of vLLM's."""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.engines import asking
from pipeline.engines import replica as replicas
from pipeline.engines.base import Prompt, Request, Sampling
from pipeline.engines.build import build_engine, check_models
from pipeline.engines.dialect import Dialect
from pipeline.engines.replica import Watch
from pipeline.engines.vllm import VllmEngine
from pipeline.errors import EngineDown, RecipeError
from pipeline.recipe import Model

HERE = Path(__file__).parent
MODEL = HERE.parents[1] / "data" / "policies" / "small"


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(VllmEngine, "module", (str(HERE / "fake_vllm.py"),))
    quick = Watch(every_s=0.2, limit_s=2.0, first_wait_s=0.05, grace_s=0.3)
    monkeypatch.setattr(VllmEngine, "watch", quick)
    monkeypatch.setattr(asking, "FIRST_WAIT_S", 0.02)
    monkeypatch.setattr(asking, "LONGEST_WAIT_S", 0.2)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setenv("FAKE_PIDS", str(tmp_path / "pids"))
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


def model(server: dict[str, Any] | None = None, **more: Any) -> Model:
    table = {"engine": "vllm", "model": str(MODEL), **more}
    return Model.model_validate(table | {"server": {"python": sys.executable} | (server or {})})


def engine(
    folder: Path, server: dict[str, Any] | None = None, patience_s: float = 20
) -> VllmEngine:
    built = build_engine(model({"start_s": 20} | (server or {})), patience_s, "policy", logs=folder)
    assert isinstance(built, VllmEngine)
    return built


def talk(one: VllmEngine, body: Callable[[], Awaitable[None]]) -> None:
    async def run() -> None:
        await one.start()
        try:
            await body()
        finally:
            await one.close()

    asyncio.run(run())


async def ask(one: VllmEngine, problem: str = "p") -> int:
    """The process that answered."""
    request = Request(problem, Prompt("2 + 2"), 1, 0, Sampling(), seed=7)
    (said,) = await one.complete(request)
    assert said.finish_reason == "stop"
    return int(said.text)


def pids(folder: Path) -> list[int]:
    return [int(line.split()[0]) for line in (folder / "pids").read_text().splitlines()]


def test_all_replicas_answer_and_a_problem_stays_with_one(tmp_path):
    one = engine(tmp_path / "servers", {"replicas": 2})

    async def body() -> None:
        said = {problem: await ask(one, problem) for problem in map(str, range(20))}
        assert set(said.values()) == set(pids(tmp_path))
        assert {problem: await ask(one, problem) for problem in said} == said

    talk(one, body)
    names = [path.name for path in sorted((tmp_path / "servers").iterdir())]
    assert names == ["policy-0.log", "policy-1.log"]


def test_what_a_dead_server_had_to_do_is_done_when_it_is_back(tmp_path):
    one = engine(tmp_path / "servers")

    async def body() -> None:
        (pid,) = pids(tmp_path)
        os.kill(pid, signal.SIGKILL)
        assert await ask(one) == pids(tmp_path)[1] != pid

    talk(one, body)


def test_when_the_last_server_is_given_up_all_calls_end_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr(replicas, "LONGEST_WAIT_S", 0.1)
    one = engine(tmp_path / "servers", {"env": {"FAKE_VLLM": "once"}}, patience_s=600)

    async def body() -> None:
        os.kill(pids(tmp_path)[0], signal.SIGKILL)
        calls = [asyncio.create_task(ask(one, str(at))) for at in range(4)]
        done, _ = await asyncio.wait(calls, timeout=60)
        assert len(done) == 4
        for call in calls:
            error = call.exception()
            assert isinstance(error, EngineDown)
            assert "every server is given up" in error.message
            assert error.message.endswith("ValueError: the weights are made of cheese")
        with pytest.raises(EngineDown, match="every server is given up"):
            await ask(one)

    talk(one, body)


def test_one_server_that_cannot_start_ends_them_all(tmp_path):
    one = engine(tmp_path / "servers", {"replicas": 2, "env": {"FAKE_VLLM": "once"}})
    # The second of them to write its id fails.
    with pytest.raises(EngineDown, match="the weights are made of cheese"):
        asyncio.run(one.start())
    for pid in pids(tmp_path):
        assert not Path(f"/proc/{pid}").exists()


def test_what_the_servers_are_started_with(tmp_path, monkeypatch):
    monkeypatch.setenv("VLLM_API_KEY", "sesame")
    settings = {"args": ["--block-size", "32"], "env": {"VLLM_CPU_KVCACHE_SPACE": "2"}}
    one = engine(tmp_path / "servers", settings)

    async def body() -> None:
        (replica,) = one.replicas
        said = replica.command
        assert said[:2] == [sys.executable, str(HERE / "fake_vllm.py")]
        assert said[2:6] == ["--model", str(MODEL), "--served-model-name", str(MODEL)]
        assert said[6:10] == ["--host", "127.0.0.1", "--port", str(replica.port)]
        assert said[-2:] == ["--block-size", "32"]
        assert "--seed" in said
        # The recipe's sampling, not that of the model's generation_config.json.
        assert said[said.index("--generation-config") + 1] == "vllm"
        (pid,) = pids(tmp_path)
        environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        assert b"VLLM_CPU_KVCACHE_SPACE=2" in environment
        assert not any(b"sesame" in pair for pair in environment)

    talk(one, body)


def test_prefixes_are_cut_at_token_ends_by_the_folders_tokenizer(tmp_path):
    one = engine(tmp_path)
    ids = one.encode("So Tim has 6 cards.")
    assert ids is not None
    assert one.decode(ids) == "So Tim has 6 cards."
    assert one.char_ends(ids)[-1] == len("So Tim has 6 cards.")


def test_a_prompt_goes_without_a_seed(tmp_path, monkeypatch):
    bodies = []
    real = Dialect.body

    def noting(*args: Any) -> dict[str, Any]:
        bodies.append(real(*args))
        return bodies[-1]

    monkeypatch.setattr(Dialect, "body", noting)
    one = engine(tmp_path / "servers")

    async def body() -> None:
        await ask(one)

    talk(one, body)
    assert "seed" not in bodies[0]


# What identifies the model.


def revision(server: dict[str, Any] | None = None, **more: Any) -> str:
    return build_engine(model(server, **more), 1.0).identity.model_revision


def test_arguments_of_speed_and_memory_are_no_part_of_the_identity():
    plain = revision()
    assert plain.startswith("sha256:")
    args = ["--max-num-seqs", "8", "--gpu_memory_utilization=0.5", "--no-enable-prefix-caching"]
    settings = {"args": args, "replicas": 3, "env": {"A": "b"}, "start_s": 1}
    assert revision(settings) == plain


@pytest.mark.parametrize(
    "args", [["--dtype", "float32"], ["--max-model-len=512"], ["--quantization", "fp8"], ["--new"]]
)
def test_any_other_argument_is(args):
    assert revision({"args": args}) not in (revision(), revision({"args": ["--dtype", "auto"]}))


def test_an_arguments_file_counts_with_its_content(tmp_path):
    template = tmp_path / "template.jinja"
    template.write_text("{{ messages }}")
    before = revision({"args": ["--chat-template", str(template)]})
    template.write_text("{{ messages[0] }}")
    assert revision({"args": ["--chat-template", str(template)]}) != before


def checkpoint(folder: Path, **files: str) -> Path:
    folder.mkdir()
    for name, content in {"config.json": "{}", "model.safetensors": "w", **files}.items():
        (folder / name).write_text(content)
    return folder


def test_a_folder_is_its_weights_its_configuration_and_its_tokenizer(tmp_path):
    one = revision(model=str(checkpoint(tmp_path / "one")))
    assert revision(model=str(checkpoint(tmp_path / "moved"))) == one
    assert revision(model=str(checkpoint(tmp_path / "card", **{"README.md": "new"}))) == one
    for name in (
        "model.safetensors",
        "config.json",
        "tokenizer_config.json",
        "chat_template.jinja",
    ):
        other = checkpoint(tmp_path / f"with-{name}", **{name: "other"})
        assert revision(model=str(other)) != one


def test_the_recipes_revision_stands_for_a_folder_and_chat_is_another_model(tmp_path):
    folder = str(checkpoint(tmp_path / "one"))
    assert revision(model=folder, revision="v3") == "v3"
    assert revision(model=folder, revision="v3", api="chat") == "chat:v3"


def test_a_hub_model_is_the_commit_that_the_cache_has(tmp_path):
    commit = "a" * 40
    place = tmp_path / "models--org--name"
    (place / "snapshots" / commit).mkdir(parents=True)
    (place / "snapshots" / commit / "config.json").write_text("{}")
    (place / "refs").mkdir()
    (place / "refs" / "main").write_text(commit)
    settings = {"env": {"HF_HUB_CACHE": str(tmp_path)}}
    assert revision(settings, model="org/name") == f"org/name@{commit}"
    assert revision(settings, model="org/name", revision="main") == f"org/name@{commit}"
    other = "b" * 40
    assert revision(settings, model="org/name", revision=other) == f"org/name@{other}"
    with pytest.raises(RecipeError, match="which commit that branch or tag 'v2' is: run `hf"):
        revision(settings, model="org/name", revision="v2")


# What is refused before anything is started.


@pytest.mark.parametrize(
    ("server", "said"),
    [
        ({"args": ["--port", "80"]}, "leave --port out: a free one is taken"),
        (
            {"args": ["--tensor_parallel_size=2"]},
            "leave --tensor-parallel-size out: server.gpus",
        ),
        ({"args": ["--api-key", "x"]}, "leave --api-key out"),
        ({"args": ["32"]}, "begins with a value, '32'"),
        ({"env": {"HF_TOKEN": "x"}}, "HF_TOKEN looks like a secret"),
        ({"gpus": 2}, "2 GPUs a replica, and this machine shows none"),
        ({}, "has no vLLM"),
        ({"python": "/no/python"}, "policy.server.python: /no/python: cannot be run"),
    ],
)
def test_a_server_that_cannot_be_is_refused(server, said):
    with pytest.raises(RecipeError) as refused:
        check_models({"policy": model(server)})
    assert said in str(refused.value)


def test_two_models_on_one_gpu_are_refused_unless_they_share_its_memory():
    half = ["--gpu-memory-utilization", "0.4"]
    for args, refused in (([], True), (half, False)):
        both = {"env": {"CUDA_VISIBLE_DEVICES": "0,1"}, "args": args}
        models = {"policy": model(both), "annotators.judge": model(both)}
        said = "judge.server and policy.server both take GPU 0" if refused else "has no vLLM"
        with pytest.raises(RecipeError, match=said):
            check_models(models)


def test_folders_that_are_no_models_are_refused(tmp_path):
    with pytest.raises(RecipeError, match=r"is not a Hugging Face checkpoint: it needs"):
        build_engine(model(model=str(tmp_path)), 1.0)
    with pytest.raises(RecipeError, match=r"/no/such/folder: there is no such folder"):
        build_engine(model(model="/no/such/folder"), 1.0)
