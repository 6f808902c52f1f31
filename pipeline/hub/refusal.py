"""What the Hub's answer means: whether to try again, and what to tell the user.

No message holds a token or the signed part of a URL.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import httpx2
from huggingface_hub import get_token
from huggingface_hub.errors import HfHubHTTPError

# Another writer, a busy server, a server in trouble: the same request may succeed later.
_PASSING = (408, 409, 412, 425, 429, 500, 502, 503, 504)
LONGEST_WAIT = 600.0


@dataclass(frozen=True, slots=True)
class Refusal:
    """`status`: 0 where there was no answer at all. `hint`: what to do when it stays so."""

    status: int
    what: str
    hint: str
    passing: bool
    wait_s: float | None = None  # as the Hub asked


_LATER = "run the same command again later"
_HINTS = {  # by status: what it means, what to do
    401: ("the Hub does not take the token", "set HF_TOKEN, or log in with `hf auth login`"),
    402: ("the namespace has no room for it", "its plan must be paid, or the repository public"),
    403: ("this token may not write there", "it needs write access to that namespace"),
    404: ("the Hub does not find it, or hides it from this token", "check the name and the token"),
    409: ("another operation is in the way", "run the same command again"),
    412: ("somebody else keeps committing there", "run the same command again"),
    413: ("the Hub finds it too large", "take a larger run.shard_problems, or fewer tables"),
    429: ("the Hub asks for patience", _LATER),
}


def refusal_of(error: BaseException) -> Refusal | None:
    """None for an error that is not the Hub's."""
    for cause in _causes(error):
        if isinstance(cause, HfHubHTTPError) and cause.response is not None:
            return _of_answer(cause)
        if isinstance(cause, httpx2.TransportError):
            return Refusal(0, f"the Hub does not answer ({_clean(cause)})", _LATER, passing=True)
    if any(_of_xet(cause) for cause in _causes(error)):
        return Refusal(0, f"the upload broke off ({_clean(error)})", _LATER, passing=True)
    return None


def _of_xet(error: BaseException) -> bool:
    """Of the library that sends chunks, which raises plain RuntimeErrors for most things."""
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    inside = frame is not None and frame.tb_frame.f_code.co_name == "_upload_xet_files"
    return inside or type(error).__module__.startswith("hf_xet")


def _of_answer(error: HfHubHTTPError) -> Refusal:
    status = error.response.status_code
    trouble = ("the Hub has trouble of its own", _LATER)
    other = ("the Hub does not take it", "see its words")
    what, hint = _HINTS.get(status, trouble if status >= 500 else other)
    said = f"HTTP {status}: {_said(error)}"
    return Refusal(status, f"{what} ({said})", hint, status in _PASSING, _retry_after(error))


def _causes(error: BaseException) -> list[BaseException]:
    found: list[BaseException] = []
    one: BaseException | None = error
    while one is not None and one not in found:
        found.append(one)
        one = one.__cause__ or one.__context__
    return found


def _retry_after(error: HfHubHTTPError) -> float | None:
    try:
        wait = float(error.response.headers.get("Retry-After", ""))
    except ValueError:
        return None
    return min(max(wait, 0.0), LONGEST_WAIT)


def _said(error: HfHubHTTPError) -> str:
    told = error.server_message or error.response.headers.get("X-Error-Message")
    return _clean(told or error.response.reason_phrase or "no reason given")


def _clean(said: object) -> str:
    text = re.sub(r"(https?://[^\s?'\"]+)\?[^\s'\"]*", r"\1", str(said) or type(said).__name__)
    token = get_token()
    if token:
        text = text.replace(token, "(token)")
    text = " ".join(text.split())
    return text if len(text) <= 300 else f"{text[:300]} …"
