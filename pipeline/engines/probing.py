"""What a server knows, found out with requests of one token: ids, log-probabilities, chat.

Log-probabilities are asked for only where the server gives token ids (they would have nothing to
stand beside) and showed some here. The request for them is `"logprobs": 0`, the chosen token's
alone, which vLLM, SGLang and OpenAI take; a larger number lists alternatives nobody reads.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Sequence
from typing import Any

from pipeline.engines.answers import BadAnswer
from pipeline.engines.asking import Asker, Call
from pipeline.engines.base import Completion
from pipeline.engines.dialect import IDS, LOGPROBS, Dialect
from pipeline.engines.http import Refused
from pipeline.engines.prompt_logprobs import prompt_tokens
from pipeline.errors import EngineDown

PROBE = "1 + 1 = 2"
PROMPT_LOGPROBS = {"prompt_logprobs": 0}

_log = logging.getLogger(__name__)


class Probing:
    """The questions to a server whose answers a `dialect` keeps."""

    def __init__(
        self,
        asker: Asker,
        dialect: Dialect,
        usable: Callable[[dict[str, Any]], list[Completion]],
        urls: Sequence[str],
    ) -> None:
        self._asker = asker
        self._dialect = dialect
        self._usable = usable  # the completions in an answer
        self._urls = list(urls)

    async def chats(self) -> None:
        """One tiny chat, which also teaches the name of the limit of tokens. Raises EngineDown."""
        try:
            await self.try_({})
        except Refused as refused:
            raise EngineDown(f"the server refuses to chat: {refused}", urls=self._urls) from None

    async def completes(self, ids: Sequence[int] | None) -> None:
        """Does the server take ids as a prompt, and give ids and logprobs? `ids`: of PROBE, where
        they are known. Raises EngineDown.

        One request where it takes all of it, four at most: where it refuses, parts are left out
        until it does not, and log-probabilities tried again if it was another part it refused.
        """
        prompt = {"prompt": list(ids or (1,) * 8)}
        dialect, refused = self._dialect, None
        for extra in (prompt | IDS | LOGPROBS, prompt | IDS, IDS, {}):
            try:
                choice = await self.try_(extra)
            except Refused as error:
                refused = error
                continue
            dialect.takes_ids = "prompt" in extra
            dialect.gives_ids = gives_ids = isinstance(choice.get("token_ids"), list)
            if extra == IDS and gives_ids:
                with contextlib.suppress(Refused):
                    choice = await self.try_(IDS | LOGPROBS)
            dialect.gives_logprobs = gives_ids and _has_logprobs(choice)
            return
        raise EngineDown(f"the server refuses every prompt: {refused}", urls=self._urls)

    async def rates_prompts(self) -> bool:
        """Does the server give log-probabilities of a prompt's tokens?"""
        try:
            prompt_tokens({"choices": [await self.try_(PROMPT_LOGPROBS | {"prompt": PROBE})]})
        except (Refused, BadAnswer) as error:
            _log.warning("the server gives no log-probabilities of a prompt (%s): no scores", error)
            return False
        return True

    async def try_(self, extra: dict[str, Any]) -> dict[str, Any]:
        """The choice in the answer to a tiny request. Raises Refused, EngineDown."""
        call = Call("probe", self._dialect.tiny | extra)
        found = await self._asker.ask(call, self._answer)
        if found:
            choice: dict[str, Any] = found[0]["choices"][0]
            return choice
        raise Refused(call.last_error)  # given up: the server trips over something in it

    def _answer(self, answer: dict[str, Any]) -> list[dict[str, Any]]:
        """The whole of it, if a completion could be read."""
        return [answer] if self._usable(answer) else []


def _has_logprobs(choice: dict[str, Any]) -> bool:
    holder = choice.get("logprobs")
    return isinstance(holder, dict) and isinstance(holder.get("token_logprobs"), list)
