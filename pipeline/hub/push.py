"""One version of a dataset, onto the Hub: one commit or one pull request, then a tag.

Guaranteed: readers see the version before or the whole new one, because all that was uploaded
becomes visible with one commit, made upon the very state that was read (`parent_commit`); nothing
is committed twice, and a version that is there already is not committed at all; a tag is never
moved; files that are not ours are left alone. After anything that stopped a push the same command
goes on: contents that the Hub has are not sent again.

Not guaranteed: that an upload of one file goes on in its middle (the client sends a file, or with
Xet a chunk, as a whole), or that a repository that had to be made is removed again.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from huggingface_hub import CommitOperationAdd, CommitOperationDelete

from pipeline.errors import HubError, InputError
from pipeline.hub.content import CARD, Content, check
from pipeline.hub.refusal import Refusal, refusal_of
from pipeline.hub.repository import TYPE, Changes, Repository, Snapshot

TRIES = 5  # of the whole, beside the client's own for each request
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Target:
    """Where to, and how. `tag`: "" for the policy's."""

    branch: str = "main"
    tag: str = ""
    pull_request: bool = False
    private: bool = False
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Pushed:
    """What is on the Hub now. `commit` is None where there is no repository yet (a dry run)."""

    changes: Changes
    commit: str | None
    url: str | None  # of a pull request
    tag: str | None
    new_tag: bool


class Push:
    """Raises HubError, which says what is published by then; InputError."""

    def __init__(
        self,
        content: Content,
        repository: Repository,
        target: Target,
        wait: Callable[[float], None] = time.sleep,
    ) -> None:
        self.content = content
        self.repository = repository
        self.api = repository.api
        self.target = target
        self._wait = wait
        self._committed: str | None = None  # what is visible already, when an error comes
        self._checked = False
        self._sent = False  # something, of which nobody sees anything yet

    def run(self) -> Pushed:
        for count in range(1, TRIES + 1):
            try:
                return self._once()
            except Exception as error:
                refusal = refusal_of(error)
                if refusal is None or isinstance(error, InputError | HubError):
                    raise
                if not refusal.passing or count == TRIES:
                    raise self._error(refusal) from error
                seconds = self._pause(refusal, count)
                _log.warning("%s; trying again in %.0f s", refusal.what, seconds)
                self._wait(seconds)
        raise AssertionError("unreachable")

    def _once(self) -> Pushed:
        """Read, compare, send what is missing. Begun anew after a failure, it finds what the one
        before has done."""
        target = self.target
        base = self.repository.snapshot(target.branch)
        if base is None:
            self._write_card(None)
            if target.dry_run:
                return Pushed(Changes(self.content.files, ()), None, None, self._tag, True)
            self.api.create_repo(
                self.repository.name, repo_type=TYPE, private=target.private, exist_ok=True
            )
            base = self.repository.snapshot(target.branch)
            if base is None:
                raise HubError(
                    f"{self.repository.name}: was made, and cannot be read: nothing was published"
                )
        self._check(base)
        self._write_card(base.card)
        found, url = base, None
        changes = base.changes(self.content)
        if changes and target.pull_request:
            request = self.repository.pull_request(self.content, base, target.branch)
            if request is not None:
                url, found = request
                self._write_card(found.card)
                changes = found.changes(self.content)
        # For a pull request too: the Hub would open it against main.
        needs_branch = target.branch not in base.branches and url is None
        if target.dry_run:
            return Pushed(changes, found.head, url, self._tag, self._tag not in base.tags)
        commit = found.head
        if changes:
            commit, url = self._commit(found, changes, url, needs_branch)
        elif needs_branch:
            self._branch(found.head)
        if url is not None:  # its head may never be merged: the push after the merge tags it
            return Pushed(changes, commit, url, None, False)
        self._committed = commit
        new = self._tag not in base.tags
        if new:
            self.api.create_tag(
                self.repository.name,
                repo_type=TYPE,
                tag=self._tag,
                tag_message=self.content.title,
                revision=commit,
                exist_ok=True,
            )
        return Pushed(changes, commit, None, self._tag, new)

    @property
    def _tag(self) -> str:
        return self.target.tag or self.content.default_tag()

    def _check(self, base: Snapshot) -> None:
        """Refuse what must not be written over, before anything is sent. Raises InputError."""
        name = self.repository.name
        others = base.others_data()
        if others:
            raise InputError(
                f"{name}: holds data that Stepsmith did not write ({', '.join(others[:3])}), and "
                f"no manifest.json of a dataset of ours; choose another name",
                repository=name,
            )
        if self.target.private and not base.private:
            raise InputError(
                f"{name}: is public, and --private cannot change that: make it private on the Hub, "
                f"or leave --private out",
                repository=name,
            )
        tag = self.target.tag
        if tag and tag in base.tags and not self.target.pull_request:
            there = replace(base, files=self.repository.files_at(base.tags[tag]))
            if there.changes(self.content, besides=CARD):
                raise InputError(
                    f"{name}: the tag {tag} is there already, on another version (commit "
                    f"{base.tags[tag][:12]}); a tag is never moved: choose another --tag",
                    repository=name,
                    tag=tag,
                )

    def _write_card(self, theirs: str | None) -> None:
        changed = self.content.write_card(theirs)
        if changed or not self._checked:
            check(self.content)
            self._checked = True

    def _commit(
        self, found: Snapshot, changes: Changes, url: str | None, needs_branch: bool
    ) -> tuple[str, str | None]:
        content, target = self.content, self.target
        additions = [self._addition(path) for path in changes.add]
        new_request = target.pull_request and url is None
        self._sent = True
        self.api.preupload_lfs_files(
            self.repository.name,
            additions,
            repo_type=TYPE,
            revision=found.ref,
            create_pr=new_request,
            free_memory=False,
        )
        if needs_branch:
            self._branch(found.head)
        info = self.api.create_commit(
            self.repository.name,
            [*additions, *(CommitOperationDelete(path) for path in changes.remove)],
            commit_message=content.title,
            commit_description="Pushed by Stepsmith: labels, evidence and card of one version.",
            repo_type=TYPE,
            revision=target.branch if needs_branch else found.ref,
            create_pr=new_request,
            parent_commit=found.head,
        )
        return info.oid, info.pr_url if new_request else url

    def _branch(self, head: str) -> None:
        self.api.create_branch(
            self.repository.name,
            repo_type=TYPE,
            branch=self.target.branch,
            revision=head,
            exist_ok=True,
        )

    def _addition(self, path: str) -> CommitOperationAdd:
        addition = CommitOperationAdd(path, str((self.content.root / path).resolve()))
        if path != CARD:
            addition.upload_info.sha256 = bytes.fromhex(self.content.sha256[path])  # read once
        return addition

    def _pause(self, refusal: Refusal, count: int) -> float:
        if refusal.status == 412:
            return 0.0  # another commit came between: what is there now is read at once
        return refusal.wait_s if refusal.wait_s is not None else float(4 ** (count - 1))

    def _error(self, refusal: Refusal) -> HubError:
        if self._committed is None and not self._sent:
            after = "Nothing was published."
        elif self._committed is None:
            after = "Nothing was published; what was uploaded is kept there for the next try."
        else:
            after = (
                f"The version is published (commit {self._committed[:12]}), its tag {self._tag} is "
                f"not: run the same command again."
            )
        return HubError(
            f"{self.repository.name}: {refusal.what}: {refusal.hint}. {after}",
            repository=self.repository.name,
            status=refusal.status,
        )
