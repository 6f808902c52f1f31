"""Taking a server's fingerprint, and telling whether it is still the model of the run.

Guarantees: at the start each URL that answers is asked, the first one several times (its noise);
all must be one model. Later `check` asks one URL. Requests have one token and take no seat. A
server that lists no probable tokens has no fingerprint: RecipeError that asks for `revision`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from pipeline.engines.answers import BadAnswer, parse_object
from pipeline.engines.dialect import Dialect
from pipeline.engines.fingerprint import (
    LISTED,
    PROBES,
    Fingerprint,
    Tops,
    distance,
    measured,
    read_top,
    tolerance,
)
from pipeline.engines.fleet import Gone
from pipeline.engines.http import Http, Refused, Unreachable
from pipeline.errors import EngineDown, RecipeError

TRIES = 8
FIRST_WAIT_S = 0.1
LIMIT_S = 60.0
_FEWER = 5  # what OpenAI's completions list at most
_AT_ONCE = (1, 4, len(PROBES))  # requests side by side, in rounds


class Recogniser:
    """Of the servers of one model."""

    def __init__(self, http: Http, dialect: Dialect) -> None:
        self._http = http
        self._dialect = dialect
        self._listed = LISTED
        self._known: Fingerprint | None = None

    async def take(self, urls: Sequence[str]) -> Fingerprint:
        """Of all URLs that answer. Raises EngineDown where two differ; RecipeError; Gone."""
        try:
            rounds = [await self._round(urls[0], at_once) for at_once in _AT_ONCE]
        except (Refused, BadAnswer) as error:
            raise RecipeError(
                f"{urls[0]}: lists no probable tokens ({error}), so that nothing would show when "
                f"the weights of {self._dialect.model!r} change: say in `revision` what they are",
                key="policy.revision",
            ) from None
        self._known = measured(rounds)
        for url in urls[1:]:
            await self.check(url)
        return self._known

    async def check(self, url: str) -> None:
        """Whether the model behind a URL is still that one. Raises EngineDown, Gone."""
        if self._known is None:
            return
        try:
            tops = await self._round(url, len(PROBES))
        except (Refused, BadAnswer) as error:
            raise Gone(f"{url}: {error}") from None
        apart, most = distance(tops, self._known.tops), tolerance(self._known.noise)
        if apart > most:
            raise EngineDown(
                f"{url}: serves another model than this run began with, under the same name "
                f"{self._dialect.model!r} (its next tokens differ by {apart:.2g} nats, by "
                f"{most:.2g} at most where nothing changed): labels of one dataset come from one "
                f"policy. Serve the old weights again, or choose another --out",
                url=url,
                distance=apart,
            )

    async def _round(self, url: str, at_once: int) -> Tops:
        room = asyncio.Semaphore(at_once)

        async def one(probe: str) -> dict[str, float]:
            async with room:
                return await self._ask(url, probe)

        return tuple(await asyncio.gather(*map(one, PROBES)))

    async def _ask(self, url: str, probe: str) -> dict[str, float]:
        wait = FIRST_WAIT_S
        for left in reversed(range(TRIES)):
            body = self._dialect.tiny | {"prompt": probe, "logprobs": self._listed}
            try:
                await self._http.turn()
                async with asyncio.timeout(LIMIT_S):
                    answer = parse_object(await self._http.post(url, "probe", body))
            except Refused:
                if self._listed == _FEWER:
                    raise
                self._listed = _FEWER
            except (Unreachable, TimeoutError, BadAnswer) as error:
                if not left:
                    raise Gone(str(error) or f"{url}: no answer within {LIMIT_S:g} s") from None
                wait_s = error.wait_s if isinstance(error, Unreachable) else 0.0
                await asyncio.sleep(max(wait, wait_s))
                wait *= 2
            else:
                return read_top(answer)
        raise Gone(f"{url}: no answer")
