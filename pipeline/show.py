"""One labelled solution, coloured for a terminal.

Guarantees: text of models and files is shown as it is: never read as Rich markup, never able to
move the cursor, change colours or reorder the line. Control, format and other invisible
characters are written out (␛ for ESC, \\u202e for a right-to-left override). Line ends and tabs
stay. Does not wrap or shorten anything: Rich does the wrapping.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Any

from rich.text import Text

MARKS = {1: ("✓", "green"), 0: ("✗", "bold red"), None: ("·", "dim")}
INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
COLOURS = {"correct": "green", "incorrect": "red"}


def visible(text: str) -> str:
    """`text` with everything that a terminal would obey, not show, written out."""
    return "".join(map(_character, text))


def _character(char: str) -> str:
    if char in "\n\t" or unicodedata.category(char) not in INVISIBLE:
        return char
    code = ord(char)
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "␡"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def render(row: Mapping[str, Any]) -> Text:
    """A row of a labels table (schema LABELS, as `to_pylist` or `row(named=True)` gives it)."""
    out = Text()
    _header(out, row)
    for t in range(len(row["steps"])):
        _step(out, row, t)
    return out


def _header(out: Text, row: Mapping[str, Any]) -> None:
    out.append(visible(row["solution_id"]), "bold")
    out.append(f"  view {visible(row['view'])}, after the error {visible(row['after_error'])}\n")
    _field(out, "problem", row["problem"])
    _field(out, "answer", row["answer"])
    outcome = row["outcome"]
    _field(out, "given", row["final_answer"], COLOURS.get(outcome, ""))
    _field(out, "outcome", outcome, COLOURS.get(outcome, ""))
    first = row["first_error"]
    where = "undecided" if first is None else "none" if first == -1 else f"step {first}"
    _field(out, "first error", where)
    _field(out, "kept", "yes" if row["keep"] else f"no: {row['keep_reason']}")
    out.append(f"value of the problem {_number(row['value_root'])}", "dim")
    out.append(f", pass rate {_number(row['pass_rate'])}\n\n", "dim")


def _field(out: Text, name: str, value: str | None, style: str = "") -> None:
    out.append(f"{name}: ", "dim")
    out.append(visible("–" if value is None else str(value).rstrip()) + "\n", style)


def _step(out: Text, row: Mapping[str, Any], t: int) -> None:
    mark, colour = MARKS[row["label"][t]]
    out.append(f"{mark} {t:>3}  p {_number(row['p_correct'][t])}  ", colour)
    out.append(_value(row, t) + "\n", "dim")
    after = row["first_error"] is not None and 0 <= row["first_error"] < t
    out.append(visible((row["steps"][t] or "").rstrip("\n")) + "\n", "dim" if after else "")
    for verdict in row["verdicts"][t] or ():
        style = COLOURS.get(verdict["verdict"], "yellow")
        out.append(f"     {visible(verdict['annotator'] or '?')} {verdict['verdict']}", style)
        out.append(f": {visible(verdict['reason'])}\n" if verdict["reason"] else "\n", style)


def _value(row: Mapping[str, Any], t: int) -> str:
    """`value 0.38 [0.15, 0.66] 3/8`, with what makes it less than that."""
    known, unknown = row["n_rollouts"][t], row["n_unknown"][t]
    if not known and not unknown:
        return "not rolled out"
    low, high = _number(row["value_low"][t]), _number(row["value_high"][t])
    text = f"value {_number(row['value'][t])} [{low}, {high}] {row['n_success'][t]}/{known}"
    if unknown:
        text += f" and {unknown} unknown"
    return text + " censored" if row["censored"][t] else text


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"
