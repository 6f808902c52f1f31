"""Solutions that a tree search grew, and the nodes of their prefixes."""

from __future__ import annotations

import math

import pytest

from pipeline.labels.views import VIEWS


def node(prefix_hash, node_id, **more):
    base = {"problem_id": "p0", "tree_id": "t0", "prefix_hash": prefix_hash, "node_id": node_id}
    return base | more


ROOT = node("root", 0, depth=0, edge_steps=0, visits=3, q=0.9)
A = node("a", 1, parent_id=0, depth=1, edge_steps=1, visits=1, q=0.25)


@pytest.fixture
def family(case):
    """A wrong sample `a b c`, and a right solution `a d e` that leaves it after one step."""
    return [
        case(["4/8", "0/8", ""], "incorrect", "4/8", id="s", hashes=["a", "ab", "abc"]),
        case(
            ["4/8", "", ""],
            "correct",
            "4/8",
            id="t",
            hashes=["a", "ad", "ade"],
            draws=0,
            origin="tree",
            parent="s",
            fork_len=1,
        ),
    ]


def test_solutions_that_share_a_prefix_share_its_node(family, rows):
    got = rows(*family, view="hard", tree=[ROOT, A])
    assert [row["node_id"] for row in got] == [[1, None, None], [1, None, None]]
    assert [row["tree_id"] for row in got] == ["t0", "t0"]
    assert [row["value"] for row in got] == [[0.5, 0.0, 0.0], [0.5, None, 1.0]]


def test_a_node_is_copied_in_full(family, rows):
    got = rows(*family, view="hard", tree=[ROOT, A])[0]
    names = ("parent_id", "depth", "edge_steps", "visits", "q")
    assert [got[name][0] for name in names] == [0, 1, 1, 1, 0.25]


def test_solution_says_which_one_it_leaves_and_where(family, rows):
    got = rows(*family, view="hard")
    assert [(r["origin"], r["parent_solution_id"], r["fork_len"]) for r in got] == [
        ("sampled", None, None),
        ("tree", "s", 1),
    ]


def test_grown_solution_is_no_screening_sample(family, rows):
    got = rows(*family, view="hard")
    assert [row["n_merged"] for row in got] == [1, 0]
    assert [row["pass_rate"] for row in got] == [0.0, 0.0]
    assert [row["path_diversity"] for row in got] == [1.0, 1.0]
    # A question that no sample solved is not made solvable by what the search found.
    assert [row["keep_reason"] for row in got] == ["all_wrong", "all_wrong"]


@pytest.mark.parametrize(
    ("view", "label", "p_correct"),
    [
        ("hard", [1, 1, 1], [1.0, 1.0, 1.0]),
        ("soft", [1, 1, 1], [0.5, None, 1.0]),
        ("scan", [1, 1, 1], [1.0, 1.0, 1.0]),
        ("progress", [1, None, None], [1.0, None, None]),
        ("advantage", [1, None, None], [None, None, None]),
        ("tools", [None, None, None], [None, None, None]),
        ("hybrid", [0, None, None], [0.0, None, None]),
        ("spark", [None, None, None], [None, None, None]),
        ("aurora", [None, None, None], [None, None, None]),
        ("capo", [None, None, None], [None, None, None]),
    ],
)
def test_grown_solution_in_each_view(family, rows, view, label, p_correct):
    got = rows(*family, view=view)[1]
    assert (got["label"], got["p_correct"]) == (label, p_correct)


def test_every_view_is_in_the_table_above():
    (mark,) = test_grown_solution_in_each_view.pytestmark
    # The posterior's numbers are a model's: tests/pipeline/posterior.
    assert {*(one[0] for one in mark.args[1]), "posterior"} == set(VIEWS)


def test_edge_of_several_steps_labels_its_end_alone(case, rows):
    tree = [ROOT, A, node("abcd", 2, parent_id=1, depth=2, edge_steps=3)]
    one = case(
        ["4/8", "", "", "0/8", ""],
        id="s",
        hashes=["a", "ab", "abc", "abcd", "abcde"],
        draws=0,
        origin="tree",
    )
    (got,) = rows(one, view="soft", tree=tree)
    assert got["value"] == [0.5, None, None, 0.0, 0.0]
    assert got["label"] == [1, None, None, 0, None]
    assert got["node_id"] == [1, None, None, 2, None]
    assert got["edge_steps"] == [1, None, None, 3, None]


def test_ways_of_sample_and_grown_solution_are_compared(case, rows, family):
    third = case(["4/8", "2/8"], id="u", hashes=["a", "af"], draws=0, origin="tree")
    got = rows(*family, third, view="hard")
    assert [row["fork_size"][1] for row in got] == [3, 3, 3]
    assert [row["fork_advantage"][1] for row in got] == [-0.125, None, 0.125]


def test_node_of_another_problem_with_the_same_hash_is_not_taken(family, rows):
    foreign = A | {"problem_id": "p1", "tree_id": "t1"}
    got = rows(*family, view="hard", tree=[foreign])[0]
    assert (got["tree_id"], got["node_id"]) == (None, [None, None, None])


@pytest.mark.parametrize("tree", [None, []])
def test_without_a_tree_there_are_no_nodes(family, rows, tree):
    got = rows(*family, view="hard", tree=tree)[0]
    assert (got["tree_id"], got["node_id"], got["q"]) == (None, [None] * 3, [None] * 3)


def test_a_prefix_that_stands_twice_in_a_tree_makes_no_second_step(family, rows):
    got = rows(*family, view="hard", tree=[A, A | {"node_id": 7}])
    assert [row["node_id"] for row in got] == [[1, None, None], [1, None, None]]


def test_a_number_that_is_none_is_null(family, rows):
    got = rows(*family, view="hard", tree=[A | {"q": math.nan}])
    assert got[0]["q"] == [None, None, None]
