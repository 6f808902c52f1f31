"""Judges: what language models say of the steps of a solution, as evidence and call by call.

Guaranteed: every call is a row of `judgements`, the unparsed and failed ones too (a second try that
failed leaves the first as it was); each mode is a source of its own, with one row of evidence for
each step it was asked about: how many calls said correct, incorrect, nothing. An answer that cannot
be read is asked for once more (a new draw) and is unknown if that cannot be read either; a failed
call is unknown; a step that nobody was asked about has no row. With an allowance, solutions are
asked about in the order given until the next one might exceed it: what is bought depends on these
solutions alone, and a killed run buys the same. A call that solutions with the same beginning share
(mode one_step) is bought once; its cost stands with the first of them.

Not guaranteed: that a judge is right; annotators/judge/probes measures that before its votes count.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa

from annotators.judge.answer import Answer
from annotators.judge.call import Call, ask
from annotators.judge.modes import MODES, Mode
from annotators.judge.settings import JudgeSettings
from annotators.judge.template import JudgeTemplate, load_template
from pipeline.engines.base import Engine, EngineIdentity, Prompt
from pipeline.prefix import about_tokens
from pipeline.purchase import Purchaser
from pipeline.recipe import content_hash
from pipeline.schemas import EVIDENCE, JUDGEMENTS
from pipeline.together import together

VERSION = 1
_WAVE = 64  # solutions that are asked about at once where there is an allowance
_EXCERPT = 400  # characters of a critique that the evidence shows


@dataclass(frozen=True, slots=True)
class JudgeTask:
    """A solution to be judged."""

    solution_id: str
    problem_id: str
    problem: str
    steps: tuple[str, ...]
    reference: str | None  # the answer, for modes that are told it


@dataclass(frozen=True, slots=True)
class Judge:
    """A judge whose templates are loaded. `engine`: for its tokenizer; it need not be started."""

    name: str
    settings: JudgeSettings
    templates: dict[str, JudgeTemplate]
    identity: EngineIdentity
    engine: Engine

    @property
    def modes(self) -> list[Mode]:
        return [MODES[name] for name in self.settings.modes]

    def source(self, mode: Mode) -> str:
        """All that can change a verdict of this mode; not the judge's name in the recipe."""
        s = self.settings
        sampling = [s.temperature, s.top_p, s.top_k, s.max_tokens, list(s.stop), s.constrain]
        thought = [s.reasoning_tokens, s.reasoning_end]
        model = [self.identity.model_revision, self.identity.tokenizer_hash, s.api]
        prompt = self.templates[mode.name].hash
        return content_hash([VERSION, mode.name, *model, prompt, *sampling, *thought])

    @property
    def prompt_hash(self) -> str:
        return prompt_hash(self.templates)

    def shape(self) -> list[Any]:
        """What shapes its evidence: the sources, and how often each is asked."""
        return [*(self.source(mode) for mode in self.modes), self.settings.samples]

    def questions(self, task: JudgeTask) -> list[tuple[Mode, int | None, Prompt]]:
        """What is asked about a solution: the mode, the step (None: all of them), the prompt."""
        return [
            (
                mode,
                step,
                self.templates[mode.name].render(mode, task.problem, shown, task.reference or ""),
            )
            for mode in self.modes
            for step, shown in _asked(task, mode)
        ]

    def prompt_tokens(self, prompt: Prompt) -> int:
        """What a request with it reads, or nearly: a chat's template is its server's."""
        ids = self.engine.encode(prompt.text)
        return about_tokens(prompt.text) if ids is None else len(ids)


def prompt_hash(templates: Mapping[str, JudgeTemplate]) -> str:
    """Of all prompts of a judge."""
    return content_hash({mode: template.hash for mode, template in templates.items()})


def templates_of(settings: JudgeSettings) -> dict[str, JudgeTemplate]:
    """Raises RecipeError where one is missing or wrong."""
    return {mode: load_template(settings.prompts, MODES[mode]) for mode in settings.modes}


@dataclass(frozen=True, slots=True)
class Judged:
    """`tokens`: read and written. `asked`: solutions; the rest found no room in the allowance."""

    evidence: pa.Table
    judgements: pa.Table
    tokens: int
    asked: int


async def judge_solutions(
    tasks: Sequence[JudgeTask], judge: Judge, purchaser: Purchaser, allowance: int | None
) -> Judged:
    """Raises EngineDown, StorageError."""
    calls: list[tuple[JudgeTask, list[Call]]] = []
    paid: set[tuple[object, ...]] = set()
    waiting, spent = list(tasks), 0
    while waiting:
        wave = len(waiting)
        if allowance is not None:
            wave = _fitting(waiting[:_WAVE], judge, allowance - spent)
        if not wave:
            break
        found = await together(judge_solution(task, judge, purchaser) for task in waiting[:wave])
        for task, made in zip(waiting[:wave], found, strict=True):
            own = [once(task, call, paid) for call in made]
            spent += sum(call.tokens + call.prompt_tokens for call in own)
            calls.append((task, own))
        del waiting[:wave]
    evidence = [row for task, made in calls for row in _evidence(task, made, judge)]
    judgements = [_judgement(task, call, judge) for task, made in calls for call in made]
    return Judged(
        pa.Table.from_pylist(evidence, schema=EVIDENCE),
        pa.Table.from_pylist(judgements, schema=JUDGEMENTS),
        spent,
        len(calls),
    )


async def judge_solution(task: JudgeTask, judge: Judge, purchaser: Purchaser) -> list[Call]:
    """All calls about one solution, in the order of modes, steps and draws."""
    parts = await together(
        ask(
            task.problem_id,
            prompt,
            mode,
            step,
            len(task.steps),
            judge.settings,
            judge.prompt_tokens(prompt),
            purchaser,
        )
        for mode, step, prompt in judge.questions(task)
    )
    return [call for part in parts for call in part]


def _asked(task: JudgeTask, mode: Mode) -> list[tuple[int | None, tuple[str, ...]]]:
    """What a mode asks about: the step, or None for all of them, and the steps that are shown."""
    if not task.steps or (mode.reference and not task.reference):
        return []
    if mode.asks == "verdict":
        return [(step, task.steps[: step + 1]) for step in range(len(task.steps))]
    return [(None, task.steps)]


def once(task: JudgeTask, call: Call, paid: set[tuple[object, ...]]) -> Call:
    """The call without its cost where another solution's has it."""
    if call.step is None:
        return call
    asked = (task.problem, task.steps[: call.step + 1], call.mode.name, call.draw)
    if asked in paid:
        return replace(call, tokens=0, prompt_tokens=0)
    paid.add(asked)
    return call


def _fitting(tasks: Sequence[JudgeTask], judge: Judge, left: int) -> int:
    """How many of the first tasks fit, whatever their answers are."""
    settings = judge.settings
    draws = 2 * settings.samples
    answer = draws * (settings.max_tokens + settings.reasoning_tokens)
    requests = 1 + settings.samples  # a retry is one of its own
    if settings.reasoning_tokens and settings.api != "chat":  # what was thought is read again
        answer += draws * settings.reasoning_tokens
        requests += draws
    for number, task in enumerate(tasks):
        for _, _, prompt in judge.questions(task):
            left -= answer + requests * judge.prompt_tokens(prompt)
        if left < 0:
            return number
    return len(tasks)


def _evidence(task: JudgeTask, calls: Sequence[Call], judge: Judge) -> list[dict[str, Any]]:
    rows = []
    for mode in judge.modes:
        votes: list[Counter[int | None]] = [Counter() for _ in task.steps]
        says: dict[int, str] = {}
        own = [call for call in calls if call.mode is mode and not call.retried]
        for call in own:
            for step, verdict in call.verdicts(len(task.steps)):
                votes[step][verdict] += 1
                if verdict == 0 and call.answer is not None:
                    says.setdefault(step, _excerpt(call.answer))
        voted = [step for step, vote in enumerate(votes) if vote.total()]
        total = sum(call.tokens for call in calls if call.mode is mode)
        spent = dict(zip(voted, _split(total, len(voted)), strict=True))
        rows += [
            {
                "solution_id": task.solution_id,
                "step": step,
                "annotator": judge.name,
                "source": judge.source(mode),
                "target": mode.target,
                "correct": votes[step][1],
                "incorrect": votes[step][0],
                "unknown": votes[step][None],
                "censored": False,
                "score": None,
                "detail": [{"rule": mode.name, "start": 0, "end": 0, "text": says[step]}]
                if says.get(step)
                else [],
                "tokens": spent[step],
                "seconds": None,
            }
            for step in voted
        ]
    return rows


def _judgement(task: JudgeTask, call: Call, judge: Judge) -> dict[str, Any]:
    answer = call.answer
    return {
        "solution_id": task.solution_id,
        "problem_id": task.problem_id,
        "annotator": judge.name,
        "source": judge.source(call.mode),
        "mode": call.mode.name,
        "step": call.step,
        "draw": call.draw,
        "verdicts": None if answer is None else list(answer.verdicts),
        "first_error": answer.first_error if answer and call.step is None else None,
        "critique": answer.critique if answer else None,
        "correction": (answer.correction or None) if answer else None,
        "text": call.text,
        "finish_reason": call.finish_reason,
        "reason": None if call.reason is None else call.reason.value,
        "retried": call.retried,
        "tokens": call.tokens,
        "prompt_tokens": call.prompt_tokens,
    }


def _excerpt(answer: Answer) -> str:
    text = answer.critique or (f"it should say: {answer.correction}" if answer.correction else "")
    return text if len(text) <= _EXCERPT else text[: _EXCERPT - 1] + "…"


def _split(total: int, parts: int) -> list[int]:
    """In whole parts as even as can be; they add up to the total."""
    return [total * (at + 1) // parts - total * at // parts for at in range(parts)]
