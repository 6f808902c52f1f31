"""How likely the toy policy ends in a number, in closed form: no draw is made.

A step that follows the true total errs with chance `error`; one that follows a wrong total returns
to the true one with chance `repair`, or else errs with chance `error`. An error is off by 1 to 5,
down or up, each as likely (up alone where there is no room below). At the end a wrong total is
stated as the true one with chance `luck`.

Guarantees: the chances add up to 1; they are those of pipeline/engines/stub.py but for its 32-bit
random numbers, where direction and size of an error are not quite independent of its chance.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import accumulate

_OFF = range(1, 6)


def total_chances(
    addends: Sequence[int], done: int, stated: int, error: float, repair: float, luck: float
) -> dict[int, float]:
    """By number: that it is stated as the answer, after `done` additions that led to `stated`."""
    totals = list(accumulate(addends))
    chances = {stated: 1.0}
    for index in range(done + 1, len(addends)):
        before, true = totals[index - 1 : index + 1]
        following: defaultdict[int, float] = defaultdict(float)
        for value, chance in chances.items():
            repaired = 0.0 if value == before else repair
            # A draw below `repair` repairs, one above 1 - `error` errs.
            wrong = min(error, 1.0 - repaired)
            total = value + addends[index]
            following[true] += chance * repaired
            following[total] += chance * (1.0 - repaired - wrong)
            for off in _OFF:
                down = total - off if total > off else total + off
                following[down] += chance * wrong / 10
                following[total + off] += chance * wrong / 10
        chances = following
    true = totals[-1]
    ended = {value: chance * (1.0 - luck) for value, chance in chances.items() if value != true}
    ended[true] = chances.get(true, 0.0)
    ended[true] += luck * sum(chance for value, chance in chances.items() if value != true)
    return ended
