"""A review in a real browser: verdicts by mouse and by keys, kept whatever happens."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.folder import DatasetFolder
from pipeline.human.evidence import human_verdicts, verdict_log
from tests.browser.conftest import overflow, until
from tests.report_scene import dataset, row
from tests.review_scene import Client, serving, stood


@pytest.fixture
def folder(tmp_path: Path) -> DatasetFolder:
    rows = [row(f"s{n}", "1101", first_error=2, mc_first_error=2) for n in range(3)]
    return dataset(tmp_path / "set", *rows)


@pytest.fixture
def client(folder: DatasetFolder) -> Iterator[Client]:
    with serving(folder) as found:
        yield found


@pytest.fixture
def tab(opened: Callable[..., Any], client: Client) -> Any:
    return begin(opened, client)


def begin(opened: Callable[..., Any], client: Client, size: str = "desktop", who: str = "") -> Any:
    """A reviewer's tab with solution s0 open."""
    found = opened(f"{client.base}?token={client.token}#s-s0", size, asks=(client.base,))
    found.wait_for_selector(".step .votes")
    if who:
        found.fill("#reviewer", who)
        found.press("#reviewer", "Tab")
    return found


def saved(tab: Any) -> None:
    until(tab, "document.querySelector('#saved').textContent === 'all saved'")


def said(folder: DatasetFolder) -> dict[int, str]:
    """Of s0, by step."""
    return {one.step: str(one.verdict) for one in human_verdicts(folder)}


def press(tab: Any, step: int, name: str) -> None:
    tab.locator(".step").nth(step).locator(f"[data-verdict={name.lower()}]").click()
    saved(tab)


def test_verdicts_are_saved_changed_and_taken_back(folder: DatasetFolder, tab: Any) -> None:
    press(tab, 0, "Correct")
    press(tab, 2, "Incorrect")
    assert said(folder) == {0: "correct", 2: "incorrect"}
    press(tab, 2, "Unknown")
    press(tab, 0, "Correct")  # pressed again: taken back
    assert said(folder) == {2: "unknown"}
    pressed = tab.locator(".step").nth(2).locator("[aria-pressed=true]").inner_text()
    assert pressed == "? Unknown"


def test_the_keyboard_alone_is_enough(folder: DatasetFolder, tab: Any) -> None:
    key = tab.keyboard.press
    key("j")
    key("c")  # and on to the next step
    key("c")
    key("i")
    saved(tab)
    assert said(folder) == {0: "correct", 1: "correct", 2: "incorrect"}
    key("u")
    key("z")
    saved(tab)
    assert said(folder) == {0: "correct", 1: "correct", 2: "incorrect"}
    key("x")
    saved(tab)
    assert said(folder) == {0: "correct", 1: "correct"}
    key("j")
    key("a")
    saved(tab)
    assert said(folder) == dict.fromkeys(range(4), "correct")
    key("z")
    saved(tab)
    assert said(folder) == {0: "correct", 1: "correct"}


def test_letters_typed_into_a_field_are_no_verdicts(folder: DatasetFolder, tab: Any) -> None:
    tab.keyboard.press("j")
    tab.focus("#search")
    tab.keyboard.type("cia")
    assert said(folder) == {}


def test_labels_are_hidden_until_one_has_said_ones_own(tab: Any) -> None:
    secret = tab.locator(".step").nth(0).locator(".stephead .secret")
    assert not secret.is_visible()
    assert not tab.locator(".secret-head").is_visible()
    assert "first error" not in tab.inner_text("#list")
    press(tab, 0, "Correct")
    assert secret.is_visible()
    assert not tab.locator(".step").nth(1).locator(".stephead .secret").is_visible()
    tab.uncheck("#blind")
    assert tab.locator(".step").nth(1).locator(".stephead .secret").is_visible()
    assert tab.locator(".secret-head").is_visible()


def test_a_reload_shows_what_was_said(folder: DatasetFolder, tab: Any) -> None:
    press(tab, 1, "Incorrect")
    tab.reload()
    tab.wait_for_selector(".step .votes")
    assert tab.locator(".step").nth(1).locator("[aria-pressed=true]").inner_text() == "✗ Incorrect"
    assert "What people said: 1 step of 1 solution" in tab.inner_text("#truth")


def test_two_reviewers_see_each_other_and_lose_nothing(
    folder: DatasetFolder, opened: Callable[..., Any], client: Client
) -> None:
    anna, ben = (begin(opened, client, who=name) for name in ("anna", "ben"))
    press(anna, 0, "Correct")
    press(ben, 0, "Incorrect")
    press(ben, 1, "Correct")
    press(anna, 1, "Correct")
    assert stood(folder) == {
        ("s0", 0, "correct", "anna"),
        ("s0", 0, "incorrect", "ben"),
        ("s0", 1, "correct", "anna"),
        ("s0", 1, "correct", "ben"),
    }
    step = anna.locator(".step").nth(0)  # every five seconds a tab asks for the others' words
    step.get_by_text("ben incorrect: a person's verdict").wait_for()


def test_what_could_not_be_saved_is_saved_by_the_next_tab(
    folder: DatasetFolder, opened: Callable[..., Any], client: Client
) -> None:
    tab = begin(opened, client)
    press(tab, 0, "Correct")
    client.process.kill()
    client.process.wait()
    tab.locator(".step").nth(1).locator("[data-verdict=incorrect]").click()
    tab.wait_for_selector("#trouble:not([hidden])")
    assert tab.inner_text("#saved") == "1 change not saved yet"
    assert said(folder) == {0: "correct"}
    port = int(client.base.rsplit(":", 1)[1].strip("/"))
    with serving(folder, port) as again:
        until(tab, "document.querySelector('#trouble').innerText.includes('token')")
        fresh = another(tab, again)
        saved(fresh)
        assert said(folder) == {0: "correct", 1: "incorrect"}
        tab.troubles.clear()  # the browser's own words on a server that was gone


def test_another_page_cannot_post(browser: Any, folder: DatasetFolder, client: Client) -> None:
    tab = browser.new_context().new_page()
    tab.goto("data:text/html,<p>elsewhere")
    body = {"reviewer": "eve", "said": [{"solution_id": "s0", "step": 0, "verdict": "correct"}]}
    for headers in ({}, {"X-Stepsmith-Token": client.token, "Content-Type": "application/json"}):
        answered = tab.evaluate(
            """([url, body, headers]) => fetch(url, { method: "POST", body, headers })
              .then((one) => one.status, () => "refused")""",
            [client.base + "verdicts", json.dumps(body), headers],
        )
        assert answered in ("refused", 403)
    assert said(folder) == {}
    tab.context.close()


def test_a_phone_has_room_for_verdicts(
    folder: DatasetFolder, opened: Callable[..., Any], client: Client
) -> None:
    tab = begin(opened, client, "small")
    assert overflow(tab) <= 0
    press(tab, 3, "Incorrect")
    assert said(folder) == {3: "incorrect"}


def port_of(client: Client) -> int:
    return int(client.base.rsplit(":", 1)[1].strip("/"))


def another(tab: Any, client: Client) -> Any:
    """A new tab of the same browser, that has taken up what was not saved."""
    found = tab.context.new_page()
    found.goto(f"{client.base}?token={client.token}#s-s0")
    found.wait_for_selector("html[data-ready=yes]", state="attached")
    return found


def click(tab: Any, step: int, name: str) -> None:
    tab.locator(".step").nth(step).locator(f"[data-verdict={name}]").click()


def queued(tab: Any, name: str, solution: str, time: str) -> None:
    """What another tab of this dataset has not saved."""
    tab.evaluate(
        """([name, solution, time]) => {
          const { dataset } = JSON.parse(document.getElementById("config").textContent).review;
          const said = [{ solution_id: solution, step: 0, verdict: "correct" }];
          const batch = JSON.stringify({ reviewer: "anna", time, said });
          localStorage.setItem(`stepsmith-queue-${dataset}-${name}`, batch);
        }""",
        [name, solution, time],
    )


def test_a_name_given_at_the_start_goes_before_one_remembered(
    folder: DatasetFolder, opened: Callable[..., Any], client: Client
) -> None:
    tab = begin(opened, client, who="anna")
    tab.close()
    client.process.kill()
    client.process.wait()
    with serving(folder, port_of(client), "--as", "ben") as again:
        fresh = another(tab, again)
        assert fresh.input_value("#reviewer") == "ben"


def test_first_errors_are_hidden_while_a_step_before_the_wrong_one_is_unjudged(tab: Any) -> None:
    press(tab, 2, "Incorrect")
    press(tab, 0, "Correct")
    assert not tab.locator(".secret-head").is_visible()
    press(tab, 1, "Correct")
    assert tab.locator(".secret-head").is_visible()


def test_two_tabs_keep_both_of_what_they_could_not_save(
    folder: DatasetFolder, opened: Callable[..., Any], client: Client, tmp_path: Path
) -> None:
    tab = begin(opened, client)
    second = another(tab, client)
    client.process.kill()
    client.process.wait()
    click(tab, 0, "correct")
    click(second, 1, "incorrect")
    tab.close()
    second.close()
    other = dataset(tmp_path / "elsewhere" / "set", row("t0", "1"))
    with serving(other, port_of(client)) as wrong:
        fresh = another(tab, wrong)
        saved(fresh)  # nothing of another dataset is taken up
        fresh.close()
    with serving(folder, port_of(client)) as again:
        saved(another(tab, again))
        assert said(folder) == {0: "correct", 1: "incorrect"}
    tab.troubles.clear()


def test_an_older_word_of_another_tab_is_taken_up_and_undoes_nothing(
    folder: DatasetFolder, tab: Any
) -> None:
    press(tab, 0, "Incorrect")
    queued(tab, "other", "s0", "2020-11-22T10:00:00.000Z")
    until(tab, "!Object.keys(localStorage).some((one) => one.includes('queue'))")
    assert said(folder) == {0: "incorrect"}
    assert len(verdict_log(folder).read().said) == 2


def test_what_the_server_refuses_is_kept_and_told_until_it_is_discarded(
    folder: DatasetFolder, tab: Any
) -> None:
    queued(tab, "other", "gone", "2020-11-22T10:00:00.000Z")
    tab.wait_for_selector("#refused:not([hidden])")
    assert "The server refused 1 change: no_solution" in tab.inner_text("#refused")
    assert tab.inner_text("#saved") == "1 change not saved"
    click(tab, 1, "correct")
    until(tab, "document.querySelectorAll('.step.judged').length === 1")
    tab.click("#discard")
    saved(tab)
    assert said(folder) == {1: "correct"}
    assert tab.evaluate("Object.keys(localStorage).filter((one) => one.includes('queue'))") == []
    tab.troubles.clear()  # the browser's own words on what was refused
