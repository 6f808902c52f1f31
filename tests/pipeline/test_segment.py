"""Cutting solutions into steps."""

from __future__ import annotations

import time
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.segment import Rule, segment, step_parts, token_ends
from pipeline.trace import read_trace

RULES = get_args(Rule)

MARKS = (
    *("\n", "\n\n", " ", "\r\n", ". ", "! ", "3.5", "e.g. ", "Step 1: ", "## Step 2\n", "$$"),
    *("\\[", "\\]", "\\\\[", "```", "\n```py\n", "\n```\n", "~~~~\n", "\\begin{a}", "\\end{a}"),
    *("\\end{b}", "A", "b", "。", "\u2028", "\x85", "**", "1. ", "[asy]", "[/asy]"),
    *("<think>", "</think>", "<|end_of_thought|>", "<|begin_of_solution|>", "[/THINK]"),
)

# Text that is likely to meet every branch.
PIECES = st.lists(
    st.one_of(
        st.sampled_from(MARKS),
        st.text(max_size=3),
    ),
    max_size=25,
).map("".join)


def pieces(text: str, rule: Rule = "blank_line") -> list[str]:
    return [text[start:end] for start, end in segment(text, rule)]


@given(text=PIECES, rule=st.sampled_from(RULES))
def test_the_pieces_joined_are_the_text(text: str, rule: Rule) -> None:
    assert "".join(pieces(text, rule)) == text


@given(text=PIECES, rule=st.sampled_from(RULES))
def test_no_piece_is_blank_unless_the_text_is(text: str, rule: Rule) -> None:
    blank = [piece for piece in pieces(text, rule) if not piece.strip()]
    assert blank == ([text] if text and not text.strip() else [])


@given(text=PIECES, rule=st.sampled_from(RULES))
def test_every_span_starts_where_the_one_before_ends(text: str, rule: Rule) -> None:
    spans = segment(text, rule)
    assert [s for s, _ in spans] == [0, *(e for _, e in spans)][: len(spans)]


def test_an_empty_text_has_no_steps() -> None:
    assert segment("") == []


def test_a_step_keeps_its_blank_line() -> None:
    assert pieces("One.\n\nTwo.\n \n\nThree.\n\n") == ["One.\n\n", "Two.\n \n\n", "Three.\n\n"]


def test_windows_line_ends_are_blank_lines_too() -> None:
    assert pieces("One.\r\n\r\nTwo.") == ["One.\r\n\r\n", "Two."]


def test_leading_blank_lines_go_to_the_first_step() -> None:
    assert pieces("\n\n One.\n\nTwo.") == ["\n\n One.\n\n", "Two."]


def test_offsets_are_code_points() -> None:
    assert segment("𝑥=1\n\n√2") == [(0, 5), (5, 7)]


@pytest.mark.parametrize(
    "whole",
    [
        "\\[\na\n\nb\n\\]",
        "$$\na\n\nb\n$$",
        "\\begin{align*}\na\n\nb\n\\end{align*}",
        "```python\na\n\nb\n```",
        "~~~\na\n\n```\n\nb\n~~~",
        "[asy]\ndraw(A--B);\n\nlabel(A);\n[/asy]",
    ],
)
def test_display_maths_and_code_stay_whole(whole: str) -> None:
    assert pieces(f"So\n\n{whole}\n\nend") == ["So\n\n", f"{whole}\n\n", "end"]


@pytest.mark.parametrize("opening", ["\\[", "$$", "\\begin{align}", "```", "~~~", "[asy]"])
def test_what_is_not_closed_does_not_swallow_the_rest(opening: str) -> None:
    assert pieces(f"{opening}\n\na\n\nb") == [f"{opening}\n\n", "a\n\n", "b"]


def test_a_latex_line_break_opens_nothing() -> None:
    assert pieces("a \\\\[2pt] b\n\nc \\]") == ["a \\\\[2pt] b\n\n", "c \\]"]


def test_numbered_steps() -> None:
    text = "Plan.\nStep 1: add\nmore\n**Step 2:** halve\n## Step 3\nstop\nStep 4. end"
    assert pieces(text, "numbered") == [
        "Plan.\n",
        "Step 1: add\nmore\n",
        "**Step 2:** halve\n",
        "## Step 3\nstop\n",
        "Step 4. end",
    ]


def test_a_mention_of_a_step_is_no_step() -> None:
    assert len(pieces("Step 1: add\nStep 1 gives 3, so Step 2: no", "numbered")) == 1


def test_lines() -> None:
    assert pieces("a\nb\n\nc", "line") == ["a\n", "b\n\n", "c"]


def test_sentences() -> None:
    assert pieces("It costs $3.50. Then $5 more! Is it 8.5? Yes.", "sentence") == [
        "It costs $3.50. ",
        "Then $5 more! ",
        "Is it 8.5? ",
        "Yes.",
    ]


@pytest.mark.parametrize(
    "one",
    [
        "Mr. Ray has 3.5 kg, e.g. Apples.",
        "Note that 5! = 120 and 3! + 1 is odd.",
        "The sum 1 + 2 + ... + 10 and 1, 2, ... 10 agree.",
        "1. First add.",
        "See eq. (3) vs. Fig. 2 of Prof. Lee.",
    ],
)
def test_what_is_one_sentence(one: str) -> None:
    assert pieces(one, "sentence") == [one]


def test_a_quoted_sentence_keeps_its_quotation_mark() -> None:
    assert pieces('He said "no." She left.', "sentence") == ['He said "no." ', "She left."]


def test_chinese_sentences_need_no_space() -> None:
    assert pieces("共有3个。所以是5。", "sentence") == ["共有3个。", "所以是5。"]


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(
    "unit",
    [
        "\n",
        " ",
        ".",
        "\n ",
        "\\[",
        "$$ ",
        "\\begin{a}",
        "```\n",
        "```x\n",
        "Step ",
        "a. ",
        "*",
        "\\",
        "[asy]",
        "<think>",
        "</think>",
        "</think>\n\n",
    ],
)
def test_the_time_grows_with_the_text_and_no_faster(unit: str, rule: Rule) -> None:
    def seconds(size: int) -> float:
        text = unit * (size // len(unit)) + "x"
        start = time.process_time()
        segment(text, rule)
        return time.process_time() - start

    part = max(seconds(62_500), 0.01)
    # A sixteenth: about 16; a quadratic search: 256. Other work on the machine can only slow it
    # down, so one try of several will do.
    assert any(seconds(1_000_000) < 64 * part for _ in range(5))


@given(text=PIECES, rule=st.sampled_from(RULES))
def test_no_step_holds_thinking_and_response(text: str, rule: Rule) -> None:
    begin, end, response = read_trace(text)
    if begin < end:
        assert not [span for span in segment(text, rule) if span[0] < response < span[1]]


@given(text=PIECES, rule=st.sampled_from(RULES))
def test_a_step_of_thinking_has_words(text: str, rule: Rule) -> None:
    begin, end, response = read_trace(text)
    for start, stop in segment(text, rule):
        if stop <= response < len(text):
            assert text[max(start, begin) : min(stop, end)].strip()


@given(text=PIECES, rule=st.sampled_from(RULES))
def test_the_parts_are_one_run_of_thinking_and_one_of_response(text: str, rule: Rule) -> None:
    parts = step_parts(text, segment(text, rule))
    assert parts == sorted(parts, reverse=True)  # thinking, response


@given(thinking=PIECES, response=PIECES, rule=st.sampled_from(RULES))
def test_each_part_is_cut_as_if_it_stood_alone(thinking: str, response: str, rule: Rule) -> None:
    thinking, response = (
        f"x{part}x".replace("<", "").replace("[/", "") for part in (thinking, response)
    )
    alone = pieces(thinking, rule)
    alone[0] = f"<think>\n{alone[0]}"
    alone[-1] += "\n</think>\n\n"
    alone += pieces(response, rule)
    assert pieces(f"<think>\n{thinking}\n</think>\n\n{response}", rule) == alone


TRACE = "<think>\nFirst.\nSecond.\n\n</think>\n\nIt is 5. So 5."


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("blank_line", ["<think>\nFirst.\nSecond.\n\n</think>\n\n", "It is 5. So 5."]),
        ("line", ["<think>\nFirst.\n", "Second.\n\n</think>\n\n", "It is 5. So 5."]),
        ("numbered", ["<think>\nFirst.\nSecond.\n\n</think>\n\n", "It is 5. So 5."]),
        (
            "sentence",
            ["<think>\nFirst.\n", "Second.\n\n</think>\n\n", "It is 5. ", "So 5."],
        ),
    ],
)
def test_tags_are_no_steps(rule: Rule, expected: list[str]) -> None:
    assert pieces(TRACE, rule) == expected


def test_numbered_steps_on_both_sides_of_the_boundary() -> None:
    text = "<think>\nStep 1: add\nStep 2: halve\n</think>\nStep 1: add\nStep 2: halve"
    assert pieces(text, "numbered") == [
        "<think>\nStep 1: add\n",
        "Step 2: halve\n</think>\n",
        "Step 1: add\n",
        "Step 2: halve",
    ]


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(
    ("opening", "closing"), [("```\n", "\n```"), ("\\[ ", " \\]"), ("[asy]\n", "\n[/asy]")]
)
def test_the_boundary_cuts_what_is_open_there(opening: str, closing: str, rule: Rule) -> None:
    text = f"<think>a {opening}b</think>c{closing}"
    cut = len(f"<think>a {opening}b</think>")
    assert cut in [start for start, _ in segment(text, rule)]


@pytest.mark.parametrize("rule", RULES)
def test_a_boundary_inside_a_word_is_a_cut_too(rule: Rule) -> None:
    assert pieces("So 5</think>It is 5", rule) == ["So 5</think>", "It is 5"]


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("empty", ["<think>\n\n</think>\n\n", "</think>\n\n"])
def test_tags_without_thinking_go_to_the_response(empty: str, rule: Rule) -> None:
    text = f"{empty}It is 5"
    assert pieces(text, rule) == [text]
    assert step_parts(text, segment(text, rule)) == ["response"]


@pytest.mark.parametrize("rule", RULES)
def test_thinking_that_never_ends_is_thinking(rule: Rule) -> None:
    text = "<think>\nStep 1: First.\n\nStep 2: Second.\n\n"
    spans = segment(text, rule)
    assert pieces(text, rule)[-1].startswith("Step 2")
    assert set(step_parts(text, spans)) == {"thinking"}


def test_parts_of_spans() -> None:
    assert step_parts(TRACE, segment(TRACE)) == ["thinking", "response"]
    assert step_parts("One.\n\nTwo.", [(0, 6), (6, 10)]) == ["response", "response"]


def test_a_foreign_step_that_holds_both_is_response() -> None:
    assert step_parts("a</think>b", [(0, 10)]) == ["response"]


def test_many_unclosed_environments_are_linear_too() -> None:
    names = ("".join(chr(97 + i // 26**k % 26) for k in range(4)) for i in range(50_000))
    text = "".join(f"\\begin{{{name}}}" for name in names)
    start = time.process_time()
    segment(text)
    assert time.process_time() - start < 2


def test_token_ends_on_token_boundaries() -> None:
    assert token_ends([(0, 4), (4, 7)], [2, 4, 6, 7]) == ([2, 4], 0)


def test_a_boundary_inside_a_token_is_cut_after_it_and_counted() -> None:
    assert token_ends([(0, 3), (3, 7)], [2, 4, 7]) == ([2, 3], 1)


def test_tokens_of_one_character_stay_together() -> None:
    # "得5。再": three tokens a character of three bytes
    assert token_ends([(0, 3), (3, 4)], [1, 1, 1, 2, 3, 3, 3, 4, 4, 4]) == ([7, 10], 0)


def test_a_token_that_opens_the_next_character_takes_the_rest_of_it_along() -> None:
    assert token_ends([(0, 2), (2, 4)], [1, 3, 3, 4]) == ([3, 4], 1)


@given(text=PIECES, widths=st.lists(st.integers(0, 4)), rule=st.sampled_from(RULES))
def test_every_prefix_holds_its_step(text: str, widths: list[int], rule: Rule) -> None:
    ends = [min(sum(widths[: i + 1]), len(text)) for i in range(len(widths))]
    ends.append(len(text))
    spans = segment(text, rule)
    kept, inside = token_ends(spans, ends)
    assert all(ends[k - 1] >= end for k, (_, end) in zip(kept, spans, strict=True))
    assert kept == sorted(kept)
    assert inside <= len(spans)
