"""The command line `stepsmith`. Exit codes: 0 done, 1 stopped in mid-run, 2 bad input,
130 interrupted.

Modules are imported by the command that needs them: `stepsmith show` waits for no Prefect.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from pipeline.errors import InputError, StepsmithError
from pipeline.places import place
from pipeline.recipe import Recipe, load_recipe

app = typer.Typer(
    help="Problems in, step-labelled datasets for process reward models out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

RecipePath = Annotated[Path, typer.Argument(help="a recipe (TOML)", show_default=False)]
# A place is a path or a URL of an object store.
DatasetPath = Annotated[
    Path,
    typer.Argument(parser=place, metavar="DATASET", help="a dataset's folder", show_default=False),
]
Overrides = Annotated[
    list[str], typer.Option("--set", help="override a key: --set policy.temperature=0.7")
]
OutPath = Annotated[
    Path | None, typer.Option("--out", parser=place, metavar="PLACE", help="the output folder")
]
Limit = Annotated[int | None, typer.Option("--limit", help="take the first N problems; 0: all")]


@app.command()
def plan(
    recipe: RecipePath,
    out: OutPath = None,
    limit: Limit = None,
    overrides: Overrides = [],  # noqa: B006 - typer copies it
) -> None:
    """Say what a run would do, without spending anything."""
    from flows.plan import print_plan

    print_plan(_recipe(recipe, out, limit, overrides))


@app.command()
def label(
    recipe: RecipePath,
    out: OutPath = None,
    limit: Limit = None,
    replay: Annotated[
        bool, typer.Option("--replay", help="rebuild from the journal alone, and compare")
    ] = False,
    overrides: Overrides = [],  # noqa: B006
) -> None:
    """Label problems. Run it again after any interruption: it does only what is missing."""
    from flows.command import label_command

    label_command(_recipe(recipe, out, limit, overrides), replay)


@app.command()
def annotate(
    solutions: Annotated[str, typer.Argument(help="solutions: JSONL, JSON, Parquet or hf:…")],
    out: Annotated[
        Path, typer.Option("--out", parser=place, metavar="PLACE", help="the output folder")
    ],
    annotators: Annotated[
        list[str], typer.Option("--with", help="an annotator; may be given more than once")
    ] = ["arithmetic"],  # noqa: B006
    split: Annotated[str, typer.Option(help="blank_line | numbered | line | sentence")] = "",
) -> None:
    """Check solutions that you already have, without a model."""
    from flows.annotate import annotate_command

    annotate_command(solutions, out, annotators, split)


@app.command()
def derive(
    dataset: DatasetPath,
    out: OutPath = None,
    view: Annotated[
        str,
        typer.Option(help="hard | soft | scan | progress | advantage | tools | hybrid | posterior"),
    ] = "",
    overrides: Overrides = [],  # noqa: B006
) -> None:
    """Write other labels from the same evidence; no model is asked."""
    from flows.derive import derive_command

    derive_command(dataset, out, view, overrides)


@app.command()
def relabel(
    dataset: DatasetPath,
    policy: Annotated[str, typer.Option(help="the new policy's model: a folder or a name")] = "",
    prover: Annotated[str, typer.Option(help="the new prover's, where that is another")] = "",
    out: OutPath = None,
    share: Annotated[
        float, typer.Option(min=0, help="of the tokens of the old rollouts: what it may spend")
    ] = 0.35,
    overrides: Overrides = [],  # noqa: B006
) -> None:
    """Label the solutions of a dataset under another policy, from few new rollouts and all that
    the old ones tell."""
    from flows.relabel import relabel_command

    relabel_command(dataset, policy, prover, out, share, overrides)


@app.command()
def evaluate(
    dataset: DatasetPath,
    truth: Annotated[Path | None, typer.Option("--truth", help="a truth table (Parquet)")] = None,
    all_steps: Annotated[
        bool, typer.Option("--all-steps", help="also steps after the true first error")
    ] = False,
    all_rows: Annotated[bool, typer.Option("--all-rows", help="also rows not kept")] = False,
    json_path: Annotated[Path | None, typer.Option("--json", help="write the figures")] = None,
) -> None:
    """Measure a dataset's labels against known truth."""
    from flows.evaluate import evaluate_command

    evaluate_command(dataset, truth, all_steps, all_rows, json_path)


@app.command()
def calibrate(
    dataset: DatasetPath,
    truth: Annotated[
        Path | None, typer.Option("--truth", help="a truth table (Parquet) of a trusted slice")
    ] = None,
    out: OutPath = None,
    overrides: Overrides = [],  # noqa: B006
) -> None:
    """Fit the posterior's parameters anew, by a trusted slice if there is one; writes a dataset."""
    from flows.calibrate import calibrate_command

    calibrate_command(dataset, truth, out, overrides)


@app.command()
def show(
    dataset: DatasetPath,
    solution: Annotated[str, typer.Argument(help="a solution_id, or its beginning")] = "",
    count: Annotated[int, typer.Option("-n", help="how many solutions")] = 1,
    wrong: Annotated[bool, typer.Option("--wrong", help="only solutions with an error")] = False,
) -> None:
    """Show solutions with their labels and the reasons."""
    from flows.look import show_command

    show_command(dataset, solution, count, wrong)


@app.command()
def status(dataset: DatasetPath) -> None:
    """Say how far a run has come, and what its dataset holds."""
    from flows.look import status_command

    status_command(dataset)


@app.command("fault-server")
def fault_server(
    engine: Annotated[str, typer.Option(help="stub | embedded")] = "stub",
    model: Annotated[str, typer.Option(help="stub: its rates; embedded: a policy's folder")] = "",
    port: Annotated[int, typer.Option(help="0: a free one")] = 8000,
    name: Annotated[str, typer.Option("--served-model-name", help="as requests name it")] = "",
    faults: Annotated[
        list[str],
        typer.Option(
            "--fault",
            help="KIND:SHARE[:SECONDS], more than once. An HTTP status (429:0.05), hang, close, "
            "html, truncated, few, empty. Seconds: of a hang, or of Retry-After",
        ),
    ] = [],  # noqa: B006
    first: Annotated[
        int, typer.Option(min=0, help="let the first N requests fail, whatever the shares")
    ] = 0,
    seed: Annotated[int, typer.Option(help="of the dice")] = 0,
    log: Annotated[Path | None, typer.Option(help="one JSON line a request goes there")] = None,
) -> None:
    """Serve a model that fails on purpose, to see how a recipe's settings behave."""
    from flows.fault_server import fault_server_command

    fault_server_command(
        engine, model, port=port, name=name, faults=faults, first=first, seed=seed, log=log
    )


def _recipe(path: Path, out: Path | None, limit: int | None, overrides: list[str]) -> Recipe:
    extra = list(overrides)
    if out is not None:
        extra.append(f"output.dir={out}")
    if limit is not None:
        extra.append(f"problems.limit={limit}")
    return load_recipe(path, extra)


def main() -> None:
    try:
        app(standalone_mode=True)
    except StepsmithError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2 if isinstance(error, InputError) else 1)


if __name__ == "__main__":
    main()
