"""One labelled solution, coloured for a terminal.

Guarantees: text of models and files is shown as it is: never read as Rich markup, never able to
move the cursor, change colours or reorder the line. Control, format and other invisible
characters are written out (␛ for ESC, \\u202e for a right-to-left override). Line ends and tabs
stay. Facts of trees, traces, forks and repeats are left out where a row has none, and where an
older table has no column for them. Does not wrap or shorten anything: Rich does the wrapping.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Any

from rich.text import Text

from pipeline.verdict import Reason, Verdict

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
    if row.get("origin") == "tree":
        _field(out, "grown from", _parent(row))
    _field(out, "problem", row["problem"])
    _field(out, "answer", row["answer"])
    if row.get("answer_agreement") is not None:
        _field(out, "answer is", f"the majority's, {row['answer_agreement']:.0%} of the samples")
    outcome = row["outcome"]
    _field(out, "given", row["final_answer"], COLOURS.get(outcome, ""))
    _field(out, "outcome", outcome, COLOURS.get(outcome, ""))
    _field(out, "first error", _place(row["first_error"]))
    if any(any(row.get(f"judge_{vote}") or ()) for vote in Verdict):
        _field(out, "by rollouts", _place(row["mc_first_error"]))
        _field(out, "by judges", _place(row["judge_first_error"]))
    _field(out, "kept", "yes" if row["keep"] else f"no: {row['keep_reason']}")
    out.append(f"value of the problem {_number(row['value_root'])}", "dim")
    out.append(f", pass rate {_number(row['pass_rate'])}\n\n", "dim")


def _place(first: int | None) -> str:
    return "undecided" if first is None else "none" if first == -1 else f"step {first}"


def _parent(row: Mapping[str, Any]) -> str | None:
    parent, steps = row.get("parent_solution_id"), row.get("fork_len")
    if parent is None or steps is None:
        return parent
    return f"{parent}, after {steps} step{'' if steps == 1 else 's'}"


def _field(out: Text, name: str, value: str | None, style: str = "") -> None:
    out.append(f"{name}: ", "dim")
    out.append(visible("–" if value is None else str(value).rstrip()) + "\n", style)


def _step(out: Text, row: Mapping[str, Any], t: int) -> None:
    part = _at(row, "step_part", t)
    traced = "thinking" in (row.get("step_part") or ())
    if traced and part is not None and (t == 0 or part != _at(row, "step_part", t - 1)):
        out.append(f"── {visible(part)}\n", "bold")
    mark, colour = MARKS[row["label"][t]]
    out.append(f"{mark} {t:>3}  p {_number(row['p_correct'][t])}  ", colour)
    out.append(_value(row, t) + _fork(row, t), "dim")
    out.append("  repeated\n" if _at(row, "repeated", t) else "\n", "yellow")
    after = row["first_error"] is not None and 0 <= row["first_error"] < t
    out.append(visible((row["steps"][t] or "").rstrip("\n")) + "\n", "dim" if after else "")
    for verdict in row["verdicts"][t] or ():
        if verdict["reason"] == Reason.NOT_COVERED:
            continue  # six tools that have nothing to say hide the one that has
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


def _fork(row: Mapping[str, Any], t: int) -> str:
    """`  fork +0.13 of 3`: the value less the mean of what was measured of 3 ways on."""
    advantage = _at(row, "fork_advantage", t)
    return "" if advantage is None else f"  fork {advantage:+.2f} of {row['fork_size'][t]}"


def _at(row: Mapping[str, Any], column: str, t: int) -> Any:
    """An entry of a column that older tables do not have."""
    entries = row.get(column)
    return None if entries is None else entries[t]


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"
