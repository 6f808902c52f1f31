"""A Hub on loopback: enough of its API for the real client to publish and to load a dataset.

    with LocalHub() as hub:
        hub.faults.append(Fault("PUT", "/lfs/", "close"))   # the next such request fails
        ... HF_ENDPOINT=hub.url, HF_TOKEN=hub.token, HF_HUB_DISABLE_XET=1 …
        hub.repositories["ada/steps"].files("main")

It is strict where the Hub is: tokens, `parentCommit` (412), LFS pointers to objects that it has not
(400), tags and repositories that are there already (409).
Kept in memory. Plain HTTP/1.1 over threads, so that a connection can really be cut.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

Tree = dict[str, "Blob"]
_API = re.compile(r"/api/datasets/([^/]+/[^/]+)(/.*)?")
_RESOLVE = re.compile(r"/datasets/([^/]+/[^/]+)/resolve/([^/]+)/(.+)")
_LFS = re.compile(r"/datasets/([^/]+/[^/]+)\.git/info/lfs/objects/batch")
NOW = "2026-11-22T12:00:00.000Z"


@dataclass(frozen=True)
class Blob:
    data: bytes
    lfs: bool

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.data).hexdigest()

    @property
    def pointer(self) -> bytes:
        return (
            f"version https://git-lfs.github.com/spec/v1\noid sha256:{self.sha256}\n"
            f"size {len(self.data)}\n"
        ).encode()

    @property
    def oid(self) -> str:
        """git's, of the file or of the pointer to it."""
        stored = self.pointer if self.lfs else self.data
        return hashlib.sha1(b"blob %d\0" % len(stored) + stored).hexdigest()

    def info(self, path: str) -> dict[str, Any]:
        found: dict[str, Any] = {"type": "file", "path": path, "oid": self.oid}
        found["size"] = len(self.data)
        if self.lfs:
            found["lfs"] = {"oid": self.sha256, "size": len(self.data), "pointerSize": 130}
        return found


@dataclass
class Repository:
    name: str
    private: bool
    commits: dict[str, tuple[Tree, str]] = field(default_factory=dict)  # oid -> files, title
    branches: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    requests: dict[int, str] = field(default_factory=dict)  # open ones: number -> commit
    titles: dict[int, str] = field(default_factory=dict)
    targets: dict[int, str] = field(default_factory=dict)  # branches that they are offered to
    lfs: dict[str, bytes] = field(default_factory=dict)

    def commit(self, tree: Tree, title: str) -> str:
        oid = secrets.token_hex(20)
        self.commits[oid] = (tree, title)
        return oid

    def resolve(self, revision: str) -> str | None:
        """The commit of a branch, tag, pull request or commit."""
        if revision.startswith("refs/pr/"):
            return self.requests.get(int(revision.removeprefix("refs/pr/")))
        for known in (self.branches, self.tags):
            if revision in known:
                return known[revision]
        return revision if revision in self.commits else None

    def tree(self, revision: str) -> Tree:
        oid = self.resolve(revision)
        assert oid is not None, revision
        return self.commits[oid][0]

    def files(self, revision: str = "main") -> dict[str, bytes]:
        return {path: blob.data for path, blob in self.tree(revision).items()}

    def merge(self, number: int) -> None:
        """As somebody does who has looked at it."""
        self.branches[self.targets[number]] = self.requests.pop(number)

    def edit(self, path: str, text: str) -> None:
        """As somebody does on the Hub's own page."""
        tree = {**self.tree("main"), path: Blob(text.encode(), lfs=False)}
        self.branches["main"] = self.commit(tree, f"Update {path}")


@dataclass
class Fault:
    """Of the next `count` requests whose method and path match. `kind`: an HTTP status, `close`
    (the connection is cut half-way through the request), or `lost` (it is done, and the answer
    never comes)."""

    method: str
    path: str
    kind: int | str
    count: int = 1
    headers: dict[str, str] = field(default_factory=dict)
    message: str = "planted"
    after: int = 0  # such requests are let through first


class LocalHub:
    def __init__(self) -> None:
        self.repositories: dict[str, Repository] = {}
        self.faults: list[Fault] = []
        self.log: list[str] = []  # "PUT /lfs/…"
        self.uploaded: list[int] = []  # bytes of each LFS object that came whole
        self.token = f"hf_{secrets.token_hex(16)}"
        self.before_commit: Callable[[Repository], None] | None = None  # once
        self.lock = threading.RLock()
        handler = type("Handler", (_Handler,), {"hub": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> LocalHub:
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def create(self, name: str, private: bool = False) -> Repository:
        found = Repository(name, private)
        attributes = Blob(b"*.parquet filter=lfs diff=lfs merge=lfs -text\n", lfs=False)
        found.branches["main"] = found.commit({".gitattributes": attributes}, "initial commit")
        self.repositories[name] = found
        return found

    def count(self, beginning: str) -> int:
        return sum(line.startswith(beginning) for line in self.log)

    def fault(self, method: str, path: str) -> Fault | None:
        for fault in self.faults:
            if fault.count and fault.method == method and fault.path in path:
                if fault.after:
                    fault.after -= 1
                    continue
                fault.count -= 1
                return fault
        return None


class Answer(Exception):
    """An answer that is no success."""

    def __init__(self, status: int, message: str, code: str = "") -> None:
        super().__init__(message)
        self.status, self.message, self.code = status, message, code


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 1 << 16  # an answer is one packet, and nobody waits for an acknowledgement
    hub: LocalHub

    def log_message(self, *args: object) -> None:
        pass

    def _serve(self) -> None:
        hub, url = self.hub, urlsplit(self.path)
        path, query = unquote(url.path), parse_qs(url.query)
        self._raw = url.path
        with hub.lock:
            hub.log.append(f"{self.command} {path}")
            fault = hub.fault(self.command, path)
        if fault is not None and fault.kind == "close":
            self.rfile.read(min(1_000, int(self.headers.get("Content-Length") or 0)))
            self._cut()
            return
        body = self._body()
        if fault is not None and isinstance(fault.kind, int):
            self._send(fault.kind, {"error": fault.message}, fault.headers)
            return
        try:
            with hub.lock:
                status, data, headers = self._route(path, query, body)
        except Answer as answer:
            extra = {"X-Error-Code": answer.code} if answer.code else {}
            extra["X-Error-Message"] = answer.message
            self._send(answer.status, {"error": answer.message}, extra)
            return
        if fault is not None:  # "lost"
            self._cut()
            return
        self._send(status, data, headers)

    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = _serve

    def _cut(self) -> None:
        self.close_connection = True
        self.connection.close()

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") == "chunked":
            parts = []
            while size := int(self.rfile.readline().strip() or b"0", 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _send(self, status: int, data: Any, headers: dict[str, str] | None = None) -> None:
        payload = data if isinstance(data, bytes) else json.dumps(data).encode()
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if "Content-Length" not in (headers or {}):
            self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(payload)

    def _route(
        self, path: str, query: dict[str, list[str]], body: bytes
    ) -> tuple[int, Any, dict[str, str]]:
        hub = self.hub
        if path.startswith("/lfs/"):  # as S3: the URL itself is the permission
            name, oid = path.removeprefix("/lfs/").rsplit("/", 1)
            if hashlib.sha256(body).hexdigest() != oid:
                raise Answer(400, "the content is not what was announced")
            hub.repositories[name].lfs[oid] = body
            hub.uploaded.append(len(body))
            return 200, b"", {}
        self._check_token()
        if path == "/api/repos/create":
            return self._create(json.loads(body))
        if path == "/api/validate-yaml":
            return 200, {"errors": [], "warnings": []}, {}
        if path.startswith("/verify/"):
            name = path.removeprefix("/verify/")
            if json.loads(body)["oid"] not in hub.repositories[name].lfs:
                raise Answer(404, "no such object")
            return 200, {}, {}
        if match := _LFS.fullmatch(path):
            return self._batch(self._repository(match[1]), json.loads(body))
        if match := _RESOLVE.fullmatch(self._raw):
            repository = self._repository(match[1])
            return self._resolve(repository, unquote(match[2]), unquote(match[3]))
        if match := _API.fullmatch(self._raw):
            repository = self._repository(match[1])
            return self._api(repository, unquote(match[2] or ""), match[2] or "", query, body)
        raise Answer(404, f"no such path: {path}")

    def _check_token(self) -> None:
        given = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if given != self.hub.token:
            if given:
                raise Answer(401, "Invalid credentials in Authorization header")
            raise Answer(401, "Invalid username or password.")

    def _repository(self, name: str) -> Repository:
        if name not in self.hub.repositories:
            raise Answer(404, "Repository not found", "RepoNotFound")
        return self.hub.repositories[name]

    def _create(self, wanted: dict[str, Any]) -> tuple[int, Any, dict[str, str]]:
        name = f"{wanted['organization']}/{wanted['name']}"
        if name in self.hub.repositories:
            raise Answer(409, "You already created this dataset repo")
        private = wanted.get("private") or wanted.get("visibility") == "private"
        self.hub.create(name, bool(private))
        return 200, {"url": f"{self.hub.url}/datasets/{name}"}, {}

    def _batch(self, repository: Repository, wanted: Any) -> tuple[int, Any, dict[str, str]]:
        objects = []
        for one in wanted["objects"]:
            found = {"oid": one["oid"], "size": one["size"]}
            if one["oid"] not in repository.lfs:
                upload = f"{self.hub.url}/lfs/{repository.name}/{one['oid']}?X-Amz-Signature=secret"
                verify = f"{self.hub.url}/verify/{repository.name}"
                found["actions"] = {"upload": {"href": upload}, "verify": {"href": verify}}
            objects.append(found)
        return 200, {"transfer": "basic", "objects": objects}, {}

    def _commit_of(self, repository: Repository, revision: str) -> str:
        oid = repository.resolve(revision)
        if oid is None:
            raise Answer(404, f"Invalid rev id: {revision}", "RevisionNotFound")
        return oid

    def _resolve(
        self, repository: Repository, revision: str, path: str
    ) -> tuple[int, Any, dict[str, str]]:
        oid = self._commit_of(repository, revision)
        blob = repository.commits[oid][0].get(path)
        if blob is None:
            raise Answer(404, "Entry not found", "EntryNotFound")
        etag = blob.sha256 if blob.lfs else blob.oid
        headers = {"ETag": f'"{etag}"', "X-Repo-Commit": oid, "Accept-Ranges": "bytes"}
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if not wanted or self.command == "HEAD":
            return 200, blob.data, headers
        start = int(wanted[1])
        end = min(int(wanted[2] or len(blob.data) - 1), len(blob.data) - 1)
        headers["Content-Range"] = f"bytes {start}-{end}/{len(blob.data)}"
        return 206, blob.data[start : end + 1], headers

    def _api(
        self, repository: Repository, path: str, raw: str, query: dict[str, list[str]], body: bytes
    ) -> tuple[int, Any, dict[str, str]]:
        # A revision is one part of the URL, its slashes quoted.
        parts = [unquote(part) for part in raw.strip("/").split("/")]
        match parts:
            case [""]:
                return self._info(repository, "main")
            case ["revision", revision]:
                return self._info(repository, revision)
            case ["refs"]:
                return self._refs(repository)
            case ["tree", revision, *below]:
                return self._tree(repository, revision, "/".join(below), query)
            case ["paths-info", revision]:
                tree = repository.commits[self._commit_of(repository, revision)][0]
                wanted = (
                    json.loads(body)["paths"]
                    if body[:1] == b"{"
                    else parse_qs(body.decode())["paths"]
                )
                return 200, [tree[one].info(one) for one in wanted if one in tree], {}
            case ["preupload", revision]:
                return self._preupload(repository, revision, json.loads(body))
            case ["commit", revision]:
                return self._commit(repository, revision, "create_pr" in query, body)
            case ["tag", revision]:
                wanted = json.loads(body)["tag"]
                if wanted in repository.tags:
                    raise Answer(409, "Tag already exists")
                repository.tags[wanted] = self._commit_of(repository, revision)
                return 200, {}, {}
            case ["branch", name]:
                if name in repository.branches:
                    raise Answer(409, "Branch already exists")
                start = json.loads(body or b"{}").get("startingPoint", "main")
                repository.branches[name] = self._commit_of(repository, start)
                return 200, {}, {}
            case ["discussions"]:
                return self._discussions(repository)
            case ["discussions", number]:
                found = self._discussion(repository, int(number))
                target = f"refs/heads/{repository.targets[int(number)]}"
                more = {"changes": {"base": target}, "filesWithConflicts": [], "events": []}
                return 200, found | more, {}
        raise Answer(404, f"no such path: {path}")

    def _info(self, repository: Repository, revision: str) -> tuple[int, Any, dict[str, str]]:
        oid = self._commit_of(repository, revision)
        files = [{"rfilename": path} for path in repository.commits[oid][0]]
        return (
            200,
            {
                "_id": "1",
                "id": repository.name,
                "sha": oid,
                "private": repository.private,
                "lastModified": NOW,
                "siblings": files,
                "gated": False,
                "disabled": False,
                "tags": [],
                "downloads": 0,
                "likes": 0,
            },
            {},
        )

    def _refs(self, repository: Repository) -> tuple[int, Any, dict[str, str]]:
        def refs(kind: str, known: dict[str, str]) -> list[dict[str, str]]:
            return [
                {"name": name, "ref": f"refs/{kind}/{name}", "targetCommit": oid}
                for name, oid in known.items()
            ]

        found = {"branches": refs("heads", repository.branches), "converts": []}
        return 200, found | {"tags": refs("tags", repository.tags)}, {}

    def _tree(
        self, repository: Repository, revision: str, below: str, query: dict[str, list[str]]
    ) -> tuple[int, Any, dict[str, str]]:
        tree = repository.commits[self._commit_of(repository, revision)][0]
        inside = f"{below}/" if below else ""
        recursive = query.get("recursive", ["False"])[0].lower() in ("true", "1")
        found: dict[str, dict[str, Any]] = {}
        for path, blob in sorted(tree.items()):
            if not path.startswith(inside):
                continue
            parts = path[len(inside) :].split("/")
            for depth in range(1, len(parts) if recursive else min(2, len(parts))):
                folder = inside + "/".join(parts[:depth])
                oid = hashlib.sha1(folder.encode()).hexdigest()
                found[folder] = {"type": "directory", "path": folder, "oid": oid, "size": 0}
            if recursive or len(parts) == 1:
                found[path] = blob.info(path)
        if below and not found:
            raise Answer(404, "Entry not found", "EntryNotFound")
        return 200, list(found.values()), {}

    def _preupload(
        self, repository: Repository, revision: str, wanted: Any
    ) -> tuple[int, Any, dict[str, str]]:
        tree = repository.commits[self._commit_of(repository, revision)][0]
        files = []
        for one in wanted["files"]:
            lfs = one["path"].endswith(".parquet") or one["size"] > 10_000_000
            there = tree.get(one["path"])
            oid = None if there is None else there.sha256 if there.lfs else there.oid
            mode = "lfs" if lfs else "regular"
            files.append(
                {"path": one["path"], "uploadMode": mode, "shouldIgnore": False, "oid": oid}
            )
        return 200, {"files": files}, {}

    def _commit(
        self, repository: Repository, revision: str, new_request: bool, body: bytes
    ) -> tuple[int, Any, dict[str, str]]:
        if self.hub.before_commit is not None:
            hook, self.hub.before_commit = self.hub.before_commit, None
            hook(repository)
        head = self._commit_of(repository, revision)
        header, *operations = [json.loads(line) for line in body.splitlines()]
        parent = header["value"].get("parentCommit", head)
        if parent != head:
            raise Answer(412, "A commit has happened since. Please refresh and try again.")
        tree = dict(repository.commits[head][0])
        for one in operations:
            value = one["value"]
            if one["key"] == "file":
                tree[value["path"]] = Blob(base64.b64decode(value["content"]), lfs=False)
            elif one["key"] == "lfsFile":
                if value["oid"] not in repository.lfs:
                    raise Answer(400, f"{value['path']}: its LFS object was not uploaded")
                tree[value["path"]] = Blob(repository.lfs[value["oid"]], lfs=True)
            elif one["key"] == "deletedFile":
                if tree.pop(value["path"], None) is None:
                    raise Answer(404, "A file with this name doesn't exist", "EntryNotFound")
            else:
                raise Answer(400, f"unknown operation {one['key']}")
        oid = repository.commit(tree, header["value"]["summary"])
        url = f"{self.hub.url}/datasets/{repository.name}"
        found = {"commitUrl": f"{url}/commit/{oid}", "commitOid": oid, "success": True}
        if new_request:
            number = len(repository.titles) + 1
            repository.requests[number] = oid
            repository.titles[number] = header["value"]["summary"]
            repository.targets[number] = revision
            return 200, found | {"pullRequestUrl": f"{url}/discussions/{number}"}, {}
        if revision.startswith("refs/pr/"):
            repository.requests[int(revision.removeprefix("refs/pr/"))] = oid
        else:
            repository.branches[revision] = oid
        return 200, found, {}

    def _discussions(self, repository: Repository) -> tuple[int, Any, dict[str, str]]:
        found = [self._discussion(repository, number) for number in repository.requests]
        return 200, {"discussions": found, "count": len(found), "start": 0}, {}

    def _discussion(self, repository: Repository, number: int) -> dict[str, Any]:
        return {
            "num": number,
            "title": repository.titles[number],
            "author": {"name": "ada"},
            "createdAt": NOW,
            "status": "open",
            "repo": {"name": repository.name, "type": "dataset"},
            "isPullRequest": True,
        }


def main() -> None:
    """A Hub to try things on, until Ctrl-C."""
    with LocalHub() as hub:
        print(f"HF_ENDPOINT={hub.url} HF_TOKEN={hub.token} HF_HUB_DISABLE_XET=1", flush=True)
        try:
            while True:
                time.sleep(3600)
        except KeyboardInterrupt:
            pass


if __name__ == "__main__":
    main()
