"""How a server wants to be asked: the bodies of requests, and what its refusals have taught.

Guarantees: a field stands in a body only where it says something, for strict servers refuse what
they do not know. A request that a server refuses is put in other words where that may help
(`reworded`), one change at a time: `max_completion_tokens` for `max_tokens` where the refusal names
it, as OpenAI's reasoning models do; one choice for many, which is all that some servers give; no
JSON schema where it had one. What helped is kept for all later requests (`took`), so several
choices or a schema are given up only where the very same request is taken without, and choices not
once several were given. Which token ids and log-probabilities a server knows is found out at start
(pipeline/engines/openai.py).
"""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import dataclass
from typing import Any

from pipeline.engines.base import Api, Prompt, Request

PATHS: dict[Api, str] = {"completions": "/completions", "chat": "/chat/completions"}
IDS = {"return_token_ids": True}
LOGPROBS = {"logprobs": 0}
_SCHEMA: dict[Api, str] = {"completions": "structured_outputs", "chat": "response_format"}
# One token is what a look for life costs; a model that thinks may be refused so small a limit.
_TINY: dict[Api, dict[str, Any]] = {
    # Five tokens or more: a shorter first prompt kills vLLM 0.32 on a CPU.
    "completions": {"prompt": "1 + 1 = 2", "max_tokens": 1},
    "chat": {"messages": [{"role": "user", "content": "1"}], "max_tokens": 16},
}

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Dialect:
    """See the module's docstring."""

    model: str
    api: Api = "completions"
    takes_ids: bool = False
    gives_ids: bool = False
    gives_logprobs: bool = False
    limit: str = "max_tokens"  # its name
    seeds: bool = True  # whether requests carry one
    constrains: bool = True
    many: bool | None = None  # whether it gives several choices a request; None: not seen yet

    @property
    def tiny(self) -> dict[str, Any]:
        body = {"model": self.model} | _TINY[self.api] | {"n": 1, "temperature": 1.0}
        body[self.limit] = body.pop("max_tokens")
        return body

    def body(self, request: Request, draw: int, n: int) -> dict[str, Any]:
        """The request for `n` draws from `draw` on, or as many of them as the server gives."""
        sampling = request.sampling
        body: dict[str, Any] = {
            "model": self.model,
            **self._prompt(request.prompt),
            "n": 1 if self.many is False else n,
            self.limit: sampling.max_tokens,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
        }
        if self.seeds:
            body["seed"] = _seed(request, draw)
        if sampling.top_k > 0:
            body["top_k"] = sampling.top_k
        if sampling.stop:
            body["stop"] = list(sampling.stop)
        if sampling.schema and self.constrains:
            body[_SCHEMA[self.api]] = self._constraint(json.loads(sampling.schema))
        if self.gives_ids:
            body |= IDS
        if request.logprobs and self.gives_logprobs:
            body |= LOGPROBS
        return body

    def reworded(self, body: dict[str, Any], refusal: str) -> dict[str, Any] | None:
        """What the server may take in place of `body`; None: nothing else is left to try."""
        if self.api == "chat" and "max_tokens" in body and "max_completion_tokens" in refusal:
            rest = {key: value for key, value in body.items() if key != "max_tokens"}
            return rest | {"max_completion_tokens": body["max_tokens"]}
        if body["n"] > 1 and self.many is None:
            return body | {"n": 1}
        if _SCHEMA[self.api] in body:
            return {key: value for key, value in body.items() if key != _SCHEMA[self.api]}
        return None

    def took(self, body: dict[str, Any], refused: dict[str, Any] | None, refusal: str) -> None:
        """The server took `body`, after it had refused the words before them where there were."""
        if body["n"] > 1:
            self.many = True
        if refused is None:
            return
        if "max_completion_tokens" in body:
            self.limit = "max_completion_tokens"
        if body["n"] < refused["n"] and self.many is None:
            self.many = False
        if _SCHEMA[self.api] in refused and _SCHEMA[self.api] not in body and self.constrains:
            self.constrains = False
            _log.warning("%s; without its JSON schema it is taken: none is sent any more", refusal)

    def _prompt(self, prompt: Prompt) -> dict[str, Any]:
        if self.api == "chat":
            messages = (("user", prompt.text),) if prompt.chat is None else prompt.chat
            return {"messages": [{"role": role, "content": text} for role, text in messages]}
        if prompt.token_ids is not None and self.takes_ids:
            return {"prompt": list(prompt.token_ids)}
        return {"prompt": prompt.text}

    def _constraint(self, schema: Any) -> dict[str, Any]:
        """As OpenAI's chat has it; completions as vLLM has it, for OpenAI's know no schema."""
        if self.api == "completions":
            return {"json": schema}
        named = {"name": "verdicts", "schema": schema, "strict": True}
        return {"type": "json_schema", "json_schema": named}


def _seed(request: Request, draw: int) -> int:
    """31 bits, which every server takes; differs between prompts, runs and draws. Draws count on
    from one number, as a server with n choices counts: a draw has the same seed, however the
    draws of a prompt are cut into requests."""
    key = f"{request.seed}:{request.prompt.text}"
    digest = hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=4).digest()
    return ((int.from_bytes(digest, "little") >> 1) + draw) % 2**31
