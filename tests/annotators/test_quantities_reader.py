"""What the reader makes of sentences: equations, written out."""

import pytest

from annotators.quantities.linear import Linear, Quantity
from annotators.quantities.problem import read_problem
from annotators.quantities.questions import read_question
from annotators.quantities.statements import read_statements, sentences


def shown(linear: Linear) -> str:
    """ "ann.pen + 3*tom.pen - 2"."""
    parts = [f"{'' if c == 1 else f'{c}*'}{q.owner}.{q.item}" for q, c in linear.terms]
    constant = [] if not linear.constant and parts else [str(linear.constant)]
    return " + ".join(parts + constant).replace("+ -", "- ")


def read(sentence: str, item: str | None = None) -> list[str]:
    """The statements of a sentence as "left = right"; one word where it is not read."""
    found = read_statements(sentence, 0, len(sentence), item)
    if found is None:
        return ["unread"]
    return [f"{shown(one.left)} = {shown(one.right)}" for one in found]


@pytest.mark.parametrize(
    ("sentence", "equation"),
    [
        ("Ann has 5 pens.", "ann.pen = 5"),
        ("Ann owns twenty-five pens.", "ann.pen = 25"),
        ("Ann has a dozen pens.", "ann.pen = 12"),
        ("Ann has 3 dozen pens.", "ann.pen = 36"),
        ("Ann has $1,250.50.", "ann.dollar = 2501/2"),
        ("There are 5 pens in Ann's bag.", "ann.pen = 5"),
        ("There are 5 boys in the class.", "the class.boy = 5"),
        ("The red box contains 5 pens.", "the red box.pen = 5"),
        ("Tom has 3 more pens than Ann.", "tom.pen = ann.pen + 3"),
        ("Tom has $3 more than Ann.", "tom.dollar = ann.dollar + 3"),
        ("Tom has 8 pens more than Ann.", "tom.pen = ann.pen + 8"),
        ("Next to Ann, Tom has 3 extra pens.", "tom.pen = ann.pen + 3"),
        ("Tom is ahead of Ann by 3 pens.", "tom.pen = ann.pen + 3"),
        ("Give Ann 3 more pens and Ann has what Tom has.", "tom.pen = ann.pen + 3"),
        ("Compared to Ann, Tom has 3 fewer pens.", "tom.pen = ann.pen - 3"),
        ("Next to Ann, Tom is 3 pens short.", "tom.pen = ann.pen - 3"),
        ("Tom trails Ann by 3 pens.", "tom.pen = ann.pen - 3"),
        ("Tom would need 3 more pens to match Ann.", "tom.pen = ann.pen - 3"),
        ("Take 3 pens from Ann and Ann has what Tom has.", "tom.pen = ann.pen - 3"),
        ("Tom has twice as many pens as Ann.", "tom.pen = 2*ann.pen"),
        ("Beside Ann, Tom has 3 times the pens.", "tom.pen = 3*ann.pen"),
        ("Tom has triple the number of pens that Ann owns.", "tom.pen = 3*ann.pen"),
        ("Multiply Ann's number of pens by 3 to get Tom's.", "tom.pen = 3*ann.pen"),
        ("The number of pens Tom has is 3 times that of Ann.", "tom.pen = 3*ann.pen"),
        ("Tom has half as many pens as Ann.", "tom.pen = 1/2*ann.pen"),
        ("Tom has 1/3 as many pens as Ann.", "tom.pen = 1/3*ann.pen"),
        ("Tom has one-third as many pens as Ann.", "tom.pen = 1/3*ann.pen"),
        ("Tom has 3 times fewer pens than Ann.", "tom.pen = 1/3*ann.pen"),
        ("Next to Ann, Tom has only half the pens.", "tom.pen = 1/2*ann.pen"),
        ("Next to Ann, Tom has one part in 4 of the pens.", "tom.pen = 1/4*ann.pen"),
        ("Half of Ann's number of pens is what Tom has.", "1/2*ann.pen = tom.pen"),
        ("Dividing Ann's pens equally among 4 people gives Tom's number.", "tom.pen = 1/4*ann.pen"),
        (
            "Split Ann's pens into 4 equal parts and one part is what Tom has.",
            "tom.pen = 1/4*ann.pen",
        ),
        ("Tom has 3 more than twice as many pens as Ann.", "tom.pen = 2*ann.pen + 3"),
        ("Tom has 3 less than half the number of pens as Ann.", "tom.pen = 1/2*ann.pen - 3"),
        ("Bob has as many pens as Ann and Tom together.", "bob.pen = ann.pen + tom.pen"),
        ("Next to Ann and Tom combined, Bob has just as many pens.", "bob.pen = ann.pen + tom.pen"),
        ("Add Ann's pens to Tom's to get what Bob has.", "bob.pen = ann.pen + tom.pen"),
        (
            "Ann and Tom combined have the same number of pens as Bob.",
            "ann.pen + tom.pen = bob.pen",
        ),
        ("Ann, Tom and Bob have 30 pens altogether.", "ann.pen + bob.pen + tom.pen = 30"),
        ("Ann has 5 dollars for each of Ann's pens.", "ann.dollar = 5*ann.pen"),
        ("Ann got $5 for each of her pens.", "ann.dollar = 5*ann.pen"),
        ("Ann keeps 4 pens in each of Ann's boxes.", "ann.pen = 4*ann.box"),
        ("Each of Ann's boxes holds 4 pens.", "ann.pen = 4*ann.box"),
        ("Ann sold all of Ann's pens at 5 dollars each.", "ann.dollar = 5*ann.pen"),
        ("Ann's pens brought in all of Ann's dollars, 5 for each.", "ann.dollar = 5*ann.pen"),
        ("There are twice as many girls as boys.", ".girl = 2*.boy"),
        ("Tom is 3 years older than Ann.", "tom.year old = ann.year old + 3"),
        ("Tom is half Ann's age.", "tom.year old = 1/2*ann.year old"),
        ("Tom collected twice as many shells as Ann.", "tom.shell|collect = 2*ann.shell|collect"),
    ],
)
def test_one_statement(sentence: str, equation: str) -> None:
    assert read(sentence) == [equation]


@pytest.mark.parametrize(
    ("sentence", "equations"),
    [
        ("Ann has 5 pens and 3 cards.", ["ann.pen = 5", "ann.card = 3"]),
        (
            "Ann has 5 pens, and Tom has twice as many as Ann.",
            ["ann.pen = 5", "tom.pen = 2*ann.pen"],
        ),
        (
            "Bob has 15 more pens than Tom, who has twice as many pens as Ann.",
            ["bob.pen = tom.pen + 15", "tom.pen = 2*ann.pen"],
        ),
        (
            "Dan has 6 pens and, compared with Dan, Ann has 4 more pens, so Ann has 6+4 = 10 pens.",
            ["dan.pen = 6", "ann.pen = dan.pen + 4", "ann.pen = 10"],
        ),
    ],
)
def test_several_statements(sentence: str, equations: list[str]) -> None:
    assert read(sentence) == equations


@pytest.mark.parametrize(
    "sentence",
    [
        "Tom has 3 times more pens than Ann.",
        "Tom has 3 more pens.",
        "Ann and Tom have 5 pens.",
        "She has 5 pens.",
        "Ann has 5 pens left.",
        "Ann does not have 5 pens.",
        "Ann has about 5 pens.",
        "Ann has 5 pens or 6 pens.",
        "If Ann has 5 pens, Tom has 6 pens.",
        "Does Ann have 5 pens?",
        "Ann has 5% more pens than Tom.",
        "Ann has 5 apples + 3 pears = 8 pens.",
        "Ann has 8/2*4 pens.",
        "Ann has 24 pens, twice the number of pens that Tom has.",
        "Ann has as many pens as Ann.",
        "The price is $5.",
        "Ann has 10000000000000000 pens.",
        "Monday has 5 pens.",
    ],
)
def test_what_is_not_read(sentence: str) -> None:
    assert read(sentence) == ["unread"]


def test_an_item_that_is_left_out_is_the_one_that_there_is() -> None:
    assert read("Tom has 3 more than Ann.", "pen") == ["tom.pen = ann.pen + 3"]
    assert read("Tom has 3 more than Ann.") == ["unread"]


@pytest.mark.parametrize(
    ("question", "asked"),
    [
        ("How many pens does Ann have?", "ann.pen"),
        ("What is Ann's number of pens?", "ann.pen"),
        ("Find the number of pens that Ann has.", "ann.pen"),
        ("How many pens do Ann and Tom have together?", "ann.pen + tom.pen"),
        ("How many more pens does Ann have than Tom?", "ann.pen - 1*tom.pen"),
        ("How much money does Ann have?", "ann.dollar"),
        ("How old is Ann?", "ann.year old"),
        ("If Tom has 5 pens, how many pens does Ann have?", "ann.pen"),
        ("How many pens does Ann have if Tom has 5 pens?", "ann.pen"),
        ("How many shells did Ann collect?", "ann.shell|collect"),
    ],
)
def test_what_is_asked(question: str, asked: str) -> None:
    read = read_question(question, 0, len(question))
    assert read is not None
    assert isinstance(read.asked, Linear)
    assert shown(read.asked) == asked


def test_a_question_about_all() -> None:
    problem = read_problem("Ann has 5 pens. Tom has 3 pens. How many pens do they have together?")
    assert problem is not None
    assert problem.asked is not None
    assert shown(problem.asked) == "ann.pen + tom.pen"


def test_the_item_may_be_named_in_the_question_alone() -> None:
    problem = read_problem("Ann has 5 and Tom has 3. How many pens do they have together?")
    assert problem is not None
    assert problem.given == {Quantity("ann", "pen"): 5, Quantity("tom", "pen"): 3}


def test_list_marks_are_no_numbers() -> None:
    text = "1. Ann has 5 pens.\n- Tom has 6 pens.\nStep 3: Bob has 7 pens."
    assert [text[start:end] for start, end in sentences(text)] == [
        "Ann has 5 pens.",
        "Tom has 6 pens.",
        "Bob has 7 pens.",
    ]
