"""Laws that hold for every view and every evidence."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.labels.views import VIEWS

# The fixtures only hand out functions; nothing in them is used up by an example.
FIXTURES = HealthCheck.function_scoped_fixture

count = st.sampled_from(["", "0/8", "0/2?6", "1/8", "5/8", "8/8", "2/3!", "0/4!", "0/0?8"])
solution = st.tuples(
    st.lists(count, max_size=5),
    st.sampled_from(["correct", "incorrect", "unknown", None]),
    count,
    st.dictionaries(st.integers(0, 6), st.sampled_from([(0, 1), (1, 0), (0, 0)]), max_size=2),
)
DECIDED = ("correct", "incorrect")
view = st.sampled_from(list(VIEWS))
after_error = st.sampled_from(["mask", "propagate", "local"])


@settings(max_examples=60, deadline=None, suppress_health_check=[FIXTURES])
@given(shard=st.lists(solution, min_size=1, max_size=5), view=view, after_error=after_error)
def test_neighbours_do_not_leak(case, rows, shard, view, after_error):
    cases = [
        case(c, o, r, id=f"s{n}", problem=f"p{n}", tools=tools)
        for n, (c, o, r, tools) in enumerate(shard)
    ]
    how = {"view": view, "after_error": after_error}
    assert rows(*cases, **how) == [row for one in cases for row in rows(one, **how)]


@settings(max_examples=60, deadline=None, suppress_health_check=[FIXTURES])
@given(given_=solution, view=view, after_error=after_error)
def test_published_numbers_stay_in_their_ranges(case, rows, given_, view, after_error):
    counts, outcome, root, tools = given_
    (row,) = rows(case(counts, outcome, root, tools=tools), view=view, after_error=after_error)
    shares = ("p_correct", "value", "value_low", "value_high", "weight")
    for name in shares:
        assert all(x is None or 0 <= x <= 1 for x in row[name])
    for label, weight in zip(row["label"], row["weight"], strict=True):
        # A posterior is sure of its soft labels too.
        assert label is not None or weight == 0 or view == "posterior"
    first = row["first_error"]
    # Its first error is the most probable place, certain or not.
    if first is not None and first >= 0 and view != "posterior":
        assert row["label"][: first + 1] == [1] * first + [0]
    assert row["keep"] == (row["keep_reason"] is None)


@settings(max_examples=60, deadline=None, suppress_health_check=[FIXTURES])
@given(given_=solution)
def test_hard_label_follows_its_definition(case, rows, given_):
    counts, outcome, root, _ = given_
    (row,) = rows(case(counts, outcome, root), view="hard", after_error="mask")
    right, known = row["n_success"], row["n_rollouts"]
    expected: list[int | None] = []
    for t in range(len(counts)):
        if 0 in expected:
            expected.append(None)
        elif t == len(counts) - 1 and known[t] == 0 and outcome in DECIDED:
            expected.append(int(outcome == "correct"))
        elif right[t] > 0:
            expected.append(1)
        elif known[t] >= 4 and not row["censored"][t]:
            expected.append(0)
        else:
            expected.append(1 if outcome == "correct" or any(right[t:]) else None)
    assert row["label"] == expected
