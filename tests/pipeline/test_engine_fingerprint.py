"""Fingerprints of served models, and the names they get."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.engines.answers import BadAnswer
from pipeline.engines.fingerprint import Fingerprint, Tops, distance, measured, read_top
from pipeline.engines.known_policies import KnownPolicies
from pipeline.errors import StorageError


def top(**chances: float) -> dict[str, float]:
    return {token: math.log(chance) for token, chance in chances.items()}


SAME = (top(a=0.5, b=0.25), top(c=0.9))
listed = st.dictionaries(st.sampled_from("abcdef"), st.floats(-20, 0), min_size=1)


def test_the_distance_is_a_mean_of_differences_weighed_by_probability() -> None:
    other = (top(a=0.5, b=0.125), top(c=0.9))
    weights = 0.5, 0.1875
    expected = weights[1] * math.log(2) / sum(weights) / 2
    assert distance(SAME, other) == pytest.approx(expected)


def test_a_token_that_is_not_listed_counts_as_the_last_that_is() -> None:
    # b: 0.25 here; there at most 0.5, the end of the list.
    share = (0.25 + 0.5) / 2
    expected = share * math.log(2) / (share + 0.5)
    assert distance((top(a=0.5, b=0.25),), (top(a=0.5),)) == pytest.approx(expected)


@given(st.lists(st.tuples(listed, listed), min_size=1, max_size=4))
def test_a_distance_is_symmetric_and_none_to_itself(pairs: list[Any]) -> None:
    one: Tops = tuple(a for a, _ in pairs)
    other: Tops = tuple(b for _, b in pairs)
    assert distance(one, other) == pytest.approx(distance(other, one))
    assert distance(one, other) >= 0
    assert distance(one, one) == 0


def test_other_probes_are_infinitely_far() -> None:
    assert distance(SAME, SAME[:1]) == math.inf


def test_the_noise_is_the_largest_distance_of_the_rounds() -> None:
    rounds = [SAME, (top(a=0.5, b=0.24), SAME[1]), (top(a=0.5, b=0.20), SAME[1])]
    assert measured(rounds).noise == distance(rounds[0], rounds[2])


def test_what_lies_within_three_times_the_noise_is_the_same_model() -> None:
    near, far = (top(a=0.5, b=0.24), SAME[1]), (top(a=0.5, b=0.1), SAME[1])
    one = Fingerprint(SAME, noise=distance(SAME, near))
    assert one.is_same(Fingerprint(near, 0.0))
    assert not one.is_same(Fingerprint(far, 0.0))


def test_without_noise_rounding_is_still_the_same_model() -> None:
    close = (top(a=0.5001, b=0.25), SAME[1])
    assert Fingerprint(SAME, 0.0).is_same(Fingerprint(close, 0.0))


def test_a_name_is_given_once_and_found_again(tmp_path: Path) -> None:
    first = KnownPolicies([tmp_path / "run", tmp_path / "cache"]).name("m", Fingerprint(SAME, 0.1))
    near = Fingerprint((top(a=0.5, b=0.24), SAME[1]), 0.0)
    assert KnownPolicies([tmp_path / "other", tmp_path / "cache"]).name("m", near) == first
    assert KnownPolicies([tmp_path / "other"]).name("m", near) == first  # the dataset has it too


def test_the_nearest_of_several_is_taken(tmp_path: Path) -> None:
    known = KnownPolicies([tmp_path])
    far = Fingerprint((top(a=0.5, b=0.01), top(c=0.1)), 0.0)
    names = [known.name("m", Fingerprint(SAME, 0.0)), known.name("m", far)]
    assert names[0] != names[1]
    loud = Fingerprint((top(a=0.5, b=0.02), top(c=0.1)), 10.0)
    assert known.name("m", loud) == names[1]


def test_models_of_two_names_are_two(tmp_path: Path) -> None:
    known = KnownPolicies([tmp_path])
    one, other = (known.name(model, Fingerprint(SAME, 0.0)) for model in ("m", "n"))
    assert one != other


def test_a_broken_file_is_passed_over(tmp_path: Path) -> None:
    known = KnownPolicies([tmp_path])
    name = known.name("m", Fingerprint(SAME, 0.0))
    (place,) = tmp_path.rglob("*.json")
    (place.parent / "0broken.json").write_text("{")
    assert known.name("m", Fingerprint(SAME, 0.0)) == name


def test_a_cache_that_cannot_be_written_costs_nothing_now(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    name = KnownPolicies([tmp_path / "run", tmp_path / "file"]).name("m", Fingerprint(SAME, 0.0))
    assert [path.stem for path in (tmp_path / "run").rglob("*.json")] == [name]


def test_the_datasets_own_folder_must_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError):
        KnownPolicies([tmp_path / "file"]).name("m", Fingerprint(SAME, 0.0))


def test_a_fingerprint_is_the_same_after_a_reload() -> None:
    one = Fingerprint(SAME, 0.25)
    assert Fingerprint.from_dict(json.loads(json.dumps(one.as_dict()))) == one


def test_the_list_of_the_first_token_is_read() -> None:
    answer = {"choices": [{"logprobs": {"top_logprobs": [{" 5": -0.1, " 6": -2.5}, {"x": 0}]}}]}
    assert read_top(answer) == {" 5": -0.1, " 6": -2.5}


@pytest.mark.parametrize(
    "holder",
    [None, {}, {"top_logprobs": None}, {"top_logprobs": []}, {"top_logprobs": [{}]},
     {"top_logprobs": [{"a": -9999.0}]}, {"top_logprobs": [{"a": None}]}],
)  # fmt: skip
def test_what_is_no_list_of_log_probabilities_is_none(holder: Any) -> None:
    with pytest.raises(BadAnswer):
        read_top({"choices": [{"logprobs": holder}]})
