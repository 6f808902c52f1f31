"""All probes of a set of faultless solutions.

Guarantees: the same solutions and seed give the same probes, on every machine; what is planted in
a solution does not depend on the others; every probe has an id of its own, and no key is put to
the same place twice. A perturbation that does not apply to a solution gives nothing. From the
bundled solutions: 600 keys, so that one accepted key still passes the default gate and two do not.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from itertools import chain, islice, zip_longest

from annotators.judge.probes.base import Base, bundled_base, read_base
from annotators.judge.probes.contrast import altered_problems
from annotators.judge.probes.keys import KEYS, keyed_step, keyed_whole
from annotators.judge.probes.needed import needs
from annotators.judge.probes.number import false_numbers
from annotators.judge.probes.operation import other_operands, other_operations
from annotators.judge.probes.probe import Change, Kind, Probe
from annotators.judge.probes.reword import PHRASES, confident, paraphrased
from annotators.judge.probes.skipped import skipped_steps
from annotators.judge.probes.turned import turned_round

__all__ = ["Base", "bundled_base", "hash_of", "probes", "read_base"]

# Equations are found in half of the bundled solutions only, so two of each.
MOST: dict[Kind, int] = {
    "number": 2,
    "operator": 2,
    "operand": 2,
    "skipped": 1,
    "reversed": 1,
    "contrast": 1,
}
KEYS_OF_A_KIND = 300


def probes(base: Sequence[Base], seed: int = 0) -> list[Probe]:
    """Controls, planted errors and rewordings of each solution in turn, then the keys."""
    made = [probe for one in base for probe in _of_one(one, seed)]
    keyed = (islice(keys, KEYS_OF_A_KIND) for keys in (_keyed_steps(base), _keyed_wholes(base)))
    return [*made, *chain.from_iterable(keyed)]


def hash_of(probes: Sequence[Probe]) -> str:
    """The identity of a set of probes: whatever a judge is shown or scored by is in it."""
    text = json.dumps([asdict(probe) for probe in probes])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _of_one(base: Base, seed: int) -> list[Probe]:
    control = Probe(
        probe_id=f"{base.problem_id}:clean",
        kind="clean",
        problem=base.text,
        steps=base.steps,
        answer=base.answer,
        first_error=-1,
        found=(),
        of="",
        detail="A faultless solution.",
    )
    planted = _planted(base, seed)
    rng = _rng(base, "reworded", seed)
    reworded = _reworded(control, rng)
    if planted:
        reworded += _reworded(rng.choice(planted), rng)
    return [control, *planted, *reworded]


def _planted(base: Base, seed: int) -> list[Probe]:
    changes: dict[Kind, list[Change]] = {
        "number": false_numbers(base, _rng(base, "number", seed)),
        "operator": other_operations(base),
        "operand": other_operands(base, _rng(base, "operand", seed)),
        "skipped": skipped_steps(base),
        "reversed": turned_round(base),
        "contrast": altered_problems(base, _rng(base, "contrast", seed)),
    }
    made = []
    for kind, all_of_kind in changes.items():
        drawn = _spread(all_of_kind, MOST[kind], _rng(base, f"places of {kind}", seed))
        made += [_probe(base, kind, f"{at}", all_of_kind[at]) for at in drawn]
    return made


def _spread(changes: Sequence[Change], most: int, rng: random.Random) -> list[int]:
    """Some of the changes, from different thirds of the solution: late places are rarer."""
    thirds: dict[int, list[int]] = {}
    for at, change in enumerate(changes):
        thirds.setdefault(change.first_error * 3 // len(change.steps), []).append(at)
    order = rng.sample(sorted(thirds), len(thirds))
    in_turn = zip_longest(*(rng.sample(thirds[third], len(thirds[third])) for third in order))
    return sorted([at for turn in in_turn for at in turn if at is not None][:most])


def _reworded(probe: Probe, rng: random.Random) -> list[Probe]:
    """The probe in other words and in a surer tone, where that changes anything."""
    surer = rng.choice(PHRASES)
    texts: dict[Kind, tuple[str, ...]] = {
        "paraphrase": tuple(paraphrased(step) for step in probe.steps),
        "confident": tuple(confident(step, surer) for step in probe.steps),
    }
    how = {"paraphrase": "In other words", "confident": f"With {surer!r} in front of the steps"}
    return [
        replace(
            probe,
            probe_id=f"{probe.probe_id}:{kind}",
            kind=kind,
            steps=steps,
            of=probe.probe_id,
            detail=f"{probe.detail} {how[kind]}.",
        )
        for kind, steps in texts.items()
        if steps != probe.steps
    ]


def _keyed_steps(base: Sequence[Base]) -> Iterator[Probe]:
    """Every place has its turn before one has its second; the keys take turns as well."""
    places = [(one, at, need) for one in base for at, need in needs(one).items()]
    for turn in range(len(KEYS)):
        for n, (one, at, need) in enumerate(places):
            which = (n + turn) % len(KEYS)
            change = keyed_step(one, at, need, KEYS[which])
            yield _probe(one, "key_step", f"{at}:{which}", change)


def _keyed_wholes(base: Sequence[Base]) -> Iterator[Probe]:
    for turn in range(len(KEYS)):
        for n, one in enumerate(base):
            which = (n + turn) % len(KEYS)
            yield _probe(one, "key_whole", f"{which}", keyed_whole(KEYS[which]))


def _probe(base: Base, kind: Kind, name: str, change: Change) -> Probe:
    return Probe(
        probe_id=f"{base.problem_id}:{kind}:{name}",
        kind=kind,
        problem=base.text if change.problem is None else change.problem,
        steps=change.steps,
        answer=base.answer if change.problem is None else None,
        first_error=change.first_error,
        found=change.found,
        of=f"{base.problem_id}:clean",
        detail=change.detail,
    )


def _rng(base: Base, purpose: str, seed: int) -> random.Random:
    return random.Random(f"probes/{seed}/{base.problem_id}/{purpose}")
