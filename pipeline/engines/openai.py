"""The engine behind an OpenAI-compatible server (vLLM and others), or several equal ones.

Guarantees: `/v1/completions`, or `/v1/chat/completions` where `api` is "chat", with n choices a
request; at most `max_running` sequences run on each URL, fewer where it asks for patience, and at
most `requests_per_minute` requests are sent (to wait for one's turn is no silence of the server);
requests of one problem go to one URL (its prefix cache is warm) while it answers and keeps up
(fleet.py). What may pass is tried again (asking.py). A request the server refuses in any words
(dialect.py), or that keeps failing while others succeed, gives "failed" completions. EngineDown: a
refused key or model, or no answer to anyone for `patience_s`.

`score` needs a server that answers `"prompt_logprobs": 0` (vLLM does; the first call asks), and
with the recipe's tokenizer the ids are ours: prompt and continuation never share a token. It is
one request of one generated token, retried and bounded as a completion is. vLLM takes nothing for
it from its prefix cache.

The key is read from OPENAI_API_KEY and appears in no message. Not guaranteed: equal samples for
equal seeds (servers do not promise it), though equal requests carry equal seeds but to vLLM, which
gets none; at which temperature the server takes its log-probabilities (pipeline/engines/base.py).
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from pipeline.engines import tokens
from pipeline.engines.answers import completions
from pipeline.engines.asking import Asker, Call
from pipeline.engines.base import (
    FAILED,
    Api,
    Completion,
    EngineIdentity,
    Load,
    Prompt,
    Request,
    Scored,
)
from pipeline.engines.chat import chat_completions
from pipeline.engines.dialect import PATHS, Dialect
from pipeline.engines.fleet import Fleet, Gone
from pipeline.engines.http import Entry, Http, Refused
from pipeline.engines.known_policies import KnownPolicies
from pipeline.engines.metrics_page import ServerFigures
from pipeline.engines.probing import PROBE, PROMPT_LOGPROBS, Probing
from pipeline.engines.prompt_logprobs import RatedIds, RatedText
from pipeline.engines.recognise import Recogniser
from pipeline.errors import EngineDown, PolicyError, RecipeError

LOOK_S = 10.0  # between looks at the servers' own figures

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
        timeout_s: float = 600.0,
        tokenizer: Path | None = None,
        known: KnownPolicies | None = None,
        advice: str = "",
    ) -> None:
        """`known`: where the names of models are kept that have no `revision`. `advice`: what to
        do where no server answers."""
        wrong = [url for url in base_urls if not url.startswith(("http://", "https://"))]
        if wrong or not base_urls:
            raise RecipeError(
                f"openai engine: URLs like http://host:port/v1 wanted, not {wrong}", urls=wrong
            )
        self._urls = [url.rstrip("/") for url in dict.fromkeys(base_urls)]
        self._http = Http(
            model,
            path=PATHS[api],
            connections=max_running * len(self._urls),
            requests_per_minute=requests_per_minute,
            advice=advice,
        )
        self._dialect = Dialect(model, api)
        self._fleet = Fleet(
            self._urls,
            max_running,
            patience_s,
            lives=self._http.lives,
            check=self._check,
            advice=self._http.advice,
        )
        self._asker = Asker(
            self._fleet, self._http, self._dialect, patience_s=patience_s, timeout_s=timeout_s
        )
        self._probing = Probing(self._asker, self._dialect, self._completions, self._urls)
        self._recogniser = Recogniser(self._http, self._dialect)
        self._known = known or KnownPolicies([])
        self._revision = revision
        self._most = max_running
        self._tokenizer, self._tokenizer_hash = _load_tokenizer(tokenizer)
        self._entry = ""  # the server's own for the model, hashed
        self._name = ""
        self._figures = ServerFigures()  # of all servers, since the start
        self._first_figures: dict[str, ServerFigures] = {}
        self._looking: asyncio.Task[None] | None = None
        self._warned = False
        self._warned_of_logprobs = False
        # Whether the server rates prompts; None: nobody asked. There is no prompt of a chat.
        self._scores: bool | None = False if api == "chat" else None
        self._asking_whether = asyncio.Lock()

    @property
    def identity(self) -> EngineIdentity:
        """Without a revision its fingerprint's name: known after start. A chat has no fingerprint:
        the server's own entry for the model stands in. A model that is asked through its chat
        template is another than the one that continues."""
        revision = self._revision or self._name
        if self._dialect.api == "chat":
            revision = f"chat:{revision}"
        return EngineIdentity(revision, self._tokenizer_hash)

    def load(self) -> Load:
        replicas = self._fleet.replicas
        seen = self._figures
        return Load(
            running=sum(replica.running for replica in replicas),
            waiting=sum(waiter.count for one in replicas for waiter in one.waiting),
            limit=int(sum(replica.limit for replica in replicas if replica.up)),
            prompt_tokens=None if seen.queries is None else int(seen.queries),
            prompt_tokens_cached=None if seen.hits is None else int(seen.hits),
        )

    async def look(self) -> None:
        """Ask the servers for their own figures; never an error, for they are for looking at."""
        total = ServerFigures()
        for replica in self._fleet.replicas:
            page = await self._http.page(replica.url) if replica.up else None
            if page is None:
                continue
            now = ServerFigures.read(page)
            first = self._first_figures.setdefault(replica.url, now)
            total = total.plus(now.since(first))
        self._figures = total

    async def _keep_looking(self) -> None:
        while True:
            await self.look()
            if self._figures == ServerFigures():
                return  # they say nothing of themselves
            await asyncio.sleep(LOOK_S)

    @property
    def troubles(self) -> Counter[str]:
        return self._asker.troubles

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
        log-probabilities, or for a tiny chat; without a revision, all for their fingerprint."""
        self._http.open()
        try:
            up = await self._find_servers()
            if self._dialect.api == "chat":
                await self._probing.chats()
                self._name = f"name:{self._dialect.model}@{self._entry}"
            else:
                await self._probing.completes(self.encode(PROBE))
                if not self._revision:
                    await self._recognise(up)
            self._looking = asyncio.create_task(self._keep_looking())
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        if self._looking is not None:
            self._looking.cancel()
        await self._fleet.close()
        await self._http.close()

    async def _recognise(self, urls: Sequence[str]) -> None:
        try:
            found = await self._recogniser.take(urls)
        except Gone as gone:
            raise EngineDown(f"{gone}. {self._http.advice}", urls=self._urls) from None
        name = await asyncio.to_thread(self._known.name, self._dialect.model, found)
        self._name = f"fingerprint:{name}"

    async def verify(self) -> None:
        for replica in self._fleet.replicas:
            if replica.up:
                try:
                    await self._check(replica.url)
                except Gone as gone:
                    _log.warning("%s: cannot be asked whether it is still the same model", gone)
        await self.look()

    async def _find_servers(self) -> list[str]:
        """Those that answer. One that serves another model is an error, one that is down is not."""
        results = await asyncio.gather(*map(self._http.entry, self._urls), return_exceptions=True)
        wrong = [one for one in results if isinstance(one, BaseException)]
        for error in wrong:
            if not isinstance(error, Gone):
                raise error
        entries = [one for one in results if isinstance(one, Entry)]
        if not entries:
            problems = "; ".join(map(str, wrong))
            raise EngineDown(f"no server answers: {problems}. {self._http.advice}", urls=self._urls)
        self._entry = entries[0].hash
        # vLLM draws a seeded sequence apart from its batch, which is slow, promises nothing for
        # it, and 0.32 dies of one on a CPU as soon as a prompt is read in two parts.
        self._dialect.seeds = not any(entry.owner == "vllm" for entry in entries)
        self._fleet.start()
        for replica, result in zip(self._fleet.replicas, results, strict=True):
            if isinstance(result, Gone):
                self._fleet.lost(replica, str(result))
        return [replica.url for replica in self._fleet.replicas if replica.up]

    async def _check(self, url: str) -> None:
        """Of a URL that was down, and of all at the end. Raises EngineDown, Gone."""
        entry = await self._http.entry(url)
        if self._dialect.api == "chat" and not self._revision and entry.hash != self._entry:
            raise EngineDown(
                f"{url}: its entry for {self._dialect.model!r} is another than at the start: set "
                f"`revision` to what identifies the weights, if they are the same",
                url=url,
            )
        await self._recogniser.check(url)

    async def complete(self, request: Request) -> list[Completion]:
        if request.logprobs and not self._dialect.gives_logprobs and not self._warned_of_logprobs:
            _log.warning("the server gives no log-probabilities of known tokens: none are recorded")
            self._warned_of_logprobs = True
        if request.n <= self._most:
            return await self._chunk(request, 0, request.n)
        chunks = range(0, request.n, self._most)
        parts = await asyncio.gather(
            *(self._chunk(request, at, min(self._most, request.n - at)) for at in chunks)
        )
        return [completion for part in parts for completion in part]

    async def _chunk(self, request: Request, first: int, count: int) -> list[Completion]:
        """Draws first .. first + count - 1 of the request."""
        got: list[Completion] = []
        while len(got) < count:
            draw = request.first_draw + first + len(got)
            need = count - len(got)
            try:
                body = self._dialect.body(request, draw, need)
                more = await self._asker.ask(Call(request.problem_id, body), self._completions)
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
                self._scores = await self._probing.rates_prompts()
        if not self._scores:
            return None
        rated = self._rated(prompt, continuation)
        body = self._dialect.tiny | PROMPT_LOGPROBS | {"prompt": rated.sent}
        try:
            found = await self._asker.ask(Call(problem_id, body), rated.read)
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

    def _warn(self, problem: str) -> None:
        if not self._warned:  # one line a run: thousands may follow
            _log.warning("%s", problem)
            self._warned = True

    def _completions(self, answer: dict[str, Any]) -> list[Completion]:
        if self._dialect.api == "chat":
            return chat_completions(answer)
        return completions(answer, self.decode)


def _load_tokenizer(path: Path | None) -> tuple[Tokenizer | None, str]:
    if path is None:
        return None, ""
    try:
        content = path.read_bytes()
        return Tokenizer.from_buffer(content), hashlib.sha256(content).hexdigest()[:16]
    except Exception as error:  # the library raises bare Exception
        raise PolicyError(f"{path}: not a tokenizer: {error}", path=str(path)) from error
