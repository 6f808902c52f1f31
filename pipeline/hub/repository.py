"""A dataset repository as it stands on the Hub: where its branch is, what lies there, its tags."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from huggingface_hub import HfApi
from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError
from huggingface_hub.hf_api import RepoFile

from pipeline.hub.content import CARD, MANIFEST, SHARD, Content

TYPE = "dataset"
# What a repository may hold before the first push: words about it, and .gitattributes.
_ABOUT = re.compile(r"\.[^/]+|[^/]+\.md|(LICENSE|LICENCE|CITATION)[^/]*", re.IGNORECASE)
_OURS = {"stepsmith", "schema_version", "counts"}  # keys of every manifest that we wrote


@dataclass(frozen=True, slots=True)
class Changes:
    """Paths to add (new ones and changed ones) and to remove."""

    add: tuple[str, ...]
    remove: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.add or self.remove)


@dataclass(frozen=True)
class Snapshot:
    """The repository at one commit of one reference."""

    head: str
    ref: str  # a branch, or refs/pr/<number>
    private: bool
    files: dict[str, RepoFile] = field(default_factory=dict)
    card: str | None = None
    manifest: dict[str, Any] | None = None
    branches: dict[str, str] = field(default_factory=dict)  # name -> commit
    tags: dict[str, str] = field(default_factory=dict)

    def changes(self, content: Content, besides: str = "") -> Changes:
        """What a commit must hold for this snapshot to become `content`, but for one path. Files of
        ours that are no part of it are removed."""
        add = tuple(
            path for path in content.files if path != besides and not self._has(content, path)
        )
        known = set(content.files)
        gone = (path for path in self.files if path not in known and SHARD.fullmatch(path))
        return Changes(add, tuple(sorted(gone)))

    def others_data(self) -> list[str]:
        """Files that make it somebody else's dataset; none where the manifest is one of ours."""
        if (self.manifest or {}).keys() >= _OURS:
            return []
        return sorted(path for path in self.files if not _ABOUT.fullmatch(path))

    def _has(self, content: Content, path: str) -> bool:
        there = self.files.get(path)
        if there is None or there.size != content.size(path):
            return False
        if there.lfs is not None:
            return path != CARD and bool(there.lfs.sha256 == content.sha256[path])
        return bool(there.blob_id == _git_hash(content.read(path)))


class Repository:
    """Reads a repository, and nothing else. Raises the client's own exceptions."""

    def __init__(self, api: HfApi, name: str, downloads: Path) -> None:
        self.api = api
        self.name = name
        self._downloads = downloads

    def snapshot(self, branch: str) -> Snapshot | None:
        """Of `branch`, or of main where there is no such branch yet; None: no repository."""
        try:
            info = self.api.repo_info(self.name, repo_type=TYPE)
        except GatedRepoError:
            raise
        except RepositoryNotFoundError:
            return None
        refs = self.api.list_repo_refs(self.name, repo_type=TYPE)
        branches = {one.name: one.target_commit for one in refs.branches}
        head = branches.get(branch) or branches.get("main") or str(info.sha)
        return self._at(
            head,
            branch if branch in branches else "main",
            bool(info.private),
            branches,
            {one.name: one.target_commit for one in refs.tags},
        )

    def pull_request(
        self, content: Content, base: Snapshot, branch: str
    ) -> tuple[str, Snapshot] | None:
        """URL and head of the open pull request that offers this very version to `branch`, if there
        is one."""
        for number, url in self._open_requests(content.version):
            details = self.api.get_discussion_details(self.name, number, repo_type=TYPE)
            if str(details.target_branch).removeprefix("refs/heads/") != branch:
                continue
            ref = f"refs/pr/{number}"
            head = self.api.repo_info(self.name, repo_type=TYPE, revision=ref).sha
            return url, self._at(str(head), ref, base.private, base.branches, base.tags)
        return None

    def files_at(self, revision: str) -> dict[str, RepoFile]:
        found = self.api.list_repo_tree(
            self.name, repo_type=TYPE, revision=revision, recursive=True
        )
        return {one.path: one for one in found if isinstance(one, RepoFile)}

    def _open_requests(self, version: str) -> Iterator[tuple[int, str]]:
        for one in self.api.get_repo_discussions(
            self.name, repo_type=TYPE, discussion_type="pull_request", discussion_status="open"
        ):
            if one.title.endswith(f"version {version}"):
                yield one.num, one.url

    def _at(
        self, head: str, ref: str, private: bool, branches: dict[str, str], tags: dict[str, str]
    ) -> Snapshot:
        files = self.files_at(head)
        card, manifest = (self._text(path, head, files) for path in (CARD, MANIFEST))
        return Snapshot(head, ref, private, files, card, _object(manifest), branches, tags)

    def _text(self, path: str, head: str, files: dict[str, RepoFile]) -> str | None:
        if path not in files:
            return None
        found = self.api.hf_hub_download(
            self.name, path, repo_type=TYPE, revision=head, cache_dir=self._downloads
        )
        return Path(found).read_bytes().decode("utf-8", "replace")


def _object(text: str | None) -> dict[str, Any] | None:
    try:
        found = json.loads(text or "")
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _git_hash(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()
