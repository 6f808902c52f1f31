"""Programs run one after another in one interpreter, as the cells of a notebook.

Guaranteed: the names of earlier cells are there, and nothing else; what a cell printed and the
value of its last expression are kept apart; the first exception ends the run (a real notebook
would go on, a script would not: what later cells print is then nobody's claim). Cells reach the
sandbox as text and are parsed there, never here.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

from annotators.program.sandbox import Sandbox, Status

# Runs in the sandbox. One line of JSON for each cell, behind a mark that the cells do not know.
_DRIVER = """
def drive(cells, mark):
    import ast, contextlib, io, json, sys, types

    out = sys.stdout
    module = types.ModuleType("__main__")
    sys.modules["__main__"] = module  # where dataclasses and pickle look their names up
    names = module.__dict__
    for number, cell in enumerate(cells):
        told = io.StringIO()
        value = raised = ""
        try:
            with contextlib.redirect_stdout(told):
                tree = ast.parse(cell)
                last = None
                if tree.body and isinstance(tree.body[-1], ast.Expr):
                    last = tree.body.pop()
                name = f"<program {number + 1}>"
                exec(compile(tree, name, "exec", dont_inherit=True), names)
                if last is not None:
                    last = ast.Expression(last.value)
                    result = eval(compile(last, name, "eval", dont_inherit=True), names)
                    value = "" if result is None else repr(result)
        except MemoryError:
            raise
        except BaseException as error:
            raised = f"{type(error).__name__}: {error}"[:200]
        line = json.dumps({"printed": told.getvalue(), "value": value, "raised": raised})
        out.write("\\n" + mark + line + "\\n")
        out.flush()
        if raised:
            break
"""


@dataclass(frozen=True, slots=True)
class Output:
    """What one cell gave; `raised` is the exception that ended it, or empty."""

    printed: str
    value: str
    raised: str


@dataclass(frozen=True, slots=True)
class Outputs:
    """The cells that came to an end, in their order, and how the process ended."""

    cells: tuple[Output, ...]
    status: Status
    problem: str  # what the sandbox says where the status is NO_SANDBOX


def run_cells(sandbox: Sandbox, cells: Sequence[str], hash_seed: int = 0) -> Outputs:
    """Runs all cells in one fresh interpreter."""
    literal = json.dumps(list(cells))  # ASCII, with every quote escaped
    mark = hashlib.sha256(literal.encode()).hexdigest()
    code = f"{_DRIVER}\nimport json\ndrive(json.loads({literal!r}), {mark!r})\n"
    ran = sandbox.run(code, hash_seed)
    outputs = [
        _read(line.removeprefix(mark)) for line in ran.stdout.split("\n") if line.startswith(mark)
    ]
    read = tuple(output for output in outputs if output is not None)
    return Outputs(
        read[: len(cells)], ran.status, ran.stderr if ran.status is Status.NO_SANDBOX else ""
    )


def _read(line: str) -> Output | None:
    """One line of the driver; None where the output's limit cut it."""
    try:
        row = json.loads(line)
        return Output(str(row["printed"]), str(row["value"]), str(row["raised"]))
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
