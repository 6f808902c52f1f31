"""`stepsmith review`: people say which steps are right; their verdicts go in and out as files."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import getpass
import signal
import sys
from pathlib import Path

from aiohttp import web

from flows.review_server import HOST, ReviewServer
from flows.tables import print_rows
from pipeline.errors import InputError
from pipeline.files import write_table, write_text
from pipeline.folder import DatasetFolder
from pipeline.human.evidence import human_truth, people_of, verdict_log
from pipeline.human.lines import export_text, import_lines, prefixes_of, read_lines
from pipeline.human.log import MAX_REVIEWER, is_name
from pipeline.schemas import TRUTH


def review_command(
    dataset: Path, port: int, truth: Path | None, solutions: int, reviewer: str
) -> None:
    """Serve until interrupted; `reviewer`: empty where none is named. Raises InputError."""
    if reviewer.strip() and not is_name(reviewer):
        raise InputError(
            f"--as: is no name of 1 to {MAX_REVIEWER} characters; every verdict would be refused",
            field="--as",
        )
    folder = DatasetFolder(dataset).need_dataset()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(folder, port, truth, solutions, reviewer.strip()))


def export_command(dataset: Path, target: Path) -> None:
    """JSON lines; into a .parquet a truth table. Raises InputError, StorageError."""
    folder = DatasetFolder(dataset).need_dataset()
    said = verdict_log(folder).current()
    if target.suffix == ".parquet":
        # A truth table has no prefixes by which its reader could tell another step.
        people = people_of(folder)
        said = people.said
        for warning in people.warnings(folder):
            print(f"warning: {warning}", file=sys.stderr)
        write_table(target, human_truth(said).to_arrow().cast(TRUTH))
    else:
        write_text(target, export_text(said))
    print(f"{target}: {len(said):,} verdicts")


def import_command(dataset: Path, source: Path) -> None:
    """Raises InputError, StorageError."""
    folder = DatasetFolder(dataset).need_dataset()
    log, said = verdict_log(folder), read_lines(source)
    found = import_lines(said, log, prefixes_of(folder))
    print_rows(
        f"{source} into {dataset}",
        [
            ("verdicts", f"{len(said):,}"),
            ("  added", f"{found.added:,}"),
            ("  known already", f"{found.known:,}"),
            ("  of solutions that are not here, left out", f"{found.no_solution:,}"),
            ("  of steps that are not here or say something else, left out", f"{found.no_step:,}"),
            ("verdicts that stand now", f"{len(log.current()):,}"),
        ],
    )


async def _serve(
    folder: DatasetFolder, port: int, truth: Path | None, solutions: int, reviewer: str
) -> None:
    server = ReviewServer(folder, truth, solutions, reviewer or _user(), bool(reviewer))
    runner = web.AppRunner(server.app(), access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, HOST, port)
        try:
            await site.start()
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            raise InputError(
                f"--port {port}: another program listens there; choose another, or 0 for a free one"
            ) from error
        found = runner.addresses[0][1]
        for warning in people_of(folder).warnings(folder):
            print(f"warning: {warning}", file=sys.stderr)
        print(
            f"{folder.root}: http://{HOST}:{found}/?token={server.token}\n"
            f"Verdicts go to {server.log.path}. Ctrl-C ends the review.",
            flush=True,
        )
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        await stop.wait()
    finally:
        await runner.cleanup()


def _user() -> str:
    try:
        return getpass.getuser()[:MAX_REVIEWER]
    except (KeyError, OSError):
        return "reviewer"
