"""What a judge said of one probe, beside what is known of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from annotators.judge.probes.probe import Probe


@dataclass(frozen=True, slots=True)
class Said:
    """1 correct, 0 incorrect, None unknown, for each step; None as a whole: nothing was read."""

    verdicts: tuple[int | None, ...] | None
    parsed: bool
    failed: bool  # the call itself gave nothing
    tokens: int


@dataclass(frozen=True, slots=True)
class Case:
    """A probe and the answer to it."""

    probe: Probe
    said: Said

    def __post_init__(self) -> None:
        verdicts = self.said.verdicts
        if verdicts is not None and len(verdicts) != len(self.probe.steps):
            raise ValueError(
                f"{self.probe.probe_id} has {len(self.probe.steps)} steps, "
                f"and there are {len(verdicts)} verdicts"
            )

    @property
    def answered(self) -> bool:
        return self.said.verdicts is not None

    @property
    def named(self) -> int:
        """The first step that was called incorrect, or -1."""
        verdicts = self.said.verdicts or ()
        return verdicts.index(0) if 0 in verdicts else -1

    @property
    def found(self) -> bool:
        """Whether the planted error was named, and nothing before it."""
        return self.named in self.probe.found

    @property
    def accepted(self) -> bool:
        """Whether the step at the error's place was called correct, and none incorrect."""
        verdicts = self.said.verdicts
        return verdicts is not None and self.named < 0 and verdicts[self.probe.first_error] == 1

    @property
    def third(self) -> int:
        """In which third of the solution the error stands: 0, 1 or 2."""
        return self.probe.first_error * 3 // len(self.probe.steps)


@dataclass(frozen=True, slots=True)
class Share:
    """`count` of `of`; without cases there is no share."""

    count: int
    of: int

    @classmethod
    def among(cls, outcomes: Iterable[bool]) -> Share:
        all_of_them = list(outcomes)
        return cls(sum(all_of_them), len(all_of_them))

    @property
    def value(self) -> float | None:
        return self.count / self.of if self.of else None
