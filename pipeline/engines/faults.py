"""Faults that a server plants on purpose: what goes wrong, with which requests, how often.

    429:0.05        one request in twenty is answered with HTTP 429 and Retry-After: 1
    hang:0.01:30    one in a hundred is not answered; the connection closes after 30 s

Guarantees: what happens to a request depends on its content, on how often that content came
before, and on the seed; so neither the order in which requests arrive nor the clock changes it,
and a request that is sent again gets another throw of the dice. Not guaranteed: exact shares (they
are chances), and anything about a client that never sends two equal requests.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import Literal, get_args

from pipeline.errors import InputError

Kind = Literal["status", "hang", "close", "html", "truncated", "few", "empty"]
_NAMED = tuple(kind for kind in get_args(Kind) if kind != "status")


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong with one request.

    status: answer `status` (with `retry_after` where set). hang: no answer for `seconds`, then the
    connection closes. close: the connection closes at once. html, truncated: a 200 that is not
    JSON, or breaks off. few: only the first `keep` choices. empty: every text is empty.
    """

    kind: Kind
    status: int = 500
    retry_after: str = ""
    seconds: float = 3600.0
    keep: int = 1

    @property
    def name(self) -> str:
        """As it is written in `--fault`."""
        return str(self.status) if self.kind == "status" else self.kind


Faults = Callable[[int], Fault | None]  # by the number of the request, from 0


@dataclass(frozen=True, slots=True)
class FaultPlan:
    """Chances for each request, and the faults of the first `first` requests (in turn)."""

    shares: tuple[tuple[Fault, float], ...] = ()
    seed: int = 0
    first: int = 0
    _seen: Counter[bytes] = field(default_factory=Counter, init=False, repr=False, compare=False)

    def of(self, number: int, content: bytes) -> Fault | None:
        """The fault of request `number`, whose content hashes to `content`."""
        before = self._seen[content]
        self._seen[content] += 1
        if number < self.first:
            return self.shares[number % len(self.shares)][0]
        dice = blake2b(f"{self.seed}:{before}:".encode() + content, digest_size=8).digest()
        chance = int.from_bytes(dice, "little") / 2**64
        for fault, share in self.shares:
            if chance < share:
                return fault
            chance -= share
        return None


def fault_plan(specs: Sequence[str], seed: int, first: int = 0) -> FaultPlan:
    """Raises InputError that names the spec at fault."""
    shares = tuple(_parse(spec) for spec in specs)
    total = sum(share for _, share in shares)
    if total > 1 + 1e-9:
        raise InputError(f"--fault: the shares add up to {total:g}, more than all requests")
    if first and not shares:
        raise InputError("--first: which faults? Give at least one --fault KIND:SHARE")
    return FaultPlan(shares, seed, first)


def _parse(spec: str) -> tuple[Fault, float]:
    """429:0.05, hang:0.01 or hang:0.01:30"""
    kind, _, rest = spec.partition(":")
    share, _, seconds = rest.partition(":")
    try:
        chance, wait = float(share), float(seconds) if seconds else None
    except ValueError:
        raise _bad(spec, "KIND:SHARE or KIND:SHARE:SECONDS is wanted, both numbers") from None
    if not 0 <= chance <= 1:
        raise _bad(spec, "a share lies between 0 and 1")
    if wait is not None and (kind not in ("429", "503", "hang") or not 0 <= wait < float("inf")):
        raise _bad(spec, "seconds, 0 or more, are for hang, and for the Retry-After of 429 and 503")
    fault = _fault(spec, kind)
    if kind == "hang" and wait is not None:
        fault = replace(fault, seconds=wait)
    elif wait is not None or kind == "429":
        fault = replace(fault, retry_after=f"{1.0 if wait is None else wait:g}")
    return fault, chance


def _fault(spec: str, kind: str) -> Fault:
    for name in _NAMED:
        if kind == name:
            return Fault(name)
    if kind.isascii() and kind.isdigit() and 400 <= int(kind) <= 599:
        return Fault("status", int(kind))
    raise _bad(spec, f"{kind!r} is no fault; there are {', '.join(_NAMED)} and 400 to 599")


def _bad(spec: str, why: str) -> InputError:
    return InputError(f"--fault {spec}: {why}", spec=spec)
