"""A step left out that the next one cannot do without.

Guaranteed (needed.py): the step that takes its place makes use of something that is nowhere stated
or worked out. That step is the first error; a judge that names a later step which makes use of the
same thing has found it too.
"""

from __future__ import annotations

from annotators.judge.probes.base import Base
from annotators.judge.probes.needed import needs
from annotators.judge.probes.probe import Change


def skipped_steps(base: Base) -> list[Change]:
    """One for each step that is needed."""
    return [
        Change(
            steps=(*base.steps[:place], *base.steps[place + 1 :]),
            first_error=place,
            found=tuple(user - 1 for user in need.users),
            detail=f"The step was left out that works out '{need.what}'.",
        )
        for place, need in needs(base).items()
    ]
