"""The probes that are made from the bundled solutions: as many as promised, and true."""

from __future__ import annotations

import random
import re
from collections import Counter
from dataclasses import replace

import pytest

from annotators.judge.probes.base import BUNDLED, Base, bundled_base
from annotators.judge.probes.keys import KEYS
from annotators.judge.probes.make import hash_of, probes
from annotators.judge.probes.probe import KEYED, PLANTED, REWORDED, Probe
from annotators.judge.probes.reword import PHRASES
from worlds.make import bundled_hashes, text_hash
from worlds.oracle import judge
from worlds.probes import rows


@pytest.fixture(scope="module")
def base() -> list[Base]:
    return bundled_base()


@pytest.fixture(scope="module")
def made(base: list[Base]) -> list[Probe]:
    return probes(base)


def first_wrong(probe: Probe) -> int:
    """By the oracle; what it cannot read is an error, as junk is."""
    verdicts = judge(probe.problem, list(probe.steps))
    return next((i for i, v in enumerate(verdicts) if v.verdict != "correct"), -1)


def test_the_bundled_file_is_what_its_script_writes() -> None:
    assert BUNDLED.read_text("utf-8") == rows()


def test_the_bundled_solutions_are_30_of_each_world_of_3_to_8_steps(base: list[Base]) -> None:
    assert Counter(one.domain for one in base) == {"chains": 30, "deduction": 30}
    assert {len(one.steps) for one in base} == set(range(3, 9))


def test_no_bundled_problem_file_has_their_texts(base: list[Base]) -> None:
    assert not bundled_hashes() & {text_hash(one.text) for one in base}


def test_there_are_600_keys_and_at_least_30_of_every_kind(made: list[Probe]) -> None:
    count = Counter(probe.kind for probe in made)
    assert [count[kind] for kind in KEYED] == [300, 300]
    assert min(count[kind] for kind in ("clean", *PLANTED)) >= 30
    assert len(made) - 600 >= 450
    for kind in REWORDED:
        reworded = [probe.first_error < 0 for probe in made if probe.kind == kind]
        assert sum(reworded) >= 30  # of faultless ones
        assert len(reworded) - sum(reworded) >= 30


def test_every_key_is_tried_as_a_step_and_as_a_whole_solution(made: list[Probe]) -> None:
    for kind in KEYED:
        tried = Counter(p.steps[p.first_error] for p in made if p.kind == kind)
        assert set(tried) == set(KEYS)
        assert min(tried.values()) >= 8


def test_there_are_keys_of_at_least_20_strings_and_some_in_other_languages() -> None:
    assert len(set(KEYS)) == len(KEYS) >= 20
    assert {" ", ".", ",", ":", "Thought process:", "Solution"} <= set(KEYS)
    assert {"解", "Respuesta", "Lösung", "Réponse", "かいせつ"} <= set(KEYS)


def test_no_two_probes_are_the_same(made: list[Probe]) -> None:
    assert len({probe.probe_id for probe in made}) == len(made)
    shown = [(probe.problem, probe.steps) for probe in made]
    assert len(set(shown)) == len(shown)


def test_the_first_error_is_where_the_probe_says(made: list[Probe]) -> None:
    """By the oracle of the worlds, for every probe that is in a wording it reads."""
    wrong = [p for p in made if p.kind not in REWORDED and first_wrong(p) != p.first_error]
    assert wrong == []


def test_a_reworded_probe_has_the_error_of_the_one_it_was_made_from(made: list[Probe]) -> None:
    by_id = {probe.probe_id: probe for probe in made}
    for probe in (probe for probe in made if probe.kind in REWORDED):
        of = by_id[probe.of]
        assert (probe.first_error, probe.found) == (of.first_error, of.found)
        assert (probe.problem, probe.answer) == (of.problem, of.answer)
        assert len(probe.steps) == len(of.steps)


def in_the_old_words(step: str) -> str:
    """What `paraphrased` does to a step of the worlds, undone."""
    step = step.replace(", and therefore ", ", so ").replace("Therefore, ", "So ")
    step = step.replace("Each ", "Every ").replace(" each ", " every ")
    step = step.replace("The final answer is", "The answer is")
    step = re.sub(r"([A-Z][^.,]*), compared with ([^.,]+)\.", r"Compared with \2, \1.", step)
    return step.replace("dollars for every of", "dollars for each of").replace(
        " in every of", " in each of"
    )


def test_a_paraphrase_says_what_it_was_made_from_in_other_words(made: list[Probe]) -> None:
    by_id = {probe.probe_id: probe for probe in made}
    paraphrases = [probe for probe in made if probe.kind == "paraphrase"]
    for probe in paraphrases:
        back = tuple(in_the_old_words(step) for step in probe.steps)
        assert back == by_id[probe.of].steps
        assert first_wrong(replace(probe, steps=back)) == probe.first_error
    moved = sum(", compared with " in step for probe in paraphrases for step in probe.steps)
    assert moved >= 30


def test_a_confident_probe_only_has_a_phrase_in_front_of_its_steps(made: list[Probe]) -> None:
    by_id = {probe.probe_id: probe for probe in made}
    for probe in (probe for probe in made if probe.kind == "confident"):
        (phrase,) = (p for p in PHRASES if probe.steps[0].startswith(p))
        for step, old in zip(probe.steps, by_id[probe.of].steps, strict=True):
            rest = step.removeprefix(phrase)
            assert rest != step
            assert rest[1:] == old[1:]
            assert rest[0] in (old[0], old[0].lower())


def test_a_probe_is_made_from_a_control_of_the_same_problem(made: list[Probe]) -> None:
    by_id = {probe.probe_id: probe for probe in made}
    for probe in made:
        if probe.kind == "clean":
            assert probe.of == ""
        elif probe.kind not in REWORDED:
            assert by_id[probe.of].kind == "clean"
            assert (by_id[probe.of].problem == probe.problem) == (probe.kind != "contrast")


def test_errors_are_planted_in_every_third_of_a_solution(made: list[Probe]) -> None:
    thirds = Counter(p.first_error * 3 // len(p.steps) for p in made if p.kind in PLANTED)
    assert min(thirds[third] for third in range(3)) >= 50


def test_the_answer_to_an_altered_problem_is_not_known(made: list[Probe]) -> None:
    assert {probe.answer for probe in made if probe.kind == "contrast"} == {None}
    assert all(probe.answer for probe in made if probe.kind not in ("contrast", *REWORDED))


def test_the_same_solutions_and_seed_give_the_same_probes(
    base: list[Base], made: list[Probe]
) -> None:
    assert probes(base) == made
    assert hash_of(made) != hash_of(probes(base, seed=1))


def test_what_is_planted_in_a_solution_does_not_depend_on_the_others(
    base: list[Base], made: list[Probe]
) -> None:
    some = base[10:20]
    ids = {f"{one.problem_id}:" for one in some}
    there = [p for p in made if p.kind not in KEYED and p.probe_id.startswith(tuple(ids))]
    assert [p for p in probes(some) if p.kind not in KEYED] == there


def test_the_hash_sees_every_field(made: list[Probe]) -> None:
    other = replace(made[7], found=(*made[7].found, 99))
    assert hash_of(made) != hash_of([*made[:7], other, *made[8:]])
    assert hash_of(made) == hash_of(list(made))


def test_no_key_is_put_twice_to_one_place_of_few_solutions(base: list[Base]) -> None:
    few = random.Random(0).sample(base, 3)
    made = [probe for probe in probes(few) if probe.kind in KEYED]
    assert len({probe.probe_id for probe in made}) == len(made)
    assert sum(probe.kind == "key_whole" for probe in made) == 3 * len(KEYS)


def test_no_solutions_give_no_probes() -> None:
    assert probes([]) == []
