"""One question to a judge: its draws, bought and read."""

from __future__ import annotations

from dataclasses import dataclass, replace

from annotators.judge.answer import Answer, read_answer
from annotators.judge.modes import Mode
from annotators.judge.settings import JudgeSettings
from pipeline.engines.base import Completion, FinishReason, Prompt
from pipeline.purchase import Purchaser
from pipeline.together import together
from pipeline.verdict import Reason


@dataclass(frozen=True, slots=True)
class Call:
    """One answer. `step`: what it is about in mode one_step, None for the whole solution.
    `retried`: it could not be read, and another one stands for it (not where that one failed: it
    leaves no call). `prompt_tokens`: read for it; draws of one request share them, so the first
    has them all."""

    mode: Mode
    step: int | None
    draw: int
    text: str
    finish_reason: FinishReason
    tokens: int
    prompt_tokens: int
    answer: Answer | None
    reason: Reason | None  # why there is no answer
    retried: bool = False

    def verdicts(self, steps: int) -> list[tuple[int, int | None]]:
        """The steps that it speaks of, with what it says; where nothing was read, None of each."""
        if self.step is not None:
            return [(self.step, self.answer.verdicts[0] if self.answer else None)]
        if self.answer is None:
            return [(step, None) for step in range(steps)]
        return list(enumerate(self.answer.verdicts))


async def ask(
    problem_id: str,
    prompt: Prompt,
    mode: Mode,
    step: int | None,
    steps: int,
    settings: JudgeSettings,
    read: int,
    purchaser: Purchaser,
) -> list[Call]:
    """`settings.samples` draws, and one more for each that cannot be read. `read`: tokens of
    the prompt. Raises EngineDown, StorageError."""
    about = 1 if mode.asks == "verdict" else steps

    async def buy(first: int, n: int) -> list[Call]:
        drawn = await _answers(problem_id, prompt, mode, about, first, n, settings, read, purchaser)
        return [
            _call(mode, step, draw, said, about, settings, again + (read if draw == first else 0))
            for draw, (said, again) in enumerate(drawn, start=first)
        ]

    calls = await buy(0, settings.samples)
    unread = [at for at, call in enumerate(calls) if call.reason not in (None, Reason.FAILED)]
    again = await together(buy(settings.samples + at, 1) for at in unread)
    for at, (call,) in zip(unread, again, strict=True):
        if call.reason is not Reason.FAILED:
            calls[at] = replace(calls[at], retried=True)
    kept = [call for (call,) in again if call.reason is not Reason.FAILED]
    return [*calls, *kept]


async def _answers(
    problem_id: str,
    prompt: Prompt,
    mode: Mode,
    about: int,
    first: int,
    n: int,
    settings: JudgeSettings,
    read: int,
    purchaser: Purchaser,
) -> list[tuple[Completion, int]]:
    """A model that thinks gets room to: a chat's server knows where that ends, and a text is ended
    by us when its budget is spent, and read again for the answer: so many tokens beside each."""
    schema = mode.schema(about) if settings.constrain else ""
    sampling = replace(purchaser.sampling, schema=schema)
    if not settings.reasoning_tokens:
        drawn = await purchaser.draw(problem_id, prompt, first, n, sampling)
        return [(said, 0) for said in drawn]
    if settings.api == "chat":
        room = sampling.max_tokens + settings.reasoning_tokens
        long = replace(sampling, max_tokens=room)
        drawn = await purchaser.draw(problem_id, prompt, first, n, long)
        return [(said, 0) for said in drawn]
    stop = (*sampling.stop, settings.reasoning_end)
    thinking = replace(purchaser.sampling, max_tokens=settings.reasoning_tokens, stop=stop)
    thoughts = await purchaser.draw(problem_id, prompt, first, n, thinking)
    end = f"{settings.reasoning_end}\n\n"

    async def conclude(draw: int, thought: Completion) -> tuple[Completion, int]:
        if thought.finish_reason == "failed":
            return thought, 0
        so_far = Prompt(f"{prompt.text}{thought.text}{end}")
        (said,) = await purchaser.draw(problem_id, so_far, draw, 1, sampling)
        if said.finish_reason == "failed":
            return said, 0
        text = f"{thought.text}{end}{said.text}"
        whole = Completion(text, said.finish_reason, thought.tokens + said.tokens)
        return whole, read + thought.tokens

    return await together(
        conclude(first + number, thought) for number, thought in enumerate(thoughts)
    )


def _call(
    mode: Mode,
    step: int | None,
    draw: int,
    completion: Completion,
    about: int,
    settings: JudgeSettings,
    prompt_tokens: int,
) -> Call:
    answer, reason = None, None
    if completion.finish_reason == "failed":
        reason, prompt_tokens = Reason.FAILED, 0
    else:
        cut = completion.finish_reason == "length"
        end = settings.reasoning_end if settings.reasoning_tokens else ""
        # A server may keep the reasoning to itself; an answer that was not cut is all answer then.
        if not cut and end not in completion.text:
            end = ""
        answer = read_answer(completion.text, mode, about, end)
        if answer is None:
            reason = Reason.TRUNCATED if cut else Reason.UNPARSABLE
    return Call(
        mode, step, draw, completion.text, completion.finish_reason, completion.tokens,
        prompt_tokens, answer, reason,
    )  # fmt: skip
