"""`stepsmith push`: a dataset's folder onto the Hub, checked here first.

The token is the client's business: HF_TOKEN, or what `hf auth login` stored. Nothing here reads it,
but to ask whether there is one.
"""

from __future__ import annotations

import logging
import sys
import tempfile
from pathlib import Path

from flows.tables import Rows, print_rows
from pipeline.errors import InputError
from pipeline.folder import DatasetFolder
from pipeline.hub.name import check_ref, check_repository

TIMEOUT_S = 300.0  # of silence: the client itself waits for ever


def push_command(
    dataset: Path,
    name: str,
    *,
    pull_request: bool,
    revision: str,
    tag: str,
    private: bool,
    dry_run: bool,
) -> None:
    """Raises InputError before anything is sent; HubError, which says what is published."""
    check_repository(name)
    check_ref(revision or "main", "--revision")
    if tag:
        check_ref(tag, "--tag")
    folder = DatasetFolder(dataset).need_dataset()

    from pipeline.hub.content import build
    from pipeline.hub.push import Push, Pushed, Target
    from pipeline.hub.repository import Repository

    api = _client()
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s")
    target = Target(revision or "main", tag, pull_request, private, dry_run)
    with tempfile.TemporaryDirectory(prefix="stepsmith-push-") as staging:
        content = build(folder, Path(staging, "dataset"))
        repository = Repository(api, name, Path(staging, "downloads"))
        try:
            pushed: Pushed = Push(content, repository, target).run()
        except KeyboardInterrupt:
            print(
                f"{name}: stopped; one commit makes all of it visible or nothing, and the same "
                f"command goes on",
                file=sys.stderr,
            )
            sys.exit(130)
        rows: Rows = [
            ("version", content.version),
            ("solutions", f"{content.solutions:,}"),
            ("files", f"{len(content.files):,}"),
            ("  new or changed", f"{len(pushed.changes.add):,}"),
            ("    of bytes", f"{sum(map(content.size, pushed.changes.add)):,}"),
            ("  removed", f"{len(pushed.changes.remove):,}"),
        ]
    print_rows(f"{name}: {_said(pushed, dry_run)}", rows + _outcome(pushed, dry_run))


def _said(pushed: object, dry_run: bool) -> str:
    changes = getattr(pushed, "changes", None)
    if dry_run:
        return "a dry run; nothing was sent" if changes else "is up to date"
    return "published" if changes else "is up to date: nothing to publish"


def _outcome(pushed: object, dry_run: bool) -> Rows:
    commit, url, tag = (getattr(pushed, name) for name in ("commit", "url", "tag"))
    rows: Rows = []
    if commit and not dry_run:
        rows.append(("commit", commit))
    if url:
        rows.append(("pull request", url))
    if tag:
        new = getattr(pushed, "new_tag", False)
        rows.append(("tag", f"{tag}{'' if new else ' (was there)'}"))
    return rows


def _client() -> object:
    """The Hub's own client, with an end to its patience. Raises InputError where no token is."""
    import httpx2
    from huggingface_hub import HfApi, get_token, set_client_factory
    from huggingface_hub.utils import disable_progress_bars
    from huggingface_hub.utils._http import default_client_factory

    if get_token() is None:
        raise InputError(
            "there is no token for the Hub: set HF_TOKEN, or log in once with `hf auth login`; "
            "it needs write access"
        )

    def build() -> httpx2.Client:
        client = default_client_factory()
        client.timeout = httpx2.Timeout(TIMEOUT_S, connect=30.0)
        return client

    set_client_factory(build)
    if not sys.stderr.isatty():
        disable_progress_bars()
    return HfApi(library_name="stepsmith")
