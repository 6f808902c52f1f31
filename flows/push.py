"""`stepsmith push`: a dataset's folder onto the Hub, checked here first.

The token is the client's business: HF_TOKEN, or what `hf auth login` stored. Nothing of ours reads
it but to ask whether there is one, and to keep it out of messages.
"""

from __future__ import annotations

import logging
import sys
import tempfile
from pathlib import Path

import httpx2
from huggingface_hub import HfApi, constants, get_token, set_client_factory
from huggingface_hub.utils._http import default_client_factory
from huggingface_hub.utils.tqdm import disable_progress_bars

from flows.tables import Rows, print_rows
from pipeline.errors import InputError
from pipeline.folder import DatasetFolder
from pipeline.hub.content import Content, build
from pipeline.hub.name import check_ref, check_repository
from pipeline.hub.push import Push, Pushed, Target
from pipeline.hub.repository import Repository

TIMEOUT_S = 300.0  # of silence: the client itself waits for ever


def push_command(dataset: Path, name: str, target: Target) -> None:
    """Raises what `push` raises."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s")
    try:
        title, rows, url = push(dataset, name, target)
    except KeyboardInterrupt:
        print(
            f"{name}: stopped; one commit makes all of it visible or nothing, and the same "
            f"command goes on",
            file=sys.stderr,
        )
        sys.exit(130)
    print_rows(title, rows)
    if url:
        print(url)  # whole, however narrow the terminal


def push(dataset: Path, name: str, target: Target) -> tuple[str, Rows, str | None]:
    """What was done, the table of it, and the page of a pull request. Raises InputError before
    anything is sent; HubError, which says what is published."""
    check_repository(name)
    check_ref(target.branch, "--revision")
    if target.tag:
        check_ref(target.tag, "--tag")
    folder = DatasetFolder(dataset).need_dataset()
    api = _client()
    with tempfile.TemporaryDirectory(prefix="stepsmith-push-") as staging:
        content = build(folder, Path(staging, "dataset"), name)
        repository = Repository(api, name, Path(staging, "downloads"))
        pushed = Push(content, repository, target).run()
        rows = _rows(content, pushed, target.dry_run)
    return f"{name}: {_title(pushed, target.dry_run)}", rows, pushed.url


def _title(pushed: Pushed, dry_run: bool) -> str:
    if not pushed.changes:
        return "is up to date, nothing to publish"
    if dry_run:
        return "a dry run, nothing was sent"
    return "offered" if pushed.url else "published"


def _rows(content: Content, pushed: Pushed, dry_run: bool) -> Rows:
    rows: Rows = [
        ("version", content.version),
        ("solutions", f"{content.solutions:,}"),
        ("files", f"{len(content.files):,}"),
        ("  new or changed", f"{len(pushed.changes.add):,}"),
        ("  of bytes", f"{sum(map(content.size, pushed.changes.add)):,}"),
        ("  removed", f"{len(pushed.changes.remove):,}"),
    ]
    if pushed.commit and not dry_run:
        rows.append(("commit", pushed.commit))
    if pushed.tag:
        rows.append(("tag", pushed.tag if pushed.new_tag else f"{pushed.tag} (was there)"))
    return rows


def _client() -> HfApi:
    """The Hub's own client, with an end to its patience. Raises InputError where no token is."""
    if constants.HF_HUB_OFFLINE:
        raise InputError(
            "HF_HUB_OFFLINE is set, so nothing can be pushed: unset it, or set it to 0"
        )
    if get_token() is None:
        raise InputError(
            "there is no token for the Hub: set HF_TOKEN, or log in once with `hf auth login`; "
            "it needs write access"
        )

    def make() -> httpx2.Client:
        client = default_client_factory()
        client.timeout = httpx2.Timeout(TIMEOUT_S, connect=30.0)
        return client

    set_client_factory(make)
    if not sys.stderr.isatty():
        disable_progress_bars()
    return HfApi(library_name="stepsmith")
