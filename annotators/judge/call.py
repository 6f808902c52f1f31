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
    `retried`: it could not be read, and another one stands for it. `prompt_tokens`: read for it;
    draws of one request share them, so the first has them all."""

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

    async def draw(first: int, n: int) -> list[Call]:
        drawn = await _answers(problem_id, prompt, mode, about, first, n, settings, purchaser)
        return [
            _call(mode, step, first + number, completion, about, settings, 0 if number else read)
            for number, completion in enumerate(drawn)
        ]

    calls = await draw(0, settings.samples)
    unread = [at for at, call in enumerate(calls) if call.reason not in (None, Reason.FAILED)]
    again = await together(draw(settings.samples + at, 1) for at in unread)
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
    purchaser: Purchaser,
) -> list[Completion]:
    """A model that thinks gets room to: a chat's server knows where that ends, and a text is ended
    by us when its budget is spent."""
    schema = mode.schema(about) if settings.constrain else ""
    sampling = replace(purchaser.sampling, schema=schema)
    if not settings.reasoning_tokens:
        return await purchaser.draw(problem_id, prompt, first, n, sampling)
    if settings.api == "chat":
        room = sampling.max_tokens + settings.reasoning_tokens
        long = replace(sampling, max_tokens=room)
        return await purchaser.draw(problem_id, prompt, first, n, long)
    stop = (*sampling.stop, settings.reasoning_end)
    thinking = replace(purchaser.sampling, max_tokens=settings.reasoning_tokens, stop=stop)
    thoughts = await purchaser.draw(problem_id, prompt, first, n, thinking)
    end = f"{settings.reasoning_end}\n\n"

    async def conclude(draw: int, thought: Completion) -> Completion:
        if thought.finish_reason == "failed":
            return thought
        so_far = Prompt(f"{prompt.text}{thought.text}{end}")
        (said,) = await purchaser.draw(problem_id, so_far, draw, 1, sampling)
        if said.finish_reason == "failed":
            return said
        text = f"{thought.text}{end}{said.text}"
        return Completion(text, said.finish_reason, thought.tokens + said.tokens)

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
        end = settings.reasoning_end if settings.reasoning_tokens else ""
        answer = read_answer(completion.text, mode, about, end)
        if answer is None:
            cut = completion.finish_reason == "length"
            reason = Reason.TRUNCATED if cut else Reason.UNPARSABLE
    return Call(
        mode, step, draw, completion.text, completion.finish_reason, completion.tokens,
        prompt_tokens, answer, reason,
    )  # fmt: skip
