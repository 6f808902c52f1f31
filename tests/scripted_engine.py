"""An engine that says what a function says of prompt and draw: judges with known opinions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from pipeline.engines.base import Completion, EngineIdentity, Load, Prompt, Request, Scored


class ScriptedEngine:
    """Keeps every request in `asked`. A text has one token a character and one for its end; where
    that is not enough (a cut or a failed answer), `answer` gives a whole Completion."""

    def __init__(self, answer: Callable[[Prompt, int], str | Completion]) -> None:
        self.answer = answer
        self.asked: list[Request] = []

    @property
    def identity(self) -> EngineIdentity:
        return EngineIdentity("scripted", "")

    def encode(self, text: str) -> None:
        return None

    def decode(self, ids: tuple[int, ...]) -> None:
        return None

    def char_ends(self, ids: tuple[int, ...]) -> None:
        return None

    async def start(self) -> None:
        pass

    async def verify(self) -> None:
        pass

    def load(self) -> Load:
        return Load()

    @property
    def troubles(self) -> Counter[str]:
        return Counter()

    async def complete(self, request: Request) -> list[Completion]:
        self.asked.append(request)
        draws = range(request.first_draw, request.first_draw + request.n)
        said = [self.answer(request.prompt, draw) for draw in draws]
        return [
            Completion(one, "stop", len(one) + 1) if isinstance(one, str) else one for one in said
        ]

    async def score(self, problem_id: str, prompt: Prompt, continuation: Prompt) -> Scored | None:
        return None

    async def close(self) -> None:
        pass
