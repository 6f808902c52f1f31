"""The engine behind an OpenAI-compatible server (vLLM and others), or several equal ones.

Guarantees: `/v1/completions`, or `/v1/chat/completions` where `api` is "chat", with n choices a
request; at most `max_running` sequences run, in order of arrival, and at most `requests_per_minute`
requests are sent (to wait for one's turn is no silence of the server); requests of one problem go
to one URL (its prefix cache is warm) until that URL is down. What may pass is tried again with
growing, jittered waits: connection errors, time-outs, 408/409/425/429/5xx (Retry-After honoured),
answers that are not JSON, too few choices (what came is kept). A request the server refuses in any
words (pipeline/engines/dialect.py), or that keeps failing while others succeed, gives "failed"
completions. EngineDown: a refused key or model, or no answer to anyone for `patience_s`.

Log-probabilities are asked for only where the server gives token ids (they would have nothing to
stand beside) and showed some at start. The request for them is `"logprobs": 0`, the chosen token's
alone, which vLLM, SGLang and OpenAI take; a larger number lists alternatives nobody reads.

`score` needs a server that answers `"prompt_logprobs": 0` (vLLM does; the first call asks), and
with the recipe's tokenizer the ids are ours: prompt and continuation never share a token. It is
one request of one generated token, retried and bounded as a completion is. vLLM takes nothing for
it from its prefix cache.

The key is read from OPENAI_API_KEY and appears in no message. Not guaranteed: equal samples for
equal seeds (servers do not promise it), though equal requests carry equal seeds unless `seeds` is
off; at which temperature the server takes its log-probabilities (pipeline/engines/base.py).
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from tokenizers import Tokenizer

from pipeline.engines import tokens
from pipeline.engines.answers import BadAnswer, completions, parse_object
from pipeline.engines.base import (
    FAILED,
    Api,
    Completion,
    EngineIdentity,
    Prompt,
    Request,
    Scored,
)
from pipeline.engines.chat import chat_completions
from pipeline.engines.dialect import IDS, LOGPROBS, PATHS, Dialect
from pipeline.engines.http import Http, Refused, Unreachable
from pipeline.engines.prompt_logprobs import RatedIds, RatedText, prompt_tokens
from pipeline.engines.slots import Slots
from pipeline.errors import EngineDown, PolicyError, RecipeError

ATTEMPTS = 6  # failures of one request, while others succeed, after which it is given up
TRIES_ALONE = 3  # the same, where nobody else asks; also the tiny requests that look for life
FIRST_WAIT_S = 0.25
LONGEST_WAIT_S = 30.0
_PROMPT_LOGPROBS = {"prompt_logprobs": 0}

T = TypeVar("T")

_log = logging.getLogger(__name__)


class OpenAIEngine:
    """See the module's docstring. `base_urls` end in /v1."""

    def __init__(
        self,
        base_urls: Sequence[str],
        model: str,
        *,
        revision: str = "",
        api: Api = "completions",
        max_running: int = 256,
        requests_per_minute: int = 0,
        patience_s: float = 120.0,
        timeout_s: float = 300.0,
        tokenizer: Path | None = None,
        seeds: bool = True,
    ) -> None:
        wrong = [url for url in base_urls if not url.startswith(("http://", "https://"))]
        if wrong or not base_urls:
            raise RecipeError(
                f"openai engine: URLs like http://host:port/v1 wanted, not {wrong}", urls=wrong
            )
        self._http = Http(
            base_urls,
            model,
            path=PATHS[api],
            connections=max_running,
            timeout_s=timeout_s,
            requests_per_minute=requests_per_minute,
        )
        self._dialect = Dialect(model, api, seeds=seeds)
        self._revision = revision
        self._patience_s = patience_s
        self._slots = Slots(max_running)
        self._tokenizer, self._tokenizer_hash = _load_tokenizer(tokenizer)
        self._model_hash = ""
        self._last_answer = float("-inf")  # when anyone last got an answer
        self._warned = False
        self._warned_of_logprobs = False
        # Whether the server rates prompts; None: nobody asked. There is no prompt of a chat.
        self._scores: bool | None = False if api == "chat" else None
        self._asking_whether = asyncio.Lock()

    @property
    def identity(self) -> EngineIdentity:
        """Without a revision the server's own entry for the model stands in: known after start.
        A model that is asked through its chat template is another than the one that continues."""
        revision = self._revision or f"name:{self._dialect.model}@{self._model_hash}"
        if self._dialect.api == "chat":
            revision = f"chat:{revision}"
        return EngineIdentity(revision, self._tokenizer_hash)

    def encode(self, text: str) -> tuple[int, ...] | None:
        if self._tokenizer is None:
            return None
        return tuple(self._tokenizer.encode(text, add_special_tokens=False).ids)

    def decode(self, ids: tuple[int, ...]) -> str | None:
        return None if self._tokenizer is None else tokens.decode(self._tokenizer, ids)

    def char_ends(self, ids: tuple[int, ...]) -> list[int] | None:
        return None if self._tokenizer is None else tokens.char_ends(self._tokenizer, ids)

    async def start(self) -> None:
        """Asks every URL for its models (one must answer), and one what it knows of token ids and
        log-probabilities, or for a tiny chat."""
        self._model_hash = await self._http.open()
        try:
            await (self._chats() if self._dialect.api == "chat" else self._probe())
        except BaseException:
            await self._http.close()
            raise

    async def close(self) -> None:
        await self._http.close()

    async def _chats(self) -> None:
        """One tiny chat, which also teaches the name of the limit of tokens."""
        try:
            await self._try({})
        except Refused as refused:
            raise EngineDown(
                f"the server refuses to chat: {refused}", urls=self._http.urls
            ) from None

    async def _probe(self) -> None:
        """One token bought: does the server take ids as a prompt, and give ids and logprobs?

        One request where it takes all of it, four at most: where it refuses, parts are left out
        until it does not, and log-probabilities tried again if it was another part it refused.
        """
        ids = {"prompt": list(self.encode("1 + 1 = 2") or (1,) * 8)}
        refused: Refused | None = None
        for extra in (ids | IDS | LOGPROBS, ids | IDS, IDS, {}):
            try:
                answer = await self._try(extra)
            except Refused as error:
                refused = error
                continue
            self._dialect.takes_ids = "prompt" in extra
            self._dialect.gives_ids = gives_ids = '"token_ids"' in answer
            if extra == IDS and gives_ids:
                with contextlib.suppress(Refused):
                    answer = await self._try(IDS | LOGPROBS)
            self._dialect.gives_logprobs = gives_ids and '"token_logprobs"' in answer
            return
        raise EngineDown(f"the server refuses every prompt: {refused}", urls=self._http.urls)

    async def _try(self, extra: dict[str, Any]) -> str:
        """The answer to a tiny request. Raises Refused, EngineDown."""
        call = _Call("probe", self._dialect.tiny | extra)
        if await self._ask(call, self._completions):
            return call.answer
        raise Refused(call.last_error)  # given up: the server trips over something in it

    async def complete(self, request: Request) -> list[Completion]:
        if request.logprobs and not self._dialect.gives_logprobs and not self._warned_of_logprobs:
            _log.warning("the server gives no log-probabilities of known tokens: none are recorded")
            self._warned_of_logprobs = True
        chunks = range(0, request.n, self._slots.total)
        parts = await asyncio.gather(
            *(self._chunk(request, at, min(self._slots.total, request.n - at)) for at in chunks)
        )
        return [completion for part in parts for completion in part]

    async def _chunk(self, request: Request, first: int, count: int) -> list[Completion]:
        """Draws first .. first + count - 1 of the request, holding their slots throughout: a
        request that waits to try again is load that the server asked not to get."""
        got: list[Completion] = []
        async with self._slots.hold(count):
            while len(got) < count:
                draw = request.first_draw + first + len(got)
                need = count - len(got)
                try:
                    body = self._dialect.body(request, draw, need)
                    more = await self._ask(_Call(request.problem_id, body), self._completions)
                except Refused as refused:
                    self._warn(f"{refused}; its draws are recorded as failed")
                    break
                if not more:
                    break
                got += more[:need]
        return got + [FAILED] * (count - len(got))

    async def score(self, problem_id: str, prompt: Prompt, continuation: Prompt) -> Scored | None:
        async with self._asking_whether:
            if self._scores is None:
                self._scores = await self._rates_prompts()
        if not self._scores:
            return None
        rated = self._rated(prompt, continuation)
        body = self._dialect.tiny | _PROMPT_LOGPROBS | {"prompt": rated.sent}
        async with self._slots.hold(1):
            try:
                found = await self._ask(_Call(problem_id, body), rated.read)
            except Refused as refused:
                self._warn(f"{refused}; its score is recorded as unknown")
                return None
        return found[0] if found else None

    def _rated(self, prompt: Prompt, continuation: Prompt) -> RatedIds | RatedText:
        given, asked = prompt.token_ids, continuation.token_ids or self.encode(continuation.text)
        ends = None if asked is None else self.char_ends(asked)
        if self._dialect.takes_ids and given is not None and asked is not None and ends is not None:
            return RatedIds(given, asked, tuple(ends))
        return RatedText(prompt.text, continuation.text)

    async def _rates_prompts(self) -> bool:
        """One token bought: does the server give log-probabilities of a prompt's tokens?"""
        try:
            answer = await self._try(_PROMPT_LOGPROBS | {"prompt": "1 + 1 = 2"})
            prompt_tokens(parse_object(answer))
        except (Refused, BadAnswer) as error:
            _log.warning("the server gives no log-probabilities of a prompt (%s): no scores", error)
            return False
        return True

    def _warn(self, problem: str) -> None:
        if not self._warned:  # one line a run: thousands may follow
            _log.warning("%s", problem)
            self._warned = True

    def _completions(self, answer: dict[str, Any]) -> list[Completion]:
        if self._dialect.api == "chat":
            return chat_completions(answer)
        return completions(answer, self.decode)

    async def _ask(self, call: _Call, read: Callable[[dict[str, Any]], list[T]]) -> list[T]:
        """What `read` finds in the answer: at least one, perhaps fewer than asked for. None: this
        call is given up."""
        while True:
            url, wait, busy = "", 0.0, False
            try:
                url = await self._post(call)
                found = read(parse_object(call.answer))
                if not found:
                    raise BadAnswer("no usable choice in the answer")
            except Unreachable as error:
                call.last_error, wait, busy = str(error), error.wait_s, error.busy
            except BadAnswer as error:
                call.last_error = f"{url}{self._http.path}: {error}"
            else:
                self._last_answer = time.monotonic()
                return found
            call.count(self._last_answer, busy=busy)
            if await self._given_up(call):
                _log.warning("given up after %d tries: %s", call.failures, call.last_error)
                return []
            grown = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** min(call.failures - 1, 10))
            await asyncio.sleep(max(wait, grown * random.uniform(0.5, 1.0)))

    async def _post(self, call: _Call) -> str:
        """One try, and at once another in other words where the server refuses these; the URL that
        answered. Raises Unreachable, Refused, EngineDown."""
        while True:
            call.begun += await self._http.turn()
            try:
                call.answer, url = await self._http.post(call.problem_id, call.body)
            except Refused as refused:
                other = self._dialect.reworded(call.body, str(refused))
                if other is None:
                    raise
                call.refused, call.refusal, call.body = call.body, str(refused), other
            else:
                self._dialect.took(call.body, call.refused, call.refusal)
                call.refused = None
                return url

    async def _given_up(self, call: _Call) -> bool:
        """Whether only this request fails; raises where everybody's do."""
        now = time.monotonic()
        if now - max(call.begun, self._last_answer) < self._patience_s:
            starved = self._last_answer > call.begun and now - call.begun > 5 * self._patience_s
            return call.own >= ATTEMPTS or starved
        # Nobody got an answer; but the last request of a run has nobody beside it, so ask.
        if not await self._answers(call.problem_id):
            raise EngineDown(
                f"no answer for {self._patience_s:g} s from {', '.join(self._http.urls)}; last "
                f"error: {call.last_error}. {self._http.advice}",
                urls=self._http.urls,
                last_error=call.last_error,
            )
        self._last_answer = time.monotonic()
        # One try may take longer than the patience: a request that hung is worth another.
        return call.failures >= TRIES_ALONE

    async def _answers(self, problem_id: str) -> bool:
        """Whether anybody is there: one fault in a tiny request is no proof that nobody is."""
        return any(await asyncio.gather(*(self._tiny(problem_id) for _ in range(TRIES_ALONE))))

    async def _tiny(self, problem_id: str) -> bool:
        call = _Call(problem_id, self._dialect.tiny)
        try:
            await self._post(call)
            return bool(self._completions(parse_object(call.answer)))
        except (Unreachable, Refused, BadAnswer):
            return False


@dataclass(slots=True)
class _Call:
    """One request to the server with its history of failures."""

    problem_id: str
    body: dict[str, Any]
    begun: float = field(default_factory=time.monotonic)  # later by what it waited for its turns
    failed: float = 0.0  # when it last did
    failures: int = 0
    own: int = 0  # failures of this request alone: another got an answer since the one before
    last_error: str = ""
    answer: str = ""  # body of the latest answer
    refused: dict[str, Any] | None = None  # the body before this one, which the server refused
    refusal: str = ""

    def count(self, last_answer: float, *, busy: bool) -> None:
        """A server that asks for patience (`busy`) does not fail the request."""
        self.failures += 1
        self.own += not busy and last_answer > max(self.begun, self.failed)
        self.failed = time.monotonic()


def _load_tokenizer(path: Path | None) -> tuple[Tokenizer | None, str]:
    if path is None:
        return None, ""
    try:
        content = path.read_bytes()
        return Tokenizer.from_buffer(content), hashlib.sha256(content).hexdigest()[:16]
    except Exception as error:  # the library raises bare Exception
        raise PolicyError(f"{path}: not a tokenizer: {error}", path=str(path)) from error
