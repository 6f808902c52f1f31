"""The plot is well-formed, complete and readable."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from bench.plot_labels import Box, Point, place
from bench.quality_plot import render

SVG = "{http://www.w3.org/2000/svg}"


def row(cell, method, tokens, f1, low=None, high=None):
    return {
        "cell": cell,
        "method": method,
        "tokens_per_solution": tokens,
        "f1": f1,
        "low": low,
        "high": high,
    }


ROWS = [
    row("chains", "scan", 463.0, 0.87, 0.84, 0.9),
    row("chains", "tools", 0.0, 0.4),
    row("deduction", "scan", 120.0, 0.91, 0.88, 1.0),
    row("deduction", "judge & <vote>", 900.0, 0.7, 0.6, 0.8),
    row("deduction", "failed", 900.0, None),
]


def texts(svg):
    return [element.text for element in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def test_every_method_is_labelled_in_every_cell_that_has_it():
    found = texts(render(ROWS, "F1"))
    names = ("F1", "chains", "deduction", "scan", "tools", "judge & <vote>", "failed")
    assert [found.count(name) for name in names] == [1, 1, 1, 2, 1, 1, 0]


def test_ground_is_white():
    first = ElementTree.fromstring(render(ROWS)).find(f"{SVG}rect")
    assert first is not None
    assert first.get("fill") == "#fff"


def test_method_at_several_prices_is_one_line_with_one_label():
    rows = [row("a", "posterior", tokens, 0.8) for tokens in (400.0, 100.0, 200.0)]
    svg = render(rows)
    (line,) = ElementTree.fromstring(svg).iter(f"{SVG}polyline")
    places = [float(point.split(",")[0]) for point in line.get("points", "").split()]
    assert places == sorted(places)
    assert texts(svg).count("posterior") == 1


def test_free_method_stands_left_of_the_axis():
    svg = ElementTree.fromstring(render(ROWS[:2]))
    (scan,), (tools,) = svg.iter(f"{SVG}circle"), svg.iter(f"{SVG}polygon")
    assert float(tools.get("points").split(",")[0]) < float(scan.get("cx"))
    assert "0" in texts(render(ROWS[:2]))
    assert "0" not in texts(render(ROWS[:1]))


@pytest.mark.parametrize("f1", [0.0, 1.0])
def test_one_point_is_enough(f1):
    assert "scan" in texts(render([row("a", "scan", 10.0, f1)]))


def test_nothing_to_show_is_refused():
    with pytest.raises(ValueError, match="no row"):
        render([row("a", "scan", 10.0, None)])


def test_labels_of_neighbours_do_not_overlap():
    points = [Point(200 + 8 * number, 100.0, 110.0, 90.0) for number in range(6)]
    named = {f"method {number}": point for number, point in enumerate(points)}
    ground = Box(50.0, 30.0, 450.0, 300.0)
    boxes = list(place(named, points, ground, 12.0).values())
    for number, box in enumerate(boxes):
        assert ground.x0 <= box.x0 < box.x1 <= ground.x1
        assert all(box.shared(other) == 0 for other in boxes[number + 1 :])
        assert all(box.shared(point.mark()) == 0 for point in points)
