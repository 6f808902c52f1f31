"""`stepsmith review` as a process, and a client that asks it as its page does."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.folder import DatasetFolder
from pipeline.human.evidence import human_verdicts
from pipeline.human.log import now

ROOT = Path(__file__).parents[2]


@dataclass
class Client:
    """Of one running server."""

    process: subprocess.Popen[str]
    base: str
    token: str

    def ask(self, path: str, body: Any = None, **headers: str) -> tuple[int, str]:
        return self._ask(path, None if body is None else json.dumps(body).encode(), headers)

    def post(self, content: bytes) -> tuple[int, str]:
        """Bytes as they are, as verdicts."""
        return self._ask("verdicts", content, {})

    def _ask(self, path: str, data: bytes | None, headers: dict[str, str]) -> tuple[int, str]:
        sent = {"X-Stepsmith-Token": self.token, "Content-Type": "application/json"} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        request = urllib.request.Request(self.base + path, data, sent)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def say(self, solution: str, step: int, verdict: str | None, who: str = "anna") -> int:
        said = {"solution_id": solution, "step": step, "verdict": verdict}
        return self.ask("verdicts", {"reviewer": who, "time": now(), "said": [said]})[0]


@contextmanager
def serving(folder: DatasetFolder, port: int = 0, *more: str) -> Iterator[Client]:
    command = [sys.executable, "-m", "flows.cli", "review", str(folder.root), "--port", str(port)]
    command += more
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    try:
        assert process.stdout is not None
        found = re.search(r"(http://127.0.0.1:\d+/)\?token=(\S+)", process.stdout.readline())
        assert found is not None
        yield Client(process, found[1], found[2])
    finally:
        process.kill()
        process.communicate()


def stood(folder: DatasetFolder) -> set[tuple[str, int, str, str]]:
    """The verdicts that stand."""
    return {
        (one.solution_id, one.step, str(one.verdict), one.reviewer)
        for one in human_verdicts(folder)
    }
