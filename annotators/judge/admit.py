"""The admission test: every probe is put to a judge once in each of its modes, and scored.

A probe's verdict on a step is the majority of the modes that could be read; a tie is unknown.
Guarantees: what was bought is in the journal, so a killed test goes on; the result is a pure
function of the answers. One draw of each mode: more would cost as much again and tell little,
as draws of one judge fall into the same traps.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from annotators.judge.annotator import Judge, JudgeTask, judge_solution, once
from annotators.judge.call import Call
from annotators.judge.probes.admission import Admission, score
from annotators.judge.probes.failing import failing_cases
from annotators.judge.probes.gate import Gate
from annotators.judge.probes.make import bundled_base, hash_of, probes, read_base
from annotators.judge.probes.probe import Probe
from annotators.judge.probes.said import Said
from annotators.judge.settings import JudgeSettings
from pipeline.purchase import Purchaser
from pipeline.recipe import content_hash
from pipeline.together import together
from pipeline.verdict import Reason

VERSION = 1
SHOWN = 12  # failing cases


@dataclass(frozen=True, slots=True)
class Admitted:
    """A judge's test, and failing cases. `whole`: no call failed; a server that was down is no
    property of the judge."""

    admission: Admission
    cases: list[str]
    whole: bool


@dataclass(frozen=True, slots=True)
class AdmissionTest:
    """Of one judge, whose settings are `judge.settings`."""

    judge: Judge
    probes: list[Probe]

    @staticmethod
    def of(judge: Judge) -> AdmissionTest:
        """Raises ProblemFileError where the recipe's own probes cannot be read."""
        single = judge.settings.model_copy(update={"samples": 1})
        return AdmissionTest(replace(judge, settings=single), probes_of(judge.settings))

    @property
    def key(self) -> str:
        """The judge with its prompts, and the probes; neither gate nor name."""
        return content_hash([VERSION, self.judge.shape(), hash_of(self.probes)])

    def cost(self) -> tuple[int, int, int]:
        """Calls, tokens read, and tokens that may be written at most (retries left out)."""
        prompts = {  # probes that begin alike share prompts in mode one_step
            (mode.name, prompt)
            for task in map(_task, self.probes)
            for mode, _, prompt in self.judge.questions(task)
        }
        settings, calls = self.judge.settings, len(prompts)
        read = sum(self.judge.prompt_tokens(prompt) for _, prompt in prompts)
        return calls, read, calls * (settings.max_tokens + settings.reasoning_tokens)

    async def run(self, purchaser: Purchaser) -> Admitted:
        """Raises EngineDown, StorageError."""
        tasks = [_task(probe) for probe in self.probes]
        found = await together(judge_solution(task, self.judge, purchaser) for task in tasks)
        paid: set[tuple[object, ...]] = set()
        calls = [
            [once(task, call, paid) for call in made]
            for task, made in zip(tasks, found, strict=True)
        ]
        said = [_said(made, len(task.steps)) for task, made in zip(tasks, calls, strict=True)]
        return Admitted(
            score(self.probes, said),
            failing_cases(self.probes, said, SHOWN),
            whole=not any(_lost(call) for made in calls for call in made),
        )


def probes_of(settings: JudgeSettings) -> list[Probe]:
    """Raises ProblemFileError."""
    return probes(read_base(settings.probes) if settings.probes else bundled_base())


def gate_of(settings: JudgeSettings) -> Gate:
    return Gate(settings.max_fooled, settings.min_sensitivity, settings.min_specificity)


def _task(probe: Probe) -> JudgeTask:
    # Probes made of one solution go to one replica, whose cache knows the problem.
    return JudgeTask(
        probe.probe_id, probe.of or probe.probe_id, probe.problem, probe.steps, probe.answer
    )


def _said(calls: Sequence[Call], steps: int) -> Said:
    standing = [call for call in calls if not call.retried]
    votes: list[Counter[Any]] = [Counter() for _ in range(steps)]
    for call in standing:
        for step, verdict in call.verdicts(steps):
            votes[step][verdict] += 1
    read = any(call.answer is not None for call in standing)
    return Said(
        tuple(_majority(vote) for vote in votes) if read else None,
        parsed=read,
        failed=bool(standing) and all(call.finish_reason == "failed" for call in standing),
        tokens=sum(call.tokens + call.prompt_tokens for call in calls),
    )


def _lost(call: Call) -> bool:
    """A call that failed, or whose second try did: that one leaves no row of its own."""
    first_try = call.draw == 0
    return call.reason is Reason.FAILED or (call.answer is None and first_try and not call.retried)


def _majority(votes: Counter[Any]) -> int | None:
    if votes[1] == votes[0]:
        return None
    return int(votes[1] > votes[0])
