"""The toy policy as distilabel's Math-Shepherd completer asks it: a chat for N solutions at once.

The last message, after the completer's own template::

    Generate 8 example solutions to the same problem, separated by a single `---` …
    This is the problem:
    Add up: 3 + 5 + 8 + 2 Step 1: 3 + 5 = 8
    Step 2: 8 + 8 = 16

and the answer, N times with `---` between::

    Step 3: 16 + 2 = 18
    The answer is: 18

Guarantees: each solution is a draw of the stub engine after the same steps, written in the form
above: the chances are those of a rollout. Any other prompt goes to the stub engine as it is.
"""

from __future__ import annotations

import re
from dataclasses import replace

from pipeline.engines.base import Completion, EngineIdentity, Prompt, Request, Scored
from pipeline.engines.stub import StubEngine
from pipeline.engines.toy import ANSWER

_ASKED = re.compile(r"Generate (\d+) example solutions.*This is the problem:\n(.*)", re.DOTALL)
_STEP = re.compile(r"\s*Step \d+: ([^\n]*)")


class CompleterEngine:
    """See the module's docstring."""

    def __init__(self, inner: StubEngine) -> None:
        self._inner = inner

    @property
    def identity(self) -> EngineIdentity:
        return self._inner.identity

    def encode(self, text: str) -> tuple[int, ...]:
        return self._inner.encode(text)

    def decode(self, ids: tuple[int, ...]) -> str:
        return self._inner.decode(ids)

    def char_ends(self, ids: tuple[int, ...]) -> list[int]:
        return self._inner.char_ends(ids)

    async def start(self) -> None:
        await self._inner.start()

    async def close(self) -> None:
        await self._inner.close()

    async def score(self, problem_id: str, prompt: Prompt, continuation: Prompt) -> Scored | None:
        return await self._inner.score(problem_id, prompt, continuation)

    async def complete(self, request: Request) -> list[Completion]:
        asked = _ASKED.search(request.prompt.chat[-1][1]) if request.prompt.chat else None
        if asked is None:
            return await self._inner.complete(request)
        count = int(asked[1])
        prompt, done = toy_prompt(asked[2])
        found = []
        for draw in range(request.first_draw, request.first_draw + request.n):
            one = replace(request, prompt=Prompt(prompt), n=count, first_draw=draw * count)
            drawn = await self._inner.complete(one)
            texts = [as_steps(completion.text, done) for completion in drawn]
            text = "\n\n---\n\n".join(texts)
            found.append(Completion(text, "stop", len(text) + 1))
        return found


def toy_prompt(instruction: str) -> tuple[str, int]:
    """Our own prompt for a problem with numbered steps behind it, and how many steps there are."""
    problem = re.split(r"\s*Step 1: ", instruction, maxsplit=1)[0]
    steps = _STEP.findall(instruction[len(problem) :])
    return problem.strip() + "\n" + "".join(f"{step.strip()}\n\n" for step in steps), len(steps)


def as_steps(text: str, done: int = 0) -> str:
    """A toy solution with numbered steps, the first of which is `done` + 1."""
    lines = [line for line in text.split("\n\n") if line.strip()]
    numbered = []
    for index, line in enumerate(lines):
        answer = ANSWER.fullmatch(line.strip())
        said = (
            f"The answer is: {answer[1]}" if answer else f"Step {done + index + 1}: {line.strip()}"
        )
        numbered.append(said)
    return "\n".join(numbered)
