"""`stepsmith review`: a real server, asked as browsers and as strangers ask."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import polars as pl
import psutil
import pytest
from typer.testing import CliRunner

from flows.cli import app
from flows.evaluate import evaluate_command
from flows.review import review_command
from pipeline.errors import InputError
from pipeline.folder import DatasetFolder
from pipeline.human.evidence import human_verdicts, verdict_log
from pipeline.human.log import Said
from pipeline.verdict import Verdict
from tests.report_scene import dataset, row, said, truth_of
from tests.review_scene import Client, serving, stood

TIME = "2026-11-22T10:00:00.000Z"


@pytest.fixture
def folder(tmp_path: Path) -> DatasetFolder:
    return small(tmp_path)


@pytest.fixture
def client(folder: DatasetFolder) -> Iterator[Client]:
    with serving(folder) as found:
        yield found


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> DatasetFolder:
    """For tests that leave no verdict behind."""
    return small(tmp_path_factory.mktemp("quiet"))


@pytest.fixture(scope="module")
def guard(quiet: DatasetFolder) -> Iterator[Client]:
    """The server of `quiet`."""
    with serving(quiet) as found:
        yield found


def small(root: Path) -> DatasetFolder:
    rows = [row(f"s{n}", "10", first_error=1, mc_first_error=1) for n in range(4)]
    return dataset(root / "set", *rows, evidence=[said("s0", 1, "arithmetic", "incorrect")])


def test_verdicts_are_kept_when_the_server_is_killed(folder: DatasetFolder) -> None:
    with serving(folder) as client:
        assert client.say("s0", 0, "correct") == 200
        client.process.send_signal(signal.SIGKILL)
    with serving(folder) as client:
        assert client.say("s0", 1, "incorrect", "ben") == 200
        lines = json.loads(client.ask("verdicts?after=0")[1])["said"]
    assert [(one["step"], one["verdict"], one["reviewer"]) for one in lines] == [
        (0, "correct", "anna"),
        (1, "incorrect", "ben"),
    ]


def test_a_verdict_knows_the_prefix_that_it_is_of(folder: DatasetFolder, client: Client) -> None:
    client.say("s0", 1, "incorrect")
    assert human_verdicts(folder)[0].prefix_hash == "s0/1"


def test_two_servers_and_many_reviewers_lose_nothing(folder: DatasetFolder, client: Client) -> None:
    with serving(folder) as other, ThreadPoolExecutor(8) as pool:
        places = [(who, f"s{n}", step) for who in "abcde" for n in range(4) for step in (0, 1)]
        answers = pool.map(
            lambda one: (client, other)[one[2]].say(one[1], one[2], "correct", one[0]), places
        )
        assert set(answers) == {200}
        for each in (client, other):
            assert len(json.loads(each.ask("verdicts?after=0")[1])["said"]) == len(places)
    assert stood(folder) == {(solution, step, "correct", who) for who, solution, step in places}


def test_what_comes_again_is_there_once_and_undoes_nothing_newer(
    folder: DatasetFolder, client: Client
) -> None:
    verdict = {"solution_id": "s0", "step": 0, "verdict": "correct"}
    body = {"reviewer": "anna", "time": TIME, "said": [verdict]}
    assert client.ask("verdicts", body)[0] == 200
    client.say("s0", 0, "incorrect")
    assert client.ask("verdicts", body)[0] == 200
    assert stood(folder) == {("s0", 0, "incorrect", "anna")}
    assert len(verdict_log(folder).read().said) == 2


def test_the_page_is_made_anew_when_verdicts_came_in(client: Client) -> None:
    status, before = client.ask(f"?token={client.token}")
    assert status == 200
    assert "What people said: 1" not in before
    client.say("s0", 0, "correct")
    assert "What people said: 1 step of 1 solution" in client.ask(f"?token={client.token}")[1]


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("", {}),
        ("?token=guess", {}),
        ("verdicts", {"X_Stepsmith_Token": "guess"}),
        ("verdicts", {"X_Stepsmith_Token": "\xff"}),
        ("verdicts", {"Origin": "http://evil.example"}),
        ("verdicts", {"Origin": "null"}),
        ("verdicts", {"Host": "evil.example"}),
        ("verdicts", {"Sec_Fetch_Site": "cross-site"}),
    ],
)
def test_strangers_are_refused(
    quiet: DatasetFolder, guard: Client, path: str, headers: dict[str, str]
) -> None:
    body = {"reviewer": "eve", "said": [{"solution_id": "s0", "step": 0, "verdict": "correct"}]}
    status, text = guard.ask(path, body if path == "verdicts" else None, **headers)
    assert status == 403
    assert "s0" not in text
    assert stood(quiet) == set()


def test_another_port_is_told_to_forward_the_same_one(guard: Client) -> None:
    port = guard.base.rsplit(":", 1)[1].strip("/")
    status, text = guard.ask("verdicts", Host="localhost:9")
    assert status == 403
    assert f"forward the same port (ssh -L {port}:127.0.0.1:{port} MACHINE)" in text


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"reviewer": "anna"}, "send {reviewer, time, said"),
        ({"reviewer": "anna", "said": ["s0"]}, "no object"),
        ({"reviewer": "", "said": [{"solution_id": "s0", "step": 0, "verdict": None}]}, "reviewer"),
        (
            {
                "reviewer": "anna",
                "time": TIME,
                "said": [
                    {"solution_id": "s0", "step": 0, "verdict": "correct"},
                    {"solution_id": "s0", "step": 2, "verdict": "correct"},
                ],
            },
            "no_step: the dataset has no step 2",
        ),
    ],
)
def test_what_is_no_verdict_is_refused_whole(
    quiet: DatasetFolder, guard: Client, body: Any, message: str
) -> None:
    status, text = guard.ask("verdicts", body)
    assert (status, message in text) == (400, True)
    assert stood(quiet) == set()


def test_a_post_that_is_too_large_or_no_json_is_refused(guard: Client) -> None:
    assert guard.ask("verdicts", {"said": ["x" * 2**20]})[0] == 413
    assert guard.ask("verdicts", {}, Content_Type="text/plain")[0] == 400


def test_a_post_that_is_nested_too_deep_is_refused(guard: Client) -> None:
    assert guard.post(b"[" * 100_000) == (400, "is nested too deep")


def test_the_server_listens_on_this_machine_alone(guard: Client) -> None:
    listening = psutil.Process(guard.process.pid).net_connections("tcp")
    assert {one.laddr.ip for one in listening if one.status == "LISTEN"} == {"127.0.0.1"}


def test_an_interrupted_server_ends_quietly(client: Client) -> None:
    client.process.send_signal(signal.SIGINT)
    assert client.process.wait(60) == 0


def test_a_port_in_use_is_named(quiet: DatasetFolder, guard: Client) -> None:
    port = int(guard.base.rsplit(":", 1)[1].strip("/"))
    with pytest.raises(InputError, match=f"--port {port}: another program listens there"):
        review_command(quiet.root, port, None, 10, "anna")


@pytest.mark.parametrize("name", ["x" * 101, "\udcff"])
def test_a_name_that_no_verdict_can_have_is_refused_at_the_start(
    quiet: DatasetFolder, name: str
) -> None:
    with pytest.raises(InputError, match="--as: is no name of 1 to 100 characters"):
        review_command(quiet.root, 0, None, 10, name)


def test_people_measure_the_others(
    folder: DatasetFolder, client: Client, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for step, verdict in enumerate(("correct", "incorrect")):
        client.say("s0", step, verdict)
        client.say("s1", step, "correct")
    evaluate_command(folder.root, None, True, False, False, tmp_path / "figures.json")
    found = json.loads((tmp_path / "figures.json").read_text())
    labels = found["labels"]
    assert (labels["erroneous"], labels["accuracy_erroneous"]) == (1, 1.0)
    assert (labels["clean"], labels["accuracy_clean"], labels["underestimated"]) == (1, 0.0, 0.5)
    sources = {one["source"]: one for one in found["sources"]}
    assert sources["arithmetic"]["precision"] == 1.0
    assert sources["labels"]["precision"] == 0.5
    assert "human" not in sources
    assert "what people said" in capsys.readouterr().out


def test_verdicts_go_out_and_in_as_files(
    folder: DatasetFolder, client: Client, tmp_path: Path
) -> None:
    client.say("s0", 1, "incorrect")
    client.say("s1", 0, "correct")
    client.say("s1", 0, None)
    other = dataset(tmp_path / "other", row("s0", "11"))
    run = CliRunner().invoke
    lines, table = tmp_path / "v.jsonl", tmp_path / "v.parquet"
    for args in (
        [str(folder.root), "--export", str(lines)],
        [str(folder.root), "--export", str(table)],
        [str(other.root), "--import", str(lines)],
    ):
        result = run(app, ["review", *args])
        assert result.exit_code == 0, result.output
    assert stood(other) == {("s0", 1, "incorrect", "anna")}
    assert pl.read_parquet(table).rows() == [("s0", 1, "incorrect", "human")]
    assert len(lines.read_text().splitlines()) == 1


def test_lines_that_are_left_out_are_told(folder: DatasetFolder, tmp_path: Path) -> None:
    verdict_log(folder).append([Said("s0", 0, Verdict.CORRECT, "anna", TIME, "another step")])
    lines = "lines that are of steps that are not here or say something else, left out: 1"
    run = CliRunner().invoke
    table, page = str(tmp_path / "v.parquet"), str(tmp_path / "page.html")
    assert lines in run(app, ["evaluate", str(folder.root), "--people"]).stderr
    assert lines in run(app, ["report", str(folder.root), "--out", page]).stderr
    assert lines in run(app, ["review", str(folder.root), "--export", table]).stderr
    assert pl.read_parquet(table).rows() == []


def test_a_verdict_on_another_step_is_not_shown(folder: DatasetFolder) -> None:
    with serving(folder) as client:
        verdict_log(folder).append([Said("s0", 0, Verdict.CORRECT, "anna", TIME, "another step")])
        assert json.loads(client.ask("verdicts?after=0")[1])["said"] == []
        assert "What people said: 1" not in client.ask(f"?token={client.token}")[1]


def test_a_truth_of_another_dataset_is_told(folder: DatasetFolder, tmp_path: Path) -> None:
    truth, page = str(tmp_path / "truth.parquet"), str(tmp_path / "page.html")
    truth_of(elsewhere="ci").write_parquet(truth)
    run = CliRunner().invoke
    for command in (["evaluate"], ["report", "--out", page]):
        result = run(app, [*command, str(folder.root), "--truth", truth])
        assert (result.exit_code, "none of its solution_id" in result.stderr) == (0, True)


def test_people_and_a_truth_file_are_not_both_measured_against(folder: DatasetFolder) -> None:
    with pytest.raises(InputError, match="--people and --truth: choose one of them"):
        evaluate_command(folder.root, Path("truth.parquet"), True, False, False, None)


def test_where_nobody_said_anything_evaluate_says_so(folder: DatasetFolder) -> None:
    with pytest.raises(InputError, match="no person has said anything"):
        evaluate_command(folder.root, None, True, False, False, None)


def test_people_are_measured_where_other_truth_is_known(
    folder: DatasetFolder, tmp_path: Path
) -> None:
    verdict_log(folder).append(
        [Said("s0", t, Verdict(one), "anna", TIME) for t, one in enumerate(("correct", "correct"))]
    )
    truth_of(s0="ci").write_parquet(tmp_path / "truth.parquet")
    truth, figures = tmp_path / "truth.parquet", tmp_path / "figures.json"
    evaluate_command(folder.root, truth, False, False, False, figures)
    sources = {one["source"]: one for one in json.loads(figures.read_text())["sources"]}
    assert (sources["human"]["steps"], sources["human"]["found"]) == (2, 0.0)
    assert sources["labels"]["right"] == 1.0
