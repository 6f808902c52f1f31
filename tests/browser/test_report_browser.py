"""The report in a real browser: from the disk, on a phone, by keyboard, with hostile text."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import overflow, until, write_page
from tests.report_scene import dataset, row, said, truth_of

IMAGE = "<img src=x onerror=hacked()>"
HOSTILE = f"</script><script>hacked()</script>{IMAGE} \u202eevil\u202c {{{{ 7 }}}} {IMAGE}"


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Sixty solutions with all that a step can show."""
    rows = []
    for n in range(60):
        reasons = [
            {"annotator": "arithmetic", "verdict": "incorrect", "reason": "2 + 2 = 5 is false"},
            {"annotator": "logic", "verdict": "unknown", "reason": "not_covered"},
        ]
        rows.append(
            row(
                f"solution{n:02}",
                "10-" if n % 2 else "111",
                first_error=1 if n % 2 else -1,
                mc_first_error=1 if n % 2 else -1,
                outcome="incorrect" if n % 2 and n % 10 != 1 else "correct",
                p_correct=[0.9, 0.1, 0.1] if n % 2 else [0.9, 0.9, 0.9],
                value=[0.8, 0.1, 0.0] if n % 2 else [0.8, 0.9, 1.0],
                value_low=[0.6, 0.0, 0.0] if n % 2 else [0.6, 0.7, 0.9],
                value_high=[0.9, 0.3, 0.1] if n % 2 else [0.9, 1.0, 1.0],
                n_rollouts=[8, 8, 0],
                n_success=[6, 1, 0],
                verdicts=[[], reasons if n % 2 else [], []],
                domain="sums" if n < 30 else "logic",
                steps=[f"First of {n}.\n\n", "2 + 2 = 5, needle" if n == 37 else "x\n\n", "End"],
            )
        )
    evidence = [said(f"solution{n:02}", 1, "arithmetic", "incorrect") for n in range(1, 60, 2)]
    root = tmp_path_factory.mktemp("plain")
    return write_page(
        dataset(root / "set", *rows, evidence=evidence, truth=truth_of(solution01="ci"))
    )


@pytest.mark.parametrize("size", ["desktop", "phone", "small"])
def test_no_part_of_the_page_is_wider_than_the_window(
    opened: Callable[..., Any], plain: str, size: str
) -> None:
    tab = opened(plain, size)
    assert overflow(tab) <= 0
    tab.locator("#list button").first.click()
    tab.wait_for_selector(".step")
    for more in tab.locator("details:not([open]) > summary").all():
        if more.is_visible():
            more.click()
    assert overflow(tab) <= 0


def test_a_step_shows_label_value_interval_and_every_reason(
    opened: Callable[..., Any], plain: str
) -> None:
    tab = opened(plain + "#s-solution01")
    step = tab.locator(".step").nth(1)
    text = step.inner_text()
    assert "✗ wrong" in text
    assert "value 0.10 [0.00, 0.30]" in text
    assert "rollouts 1 of 8 reach the answer" in text
    assert "arithmetic incorrect: 2 + 2 = 5 is false" in text
    assert "says nothing of such text: logic" in text
    assert "truth incorrect" in text
    assert step.get_attribute("class") == "step l0"


def test_search_looks_through_texts_and_filters_go_together(
    opened: Callable[..., Any], plain: str
) -> None:
    tab = opened(plain)
    tab.fill("#search", "NEEDLE")
    until(tab, "document.querySelectorAll('#list li').length === 1")
    assert "solution37" in tab.inner_text("#list")
    tab.fill("#search", "")
    tab.select_option("#domain", "logic")
    tab.select_option("#outcome", "1")
    until(tab, "document.querySelector('#found').textContent.startsWith('18 ')")
    tab.select_option("#flag", "tool_refuted")
    until(tab, "document.querySelector('#found').textContent.startsWith('3 ')")


def test_a_warning_leads_to_its_solutions(opened: Callable[..., Any], plain: str) -> None:
    tab = opened(plain)
    button = tab.locator("[data-flag]").first
    flag = button.get_attribute("data-flag")
    button.click()
    until(tab, "document.querySelector('#flag').value !== ''")
    assert tab.input_value("#flag") == flag
    assert tab.evaluate("document.activeElement.closest('#list') !== null")


def test_the_keyboard_alone_is_enough(opened: Callable[..., Any], plain: str) -> None:
    tab = opened(plain)
    key = tab.keyboard.press
    key("Tab")
    assert tab.evaluate("document.activeElement.className") == "skip"
    key("/")
    assert tab.evaluate("document.activeElement.id") == "search"
    tab.keyboard.type("needle")
    until(tab, "document.querySelectorAll('#list li').length === 1")
    key("Escape")
    key("l")
    key("Enter")
    until(tab, "location.hash === '#s-solution37'")
    key("j")
    key("j")
    assert tab.evaluate("document.activeElement.dataset.t") == "1"
    key("k")
    assert tab.evaluate("document.activeElement.dataset.t") == "0"
    key("?")
    assert tab.is_visible("#help")
    assert tab.evaluate("document.activeElement.id") == "close-help"
    key("Escape")
    assert not tab.is_visible("#help")
    assert tab.evaluate("document.activeElement.dataset.t") == "0"
    key("/")
    tab.keyboard.press("Control+a")
    tab.keyboard.press("Delete")
    until(tab, "document.querySelectorAll('#list li').length === 40")
    key("Escape")
    key("n")
    until(tab, "location.hash === '#s-solution38'")
    key("p")
    until(tab, "location.hash === '#s-solution37'")


def test_going_back_leads_through_what_was_seen(opened: Callable[..., Any], plain: str) -> None:
    tab = opened(plain, "phone")
    assert not tab.is_visible("#solution")
    tab.locator("#list button").nth(3).click()
    tab.wait_for_selector("#solution .step")
    assert not tab.is_visible("#list")
    tab.go_back()
    tab.wait_for_selector("#list button")
    assert not tab.is_visible("#solution")


def test_dark_and_light(opened: Callable[..., Any], plain: str) -> None:
    colour = "getComputedStyle(document.body).backgroundColor"
    light, dark = (opened(plain, color_scheme=scheme) for scheme in ("light", "dark"))
    assert light.evaluate(colour) != dark.evaluate(colour)
    before = light.evaluate(colour)
    light.click("#theme")
    assert light.evaluate(colour) == dark.evaluate(colour)
    light.click("#theme")
    assert light.evaluate(colour) == before


def test_without_scripts_the_figures_are_there(opened: Callable[..., Any], plain: str) -> None:
    tab = opened(plain, java_script_enabled=False)
    assert tab.locator("svg.chart").count() >= 5
    assert "needs JavaScript" in tab.inner_text("#solutions")


def test_hostile_text_is_text(opened: Callable[..., Any], tmp_path: Path) -> None:
    spoken = [[{"annotator": HOSTILE, "verdict": "incorrect", "reason": HOSTILE}]]
    names = dict.fromkeys(
        ("problem_id", "domain", "policy", "answer", "final_answer", "keep_reason", "problem"),
        HOSTILE,
    )
    folder = dataset(
        tmp_path,
        row(HOSTILE, "0", **names, steps=[HOSTILE], verdicts=spoken, keep=False),
        row("other", "1", domain="sums"),
        evidence=[said(HOSTILE, 0, HOSTILE, "incorrect")],
        judgements=[
            {"solution_id": HOSTILE, "annotator": "judge", "mode": HOSTILE, "text": HOSTILE}
        ],
        name=HOSTILE,
    )
    tab = opened(write_page(folder))
    tab.evaluate("window.hacked = undefined")
    tab.locator("#list button").first.click()
    tab.wait_for_selector(".step")
    tab.locator(".wrote summary").click()
    shown = tab.locator(".step .text").inner_text()
    assert shown == HOSTILE.replace("\u202e", "\\u202e").replace("\u202c", "\\u202c")
    assert tab.locator("img").count() == 0
    assert tab.inner_text(".says").count(IMAGE) == 4
    assert "<img" in tab.inner_text("#domain")
    assert "\u202e" not in tab.evaluate("document.documentElement.textContent")
    assert tab.evaluate("window.hacked") is None


def test_a_script_that_got_in_would_not_run(browser: Any, plain: str) -> None:
    tab = browser.new_context().new_page()
    tab.goto(plain)
    tab.evaluate(
        """() => {
          const script = document.createElement("script");
          script.textContent = "window.hacked = 1";
          document.body.append(script);
          const div = document.createElement("div");
          div.innerHTML = "<img src='x' onerror='window.hacked = 2'>";
          document.body.append(div);
          return new Promise((wait) => setTimeout(wait, 300));
        }"""
    )
    assert tab.evaluate("window.hacked") is None
    asked = "fetch('https://example.org/').then(() => 'answered', () => 'refused')"
    assert tab.evaluate(asked) == "refused"
    tab.context.close()


def test_a_huge_step_is_folded_and_can_be_read(opened: Callable[..., Any], tmp_path: Path) -> None:
    text = "word \U0001f600 " * 14_000 + "the end"
    tab = opened(write_page(dataset(tmp_path, row("long", "1", steps=[text]))))
    tab.locator("#list button").first.click()
    tab.wait_for_selector(".step .text")
    assert len(tab.locator(".step .text").text_content()) < 6_000
    assert "\ufffd" not in tab.locator(".step .text").text_content()
    tab.get_by_role("button", name="Show all").click()
    assert tab.locator(".step .text").text_content().replace(" … ", "") == text
    assert overflow(tab) <= 0


def test_ten_thousand_solutions(opened: Callable[..., Any], tmp_path: Path) -> None:
    rows = [
        row(
            f"s{n:05}",
            "1110111-" if n % 3 else "1" * 8,
            first_error=3 if n % 3 else -1,
            steps=[f"Step {t} of solution {n}: " + "some words of a step. " * 5 for t in range(8)],
            value=[0.5] * 8,
            value_low=[0.4] * 8,
            value_high=[0.6] * 8,
            entropy=n / 10_000,
        )
        for n in range(10_000)
    ]
    tab = opened(write_page(dataset(tmp_path, *rows)))
    assert tab.inner_text("#found") == "10,000 solutions of 10,000"
    assert tab.locator("#list li").count() == 40
    tab.fill("#search", "of solution 9876:")
    until(tab, "document.querySelectorAll('#list li').length === 1", 60)
    assert "s09876" in tab.inner_text("#list")
    tab.fill("#search", "")
    tab.select_option("#order", "doubt")
    until(tab, "document.querySelector('#list').innerText.includes('s09999')")
    tab.select_option("#first", "none")
    until(tab, "document.querySelector('#found').textContent.startsWith('3,334 ')")
    assert tab.evaluate("document.querySelectorAll('*').length") < 4_000


def test_a_page_that_was_cut_short_says_so(browser: Any, plain: str, tmp_path: Path) -> None:
    whole = Path(plain.removeprefix("file://")).read_text(encoding="utf-8")
    start = whole.index('id="index">') + 40
    cut = whole[:start] + whole[start + 30 :]
    (tmp_path / "cut.html").write_text(cut, encoding="utf-8")
    tab = browser.new_context().new_page()
    tab.goto((tmp_path / "cut.html").as_uri())
    tab.wait_for_selector("#trouble:not([hidden])")
    assert "cannot be opened" in tab.inner_text("#trouble")
    tab.context.close()
