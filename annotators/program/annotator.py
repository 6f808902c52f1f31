"""Programs of a solution, run in a sandbox, against the outputs that the solution claims.

Guaranteed: a step is *incorrect* only if it states an output for a Python program right before it
and that program, run with the programs before it in one fresh interpreter, prints something else
that differs in a plain number (printed.py), in two runs with different hash seeds, and
neither reads the clock, chance or the machine, nor rests on a package's solver, nor catches
exceptions. An output that agrees is unknown (undecided): a program may compute the wrong thing
rightly, and that it "ran without exception" never means correct. A program that raises is unknown:
the model may never have run it, and only outputs that are claimed can be false. It never says
correct.

Where the sandbox cannot be had (sandbox.py), no program runs and every claim is
unknown. Not guaranteed: the versions of packages that the model had; a limit of time reached on
one machine may not be reached on another, which gives unknown, never incorrect.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from annotators.base import Detail, StepEvidence
from annotators.program.cells import Cell, Claim, find_cells
from annotators.program.notebook import Output, Outputs, run_cells
from annotators.program.printed import Comparison, Likeness, compare_outputs
from annotators.program.sandbox import Sandbox, Status
from pipeline.verdict import Reason, Verdict

MAX_SOLUTION = 100_000
MAX_CELLS = 30
_SHOWN = 60

SANDBOX = Sandbox()

Rule = Literal[
    "output_differs",
    "output_agrees",
    "not_compared",  # other words or layout than the program's
    "no_output",
    "not_repeatable",
    "versions",  # rests on a solver of a package, whose results change between versions
    "guarded",  # catches exceptions, so may print what only a sandbox makes it print
    "raised",
    "limits",
    "too_many",
    "no_sandbox",
]
_REASONS: dict[Rule, Reason] = {"limits": Reason.TIMEOUT, "too_many": Reason.NOT_COVERED}

# What a program may know of the moment, of chance and of the machine: two runs here may agree by
# accident and still say nothing of the run that the model saw.
_MACHINE = re.compile(
    r"random|perf_counter|process_time|localtime|gmtime|timeit|getenv|getpid|getcwd|listdir|"
    r"getsizeof|maxsize|float_info|multiprocessing|threading|subprocess|python_version|cpu_count|"
    r"\b(?:secrets|uuid|shuffle|platform|version|version_info|__version__|environ|glob|argv|psutil|"
    r"resource|asyncio|socket|urllib|requests|pathlib|__file__|os)\b|"
    r"\b(?:seed|now|today|utcnow|time|time_ns|monotonic|ctime|open|read_\w+|id|hash|input|vars|dir|"
    r"globals|locals|getrecursionlimit)\s*\("
)
# Other versions of sympy and scipy find other solutions, in other forms, to other last digits.
_PACKAGE = re.compile(r"\b(?:mpmath|numpy|scipy|sympy)\b")
_SOLVER = re.compile(
    r"\bscipy\b|\boptimize\b|\b(?:n|d|r|lin|nonlin|diophantine_|f)?solve(?:set|_\w+)?\s*\(|"
    r"\b(?:lambdify|nroots|roots|real_roots|integrate|limit|simplify|\w*simp|nsimplify|summation|"
    r"refine|diophantine|reduce_\w+|eig\w*|svd|lstsq|polyfit|linprog|minimi[sz]e\w*|findroot|"
    r"quad|interp\w*|series|is_\w+)\s*\("
)
_GUARD = re.compile(r"\bexcept\b|\bsuppress\b|\bfinally\b|__exit__|errstate|lib\.util\.find_spec")


@dataclass(frozen=True, slots=True)
class Program:
    """The annotator; it has no parameters."""

    name: str = "program"
    version: int = 1

    def check(self, problem: str, steps: Sequence[str]) -> list[StepEvidence]:
        """One piece of evidence for each step; the step that states an output bears its verdict."""
        evidence = [StepEvidence(Verdict.UNKNOWN, Reason.NOT_COVERED)] * len(steps)
        if sum(map(len, steps)) > MAX_SOLUTION:
            return evidence
        cells = find_cells(steps)
        while cells and cells[-1].claim is None:
            cells.pop()  # nothing is said of what it prints
        findings: dict[int, list[tuple[Rule, Detail]]] = {}
        for claim, rule, text in _findings(cells):
            # a program may raise half a character, which no table can hold
            readable = text.encode("utf-8", "replace").decode()
            detail = Detail(rule, claim.start, claim.end, readable)
            findings.setdefault(claim.step, []).append((rule, detail))
        for step, found in findings.items():
            evidence[step] = _evidence(found)
        return evidence


def _evidence(found: list[tuple[Rule, Detail]]) -> StepEvidence:
    """One false output makes the step incorrect, whatever else it holds."""
    false = tuple(detail for rule, detail in found if rule == "output_differs")
    if false:
        return StepEvidence(Verdict.INCORRECT, None, false)
    reason = _REASONS.get(found[0][0], Reason.UNDECIDED)
    return StepEvidence(Verdict.UNKNOWN, reason, tuple(detail for _, detail in found))


def _findings(cells: list[Cell]) -> list[tuple[Claim, Rule, str]]:
    """What can be said of each claim."""
    claims = [(index, cell.claim) for index, cell in enumerate(cells) if cell.claim is not None]
    if not claims:
        return []
    if len(cells) > MAX_CELLS:
        text = f"more than {MAX_CELLS} programs are not run"
        return [(claim, "too_many", text) for _, claim in claims]
    codes = [cell.code for cell in cells]
    first = run_cells(SANDBOX, codes)
    found = [
        (index, claim, _excused(_finding(first, cells, index, claim), codes[: index + 1]))
        for index, claim in claims
    ]
    if any(rule == "output_differs" for _, _, (rule, _) in found):
        second = run_cells(SANDBOX, codes, hash_seed=1)
        found = [
            (index, claim, _repeated(finding, first, second, index))
            for index, claim, finding in found
        ]
    return [(claim, rule, text) for _, claim, (rule, text) in found]


def _finding(run: Outputs, cells: list[Cell], index: int, claim: Claim) -> tuple[Rule, str]:
    if run.status is Status.NO_SANDBOX:
        return "no_sandbox", f"no program was run, {run.problem or 'there is no sandbox'}"
    raised = next((output.raised for output in run.cells[: index + 1] if output.raised), "")
    if raised:
        return "raised", f"the program raises {raised}"
    if index >= len(run.cells):
        return "limits", f"the program did not end within its limits ({run.status})"
    comparisons = [compare_outputs(text, claim.text) for text in _readings(run.cells[index])]
    if not comparisons:
        return "no_output", "the program prints nothing"
    if any(one.likeness is Likeness.SAME for one in comparisons) or _of_earlier(run, cells, index):
        return "output_agrees", "the program prints what the step says"
    for text, one in zip(_readings(run.cells[index]), comparisons, strict=True):
        if one.likeness is Likeness.DIFFERENT:
            return "output_differs", _sentence(text, claim.text, one)
    return "not_compared", "the program's output is of another form than what the step says"


def _readings(output: Output) -> list[str]:
    """What a terminal shows, and what a notebook shows, where that is anything."""
    notebook = f"{output.printed}\n{output.value}" if output.value else output.printed
    return [text for text in dict.fromkeys((output.printed, notebook)) if text.strip()]


def _of_earlier(run: Outputs, cells: list[Cell], index: int) -> bool:
    """Whether the claim is the output of an earlier program without a claim, or of all so far."""
    claim = cells[index].claim
    assert claim is not None
    first = index
    while first and cells[first - 1].claim is None:
        first -= 1
    group = [reading for output in run.cells[first:index] for reading in _readings(output)]
    group += ["\n".join("\n".join(_readings(output)) for output in run.cells[: index + 1])]
    return any(compare_outputs(text, claim.text).likeness is Likeness.SAME for text in group)


def _excused(finding: tuple[Rule, str], codes: list[str]) -> tuple[Rule, str]:
    """A difference only where nothing but the programs so far can be its cause."""
    if finding[0] != "output_differs":
        return finding
    so_far = "\n".join(codes)
    if known := _MACHINE.search(so_far):
        return "not_repeatable", f"the program may depend on the moment or the machine: {known[0]}"
    if _PACKAGE.search(so_far) and (solver := _SOLVER.search(so_far)):
        return "versions", f"another version may find something else: {solver[0]}"
    if guard := _GUARD.search(so_far):
        return "guarded", f"the program may have met another exception here: {guard[0]}"
    return finding


def _repeated(
    finding: tuple[Rule, str], first: Outputs, second: Outputs, index: int
) -> tuple[Rule, str]:
    """A difference only where a second run, with sets in another order, prints the same."""
    if finding[0] != "output_differs":
        return finding
    if index >= len(second.cells):
        return "limits", f"the program did not end twice within its limits ({second.status})"
    if second.cells[: index + 1] != first.cells[: index + 1]:
        return "not_repeatable", "the program prints something else in a second run"
    return finding


def _sentence(printed: str, claimed: str, difference: Comparison) -> str:
    printed, claimed = printed.strip(), claimed.strip()
    if max(len(printed), len(claimed)) > _SHOWN or "\n" in printed + claimed:
        printed, claimed = difference.printed[:_SHOWN], difference.claimed[:_SHOWN]
    return f"the program prints {printed}, the step says {claimed}"
