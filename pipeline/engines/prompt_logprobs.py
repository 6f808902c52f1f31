"""Log-probabilities of a prompt's own tokens, as vLLM gives them: read with suspicion.

One choice of the answer to `"prompt": "3 + 5 = 8", "prompt_logprobs": 0`; each dict holds the
prompt's token, first where a server lists others beside it::

    {"index": 0, "text": "\\n", "finish_reason": "length", "prompt_logprobs": [
        null,
        {"489": {"logprob": -2.25, "rank": 3, "decoded_token": " +"}},
        {"220": {"logprob": -0.5, "rank": 1, "decoded_token": " "}},
        {"20": {"logprob": -1.75, "rank": 4, "decoded_token": "5"}}, ...]}

Guarantees: pure functions; an answer without the list is a BadAnswer; a list that does not fit what
was asked, or one number of the continuation that is no log-probability (vLLM writes -9999 for minus
infinity), gives None, never a sum over the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from pipeline.engines.answers import BadAnswer
from pipeline.engines.base import Scored, usable_logprobs


def prompt_tokens(answer: dict[str, Any]) -> list[dict[str, Any]]:
    """For each token of the prompt what is said of it, {} for nothing. Raises BadAnswer."""
    choices = answer.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else None
    found = first.get("prompt_logprobs") if isinstance(first, dict) else None
    if not isinstance(found, list):
        raise BadAnswer("no list of prompt_logprobs")
    return [one if isinstance(one, dict) else {} for one in found]


@dataclass(frozen=True, slots=True)
class RatedIds:
    """A prompt of `given` and `asked` ids; the latter's tokens end at `ends`."""

    given: tuple[int, ...]
    asked: tuple[int, ...]
    ends: tuple[int, ...]

    @property
    def sent(self) -> list[int]:
        return [*self.given, *self.asked]

    def read(self, answer: dict[str, Any]) -> list[Scored | None]:
        """The one score, None where it cannot be told. Raises BadAnswer."""
        tokens = prompt_tokens(answer)
        if not self.asked or len(tokens) != len(self.sent):
            return [None]
        pairs = zip(self.asked, tokens[len(self.given) :], strict=True)
        logprobs = usable_logprobs([_logprob(about.get(str(one))) for one, about in pairs])
        return [None if logprobs is None else Scored(logprobs, self.ends)]


@dataclass(frozen=True, slots=True)
class RatedText:
    """A prompt of the texts `given` and `asked`, which the server encodes as one.

    The score is None where the tokens' texts do not join to the end of that text: some tokenizers'
    tokens lose their space when they are decoded alone. There the recipe's tokenizer is needed.
    """

    given: str
    asked: str

    @property
    def sent(self) -> str:
        return self.given + self.asked

    def read(self, answer: dict[str, Any]) -> list[Scored | None]:
        """The one score, None where it cannot be told. Raises BadAnswer."""
        said: list[Any] = []
        size = 0
        for about in reversed(prompt_tokens(answer)):
            if size >= len(self.asked):
                break
            said.append(next(iter(about.values()), None))
            size += len(_text(said[-1]))
        said.reverse()
        logprobs = usable_logprobs([_logprob(one) for one in said])
        joined = "".join(map(_text, said))
        if not said or logprobs is None or size < len(self.asked) or not self.sent.endswith(joined):
            return [None]
        before = size - len(self.asked)  # of a first token that begins before `asked`
        return [
            Scored(logprobs, tuple(end - before for end in accumulate(map(len, map(_text, said)))))
        ]


def _logprob(said: Any) -> object:
    return said.get("logprob") if isinstance(said, dict) else None


def _text(said: Any) -> str:
    text = said.get("decoded_token") if isinstance(said, dict) else None
    return text if isinstance(text, str) else ""
