"""The tables that end a run, as rows: for the terminal, and for Prefect's artifact."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from pipeline.judge_report import JudgeReport
from pipeline.summary import Summary

Rows = list[tuple[str, str]]

_IMPORTED = {
    "rollouts_imported": "imported rollouts",
    "rollouts_imported_lost": "imported rollouts of no known prefix, left out",
}


def run_rows(summary: Summary, meter: Mapping[str, Any], skipped: Mapping[str, int]) -> Rows:
    """Accepted, skipped (with reasons), cached, unknown, failed; tokens; completions per label."""
    rate = summary.completions_per_label
    unknown = summary.sample_unknown + summary.rollouts_unknown
    drawn = summary.sample_completions + summary.rollouts
    rows = [("problems", f"{summary.problems:,}")]
    rows += [(f"  set aside: {why}", f"{count:,}") for why, count in sorted(skipped.items())]
    rows += [(f"  not searched: {why}", f"{n:,}") for why, n in summary.not_searched.items()]
    rows += [
        ("solutions", f"{summary.solutions:,}"),
        *(
            (f"  {origin}", f"{count:,}")
            for origin, count in summary.origins.items()
            if len(summary.origins) > 1
        ),
        ("  accepted", f"{summary.kept:,}"),
    ]
    rows += [(f"  skipped: {why}", f"{count:,}") for why, count in summary.not_kept.items()]
    rows += [
        ("steps", f"{summary.steps:,}"),
        ("  labelled, in accepted solutions", f"{summary.labelled:,}"),
        ("  of these positive", _share(summary.positive, summary.labelled)),
        *((f"  {said}", f"{count:,}") for said, count in summary.said.items()),
        *_consensus_rows(summary),
        *_rationale_rows(summary),
        ("completions", f"{drawn:,}"),
        ("  samples", f"{summary.sample_completions:,}"),
        ("  rollouts", f"{summary.rollouts:,}"),
        *((f"  {what}", f"{meter[name]:,}") for name, what in _IMPORTED.items() if meter.get(name)),
        ("  from the journal (cached)", f"{meter.get('completions_cached', 0):,}"),
        ("  bought in this run", f"{meter.get('completions_bought', 0):,}"),
        ("  failed in this run", f"{meter.get('completions_failed', 0):,}"),
        ("  unknown outcome", _share(unknown, drawn)),
        *_run_rows(meter),
        ("generated tokens", f"{summary.sample_tokens + summary.rollout_tokens:,}"),
        ("  samples", f"{summary.sample_tokens:,}"),
        ("  rollouts", f"{summary.rollout_tokens:,}"),
        ("rollouts per label", "–" if rate is None else f"{rate:.2f}"),
    ]
    for name, report in summary.judges.items():
        rows += _judge_rows(name, report)
    return rows


def _run_rows(run: Mapping[str, Any]) -> Rows:
    """What the last run met, saved and cost; what is nothing is left out."""
    rows: Rows = [(f"  tried again: {kind}", f"{n:,}") for kind, n in run.get("errors", {}).items()]
    if run.get("stopped_by"):
        rows += [
            ("stopped by", str(run["stopped_by"])),
            ("  shards left for the next run", f"{run.get('shards_left', 0):,}"),
        ]
    if run.get("rollouts_spared"):
        rows.append(("rollouts spared by early stops", f"{run['rollouts_spared']:,}"))
    if run.get("prompt_tokens"):
        cached = _share(run.get("prompt_tokens_cached") or 0, run["prompt_tokens"])
        rows.append(("prompt tokens from the prefix cache", cached))
    if run.get("cost"):
        rows.append(("cost of this run", f"{run['cost']:,.2f}"))
    return rows


def _judge_rows(name: str, report: JudgeReport) -> Rows:
    """What its admission test found, and what it was asked in all runs."""
    return [
        (name, "not admitted" if report.not_admitted else "admitted"),
        ("  sensitivity, to planted errors", _figure(report.sensitivity)),
        ("  specificity", _figure(report.specificity)),
        ("  fooled by master keys, at most", _figure(report.fooled_bound)),
        ("  solutions asked", f"{report.solutions:,}"),
        ("  calls", f"{report.calls:,}"),
        ("  unread after the retry", _share(report.unread, report.calls)),
        ("  failed", f"{report.failed:,}"),
        ("  tokens read and written", f"{report.tokens:,}"),
        ("  of the admission test", f"{report.test_tokens:,}"),
    ]


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _consensus_rows(summary: Summary) -> Rows:
    if not summary.conflicts:
        return []
    return [
        ("first errors, by rollouts and judges", f"{sum(summary.conflicts.values()):,}"),
        *((f"  {name.replace('_', ' ')}", f"{n:,}") for name, n in summary.conflicts.items()),
        ("accepted, by what rollouts say", ""),
        *(
            (f"  {name}", f"{kept:,} of {whole:,}")
            for name, (kept, whole) in summary.kept_of.items()
        ),
    ]


def _rationale_rows(summary: Summary) -> Rows:
    found = summary.rationales
    if not found:
        return []
    rows = [("rationales", f"{found['rationales']:,}")]
    if found["tried"]:
        rows += [
            ("  with a correction that was tried", f"{found['tried']:,}"),
            ("  with one that rollouts confirm", _share(found["confirmed"], found["tried"])),
            ("  tokens of these rollouts", f"{found['tokens']:,}"),
        ]
    return rows


def print_rows(title: str, rows: Rows, warnings: Sequence[str] = ()) -> None:
    """To standard output."""
    console = Console()
    table = Table(title=escape(title), title_justify="left", show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(justify="right")
    for what, count in rows:
        table.add_row(escape(what), escape(count))
    console.print(table)
    for warning in warnings:
        console.print(f"[yellow]warning:[/] {escape(warning)}")


def print_table(title: str, head: Sequence[str], body: Sequence[Sequence[str]]) -> None:
    """To standard output; the first column is left, the others right."""
    table = Table(title=escape(title), title_justify="left")
    for number, name in enumerate(head):
        table.add_column(escape(name), justify="right" if number else "left", no_wrap=not number)
    for row in body:
        table.add_row(*map(escape, row))
    Console().print(table)


def _share(part: int, whole: int) -> str:
    return f"{part:,} ({part / whole:.1%})" if whole else f"{part:,}"
