"""Laws of views and filters that read judges' votes."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline import recipe
from pipeline.labels.derive import Provenance, derive
from pipeline.labels.judges import of_judge
from pipeline.labels.views import VIEWS

# The fixtures only hand out functions; nothing in them is used up by an example.
FIXTURES = HealthCheck.function_scoped_fixture
EXAMPLES = settings(max_examples=50, deadline=None, suppress_health_check=[FIXTURES])
VOTE_COLUMNS = ("judge_correct", "judge_incorrect", "judge_unknown", "verdicts")

count = st.sampled_from(["", "0/8", "1/8", "5/8", "8/8", "0/4!"])
vote = st.sampled_from(["", "8-0", "5-3", "4-4", "1-2?5", "0-8", "0-0?8"])
step = st.tuples(count, vote, vote, vote)
solution = st.tuples(st.lists(step, max_size=5), st.sampled_from(["correct", "incorrect", None]))
shard = st.lists(solution, min_size=1, max_size=4)
# The posterior weighs votes, and is tested with its model.
view = st.sampled_from([name for name in VIEWS if name != "posterior"])
after_error = st.sampled_from(["mask", "propagate", "local"])
filter_ = st.sampled_from(["none", "qwen", "genprm"])


@pytest.fixture
def frames_of(case, tables):
    def build(written):
        cases = []
        for n, (steps, outcome) in enumerate(written):
            counts, first, second, critiques = zip(*steps, strict=True) if steps else ((),) * 4
            votes = {"judge": first, "judge_b": second}
            more = {"id": f"s{n}", "problem": f"p{n}", "draws": 0, "root": "4/8"}
            cases.append(case(counts, outcome, votes=votes, critiques={"judge": critiques}, **more))
        return tables(*cases)

    return build


def labels(frames, evidence=None, **how):
    problems, solutions, known = frames
    table = derive(
        problems,
        solutions,
        known if evidence is None else evidence,
        recipe.Labels(**how),
        recipe.Questions(),
        8,
        Provenance("prover", "blank_line/1", "hash"),
    )
    return pl.from_arrow(table)


@EXAMPLES
@given(written=shard, view=view, after=after_error, filter_=filter_)
def test_votes_entered_twice_change_no_view(frames_of, written, view, after, filter_):
    frames = frames_of(written)
    again = frames[2].filter(of_judge()).with_columns(source=pl.lit("another"))
    how = {"view": view, "after_error": after, "filter": filter_}
    once, twice = labels(frames, **how), labels(frames, pl.concat([frames[2], again]), **how)
    assert once.drop(VOTE_COLUMNS).equals(twice.drop(VOTE_COLUMNS))
    assert twice["judge_correct"].to_list() == [[2 * n for n in s] for s in once["judge_correct"]]


@EXAMPLES
@given(written=shard, view=view, filter_=filter_, random=st.randoms(use_true_random=False))
def test_the_order_of_evidence_does_not_matter(frames_of, written, view, filter_, random):
    frames = frames_of(written)
    order = list(range(len(frames[2])))
    random.shuffle(order)
    how = {"view": view, "filter": filter_}
    assert labels(frames, **how).equals(labels(frames, frames[2][order], **how))


@EXAMPLES
@given(written=shard, view=view, after=after_error, filter_=filter_)
def test_a_filter_changes_keep_and_its_reason_alone(frames_of, written, view, after, filter_):
    frames = frames_of(written)
    how = {"view": view, "after_error": after}
    without, filtered = labels(frames, **how), labels(frames, **how, filter=filter_)
    keeps = ("keep", "keep_reason")
    assert without.drop(keeps).equals(filtered.drop(keeps))
    # It never keeps what was dropped, and gives no other reason for that.
    dropped = without.filter(~pl.col("keep"))["keep_reason"].to_list()
    assert filtered.filter(~without["keep"])["keep_reason"].to_list() == dropped


@EXAMPLES
@given(written=shard, view=view)
def test_qwen_keeps_solutions_on_which_both_first_errors_are_the_same(frames_of, written, view):
    filtered = labels(frames_of(written), view=view, filter="qwen")
    kept = filtered.filter("keep")
    assert kept["mc_first_error"].null_count() == 0
    assert kept["mc_first_error"].to_list() == kept["judge_first_error"].to_list()


@EXAMPLES
@given(written=shard)
def test_capos_sets_lie_in_each_other(frames_of, written):
    frames = frames_of(written)
    wrong = {}
    for rule in ("intersection", "majority", "union"):
        table = labels(frames, view="capo", capo=rule)
        first = table["label"].list.eval(pl.element() == 0).list.arg_max()
        any_wrong = table["label"].list.contains(0)
        wrong[rule] = [
            place if found else len(steps)
            for place, found, (steps, _) in zip(first, any_wrong, written, strict=True)
        ]
    rules = zip(wrong["intersection"], wrong["majority"], wrong["union"], strict=True)
    assert all(all_ >= most >= some for all_, most, some in rules)
