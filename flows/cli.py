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
    new_solutions: Annotated[
        bool, typer.Option("--new-solutions", help="the new policy's own too, as a later batch")
    ] = False,
    overrides: Overrides = [],  # noqa: B006
) -> None:
    """Label the solutions of a dataset under another policy, from few new rollouts and all that
    the old ones tell."""
    from flows.relabel import relabel_command

    relabel_command(dataset, policy, prover, out, share, overrides, new_solutions)


@app.command()
def evaluate(
    dataset: DatasetPath,
    truth: Annotated[Path | None, typer.Option("--truth", help="a truth table (Parquet)")] = None,
    people: Annotated[
        bool,
        typer.Option("--people", help="against what people said in `review` alone"),
    ] = False,
    all_steps: Annotated[
        bool, typer.Option("--all-steps", help="also steps after the true first error")
    ] = False,
    all_rows: Annotated[bool, typer.Option("--all-rows", help="also rows not kept")] = False,
    json_path: Annotated[Path | None, typer.Option("--json", help="write the figures")] = None,
) -> None:
    """Measure a dataset's labels against known truth."""
    from flows.evaluate import evaluate_command

    evaluate_command(dataset, truth, people, all_steps, all_rows, json_path)


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
def export(
    dataset: DatasetPath,
    format_name: Annotated[
        str,
        typer.Option(
            "--format",
            help="trl | math-shepherd | rlhflow | prm800k | qwen-prm | processbench | pairs | "
            "corrections | rationales | hierarchical | outcome | sft",
        ),
    ],
    out: OutPath = None,
    every: Annotated[bool, typer.Option("--all", help="also rows that are not kept")] = False,
    jsonl: Annotated[bool, typer.Option("--jsonl", help="JSON lines, not Parquet")] = False,
    options: Annotated[
        list[str], typer.Option("--set", help="an option of the format: --set zero=no_gain")
    ] = [],  # noqa: B006
) -> None:
    """Write a dataset in the shape that a trainer or a script loads (docs/formats.md)."""
    from flows.export import export_command

    export_command(dataset, format_name, out, every, jsonl, options)


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
def push(
    dataset: DatasetPath,
    name: Annotated[str, typer.Argument(metavar="OWNER/NAME", help="a dataset's name on the Hub")],
    pull_request: Annotated[
        bool, typer.Option("--pr", help="offer it as a pull request, for somebody to look at")
    ] = False,
    revision: Annotated[str, typer.Option(help="the branch; made where it is not there")] = "",
    tag: Annotated[str, typer.Option(help="in place of the one named after the policy")] = "",
    private: Annotated[
        bool, typer.Option("--private", help="make the repository private, where it is new")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="check and compare; send nothing")
    ] = False,
) -> None:
    """Publish a dataset on the Hub: one commit, and a tag for its policy."""
    from flows.push import push_command
    from pipeline.hub.push import Target

    push_command(dataset, name, Target(revision or "main", tag, pull_request, private, dry_run))


@app.command()
def report(
    dataset: DatasetPath,
    out: Annotated[
        Path | None,
        typer.Option("--out", parser=place, metavar="FILE", help="default: DATASET/report.html"),
    ] = None,
    truth: Annotated[Path | None, typer.Option("--truth", help="a truth table (Parquet)")] = None,
    solutions: Annotated[
        int, typer.Option(min=0, help="how many solutions the page holds, at most")
    ] = 10_000,
) -> None:
    """Write one HTML page: figures, warnings, and the solutions with every reason."""
    from flows.report import report_command

    report_command(dataset, out, truth, solutions)


@app.command()
def review(
    dataset: DatasetPath,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: a free one")] = 8765,
    truth: Annotated[Path | None, typer.Option("--truth", help="a truth table (Parquet)")] = None,
    solutions: Annotated[
        int, typer.Option(min=0, help="how many solutions the page holds, at most")
    ] = 10_000,
    reviewer: Annotated[str, typer.Option("--as", help="your name; default: your login")] = "",
    export: Annotated[
        Path | None,
        typer.Option("--export", help="write the verdicts (JSON lines; .parquet: a truth table)"),
    ] = None,
    import_: Annotated[
        Path | None, typer.Option("--import", help="take in verdicts (JSON lines)")
    ] = None,
) -> None:
    """Say which steps are right, in the browser, on this machine alone."""
    from flows.review import export_command, import_command, review_command

    if export is not None and import_ is not None:
        raise InputError("--export and --import: choose one of them")
    if import_ is not None:
        import_command(dataset, import_)
    elif export is not None:
        export_command(dataset, export)
    else:
        review_command(dataset, port, truth, solutions, reviewer)


@app.command()
def serve(
    file: Annotated[Path, typer.Argument(help="what is to run, and when")] = Path("prefect.yaml"),
    port: Annotated[int, typer.Option(min=1, max=65535, help="of the Prefect server")] = 4200,
) -> None:
    """Run deployments by their schedules and events, with no other server: until Ctrl-C."""
    from flows.serve import serve_command

    serve_command(file, port)


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
