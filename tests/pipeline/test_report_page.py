"""The page's text: what is in it, and that no text of a model is anything but text."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from pipeline.errors import InputError
from pipeline.folder import DatasetFolder
from pipeline.human.evidence import verdict_log
from pipeline.human.log import Said
from pipeline.report.chunks import pack, pieces, script_json
from pipeline.report.figures import figures_of
from pipeline.report.render import page
from pipeline.report.sources import read_sources
from pipeline.report.svg import Column, columns, round_up
from pipeline.verdict import Verdict
from tests.report_scene import dataset, row, said, truth_of

HOSTILE = "</script><img src=x onerror=alert(1)><!-- ]]> \u202e \u2028 '\" & {{ 7 * 7 }} \x1b[31m"


class Reader(HTMLParser):
    """Tags with their attributes, and the text of each script by its id."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[str, str] = {}
        self._inside: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag in ("script", "style"):
            self._inside = dict(attrs).get("id") or tag

    def handle_endtag(self, tag: str) -> None:
        if tag in ("script", "style"):
            self._inside = None

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.texts[self._inside] = self.texts.get(self._inside, "") + data


def made(folder: DatasetFolder, limit: int = 100, review: dict[str, Any] | None = None) -> str:
    sources = read_sources(folder)
    return page(sources, figures_of(sources), limit, review)


def read(text: str) -> Reader:
    reader = Reader()
    reader.feed(text)
    return reader


def unpacked(text: str) -> Any:
    return json.loads(gzip.decompress(base64.b64decode(text)))


def hostile(root: Path) -> DatasetFolder:
    texts = {"problem": HOSTILE, "answer": HOSTILE, "final_answer": HOSTILE, "domain": HOSTILE}
    names = {"policy": HOSTILE, "keep_reason": HOSTILE, "problem_id": HOSTILE, "origin": HOSTILE}
    spoken = [[{"annotator": HOSTILE, "verdict": "incorrect", "reason": HOSTILE}]]
    more = {"steps": [HOSTILE], "verdicts": spoken}
    evidence = [said(HOSTILE, 0, HOSTILE, "incorrect")]
    judged = {"solution_id": HOSTILE, "annotator": "judge", "mode": HOSTILE, "text": HOSTILE}
    return dataset(
        root,
        row(HOSTILE, "1", keep=False, **texts, **names, **more),
        row("plain", "10", first_error=1),
        evidence=evidence,
        judgements=[judged | {"critique": HOSTILE, "tokens": 1, "retried": False}],
        name=HOSTILE,
    )


def test_no_text_of_the_dataset_becomes_a_tag(tmp_path: Path) -> None:
    plain = dataset(tmp_path / "plain", row("a", "1"), row("plain", "10", first_error=1))
    hostile_tags = {tag for tag, _ in read(made(hostile(tmp_path / "hostile"))).tags}
    assert "img" not in hostile_tags
    assert hostile_tags == {tag for tag, _ in read(made(plain)).tags} | {"h3"} | hostile_tags & {
        "dl", "dt", "dd", "p", "ul", "button", "details", "summary"
    }  # fmt: skip


def test_what_reorders_or_hides_text_is_written_out(tmp_path: Path) -> None:
    text = made(hostile(tmp_path))
    assert "\u202e" not in text
    assert "\x1b" not in text
    assert "\\u202e" in text
    assert "49" not in re.findall(r"<h1>(.*?)</h1>", text, re.S)[0]


def test_the_hostile_text_is_in_the_data_as_it_was(tmp_path: Path) -> None:
    texts = read(made(hostile(tmp_path))).texts
    piece = unpacked(texts["chunk-0"])
    assert piece["problems"][0] == [HOSTILE, HOSTILE]
    assert piece["rows"][0]["steps"][0][0] == HOSTILE
    assert piece["rows"][0]["steps"][0][13] == [[HOSTILE, "incorrect", HOSTILE]]
    assert piece["rows"][0]["wrote"][0][4] == HOSTILE
    assert unpacked(texts["index"])["id"] == [HOSTILE, "plain"]
    assert json.loads(texts["config"])["name"] == HOSTILE


def test_the_policy_allows_this_script_and_this_style_and_no_network(tmp_path: Path) -> None:
    reader = read(made(dataset(tmp_path, row("a", "1"))))
    (policy,) = [
        attrs["content"]
        for tag, attrs in reader.tags
        if tag == "meta" and attrs.get("http-equiv") == "Content-Security-Policy"
    ]

    def digest(name: str) -> str:
        found = hashlib.sha256(reader.texts[name].encode()).digest()
        return f"'sha256-{base64.b64encode(found).decode()}'"

    assert policy == (
        f"default-src 'none'; script-src {digest('script')}; style-src {digest('style')}; "
        f"connect-src 'none'; base-uri 'none'; form-action 'none'"
    )


def test_the_page_asks_for_nothing(tmp_path: Path) -> None:
    reader = read(made(dataset(tmp_path, row("a", "1"))))
    for tag, attrs in reader.tags:
        assert not {"src", "srcset", "style", "onclick", "onerror", "action"} & attrs.keys(), tag
        assert attrs.get("href", "#").startswith("#"), (tag, attrs)
    assert "url(" not in reader.texts["style"]
    assert "innerHTML" not in reader.texts["script"]


def test_equal_datasets_give_equal_pages(tmp_path: Path) -> None:
    rows = [row(f"s{n}", "10", first_error=1) for n in range(5)]
    one, other = (made(dataset(tmp_path / name / "set", *rows)) for name in "ab")
    assert one == other


def test_a_page_holds_no_more_solutions_than_asked_for(tmp_path: Path) -> None:
    text = made(dataset(tmp_path, *(row(f"s{n}", "1") for n in range(20))), limit=7)
    assert len(unpacked(read(text).texts["index"])["id"]) == 7
    assert "7 of 20 solutions are in this page" in text


def test_truth_and_what_people_said_are_two_slices(tmp_path: Path) -> None:
    rows = [row("a", "10", first_error=1), row("b", "11", first_error=-1)]
    folder = dataset(tmp_path, *rows, truth=truth_of(a="ci", b="cc"))
    time = "2026-11-22T10:00:00.000Z"
    verdict_log(folder).append([Said("b", 0, Verdict.INCORRECT, "anna", time)])
    text = made(folder)
    assert "Known truth: 4 steps of 2 solutions" in text
    assert "What people said: 1 step of 1 solution" in text
    assert '<th scope="row">human</th>' in text  # measured against truth, as any annotator is


def test_a_dataset_without_anything_but_labels_has_a_page(tmp_path: Path) -> None:
    folder = dataset(tmp_path, row("a", ""))
    for side in ("evidence", "questions"):
        folder.side(side, "00000-00000").unlink()
    assert "No truth is known of these steps" in made(folder)


def test_the_token_of_a_review_is_in_its_page_alone(tmp_path: Path) -> None:
    folder = dataset(tmp_path, row("a", "1"))
    review = {"token": "sesame", "reviewer": "anna"}
    assert json.loads(read(made(folder, review=review)).texts["config"])["review"] == review
    assert json.loads(read(made(folder)).texts["config"])["review"] is None


def test_pieces_hold_the_problems_that_their_rows_name() -> None:
    rows = [{"q": n % 3} for n in range(5)]
    first, second = pieces(rows, ["p0", "p1", "p2"], size=3)
    assert first == {"problems": ["p0", "p1", "p2"], "rows": [{"q": 0}, {"q": 1}, {"q": 2}]}
    assert second == {"problems": ["p0", "p1"], "rows": [{"q": 0}, {"q": 1}]}


def test_packed_data_have_letters_and_digits_alone() -> None:
    assert re.fullmatch(r"[A-Za-z0-9+/=]+", pack([HOSTILE, 1.5, None]))
    assert unpacked(pack([HOSTILE, 1.5, None])) == [HOSTILE, 1.5, None]


def test_json_in_a_script_cannot_end_it() -> None:
    assert not set("<>&\u2028") & set(script_json({"x": HOSTILE}))
    assert json.loads(script_json({"x": HOSTILE})) == {"x": HOSTILE}


def test_numbers_that_are_none_are_refused() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        pack([float("nan")])


def test_charts_escape_their_texts() -> None:
    chart = columns("<b>", [Column("<i>", [("one", 1)], "<u>")], "<s>")
    assert not re.search(r"<[bius]>", chart)
    assert "&lt;u&gt;" in chart


@pytest.mark.parametrize(
    ("highest", "end"), [(0, 1), (1, 1), (1.5, 2), (7, 8), (10, 10), (123, 140), (3_001, 4_000)]
)
def test_a_scale_ends_with_a_round_number(highest: float, end: float) -> None:
    assert round_up(highest) == end


@pytest.mark.parametrize("table", ["data", "evidence"])
def test_a_broken_shard_is_named(tmp_path: Path, table: str) -> None:
    folder = dataset(tmp_path, row("a", "1"))
    (shard,) = (folder.root / table).glob("*.parquet")
    shard.write_bytes(shard.read_bytes()[:-100])
    with pytest.raises(InputError, match=rf"{shard}: cannot be read .*copy it anew"):
        read_sources(folder)


def test_what_people_said_does_not_pass_for_known_truth(tmp_path: Path) -> None:
    folder = dataset(tmp_path, row("a", "1"))
    time = "2026-11-22T10:00:00.000Z"
    verdict_log(folder).append([Said("a", 0, Verdict.INCORRECT, "anna", time)])
    texts = read(made(folder)).texts
    assert "true" not in unpacked(texts["index"])
    (found,) = unpacked(texts["chunk-0"])["rows"]
    assert (found["truth"], found["people"]) == ({}, [[0, "incorrect", "anna"]])
