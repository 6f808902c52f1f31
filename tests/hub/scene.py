"""A push in this process, for faults that the client meets again and again: it must not sleep."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from huggingface_hub import HfApi, constants
from huggingface_hub.utils import _http
from huggingface_hub.utils.tqdm import disable_progress_bars

from pipeline.folder import DatasetFolder
from pipeline.hub.content import build
from pipeline.hub.push import Push, Pushed, Target
from pipeline.hub.repository import Repository
from tests.hub.local_hub import LocalHub

NAME = "ada/steps"


class Scene:
    """`waits`: what the push itself waited, in seconds."""

    def __init__(self, hub: LocalHub, dataset: Path, tmp_path: Path) -> None:
        self.hub = hub
        self.dataset = dataset
        self.tmp_path = tmp_path
        self.waits: list[float] = []
        self.count = 0

    def push(self, target: Target | None = None, token: str = "") -> Pushed:
        self.count += 1
        place = self.tmp_path / f"push-{self.count}"
        content = build(DatasetFolder(self.dataset), place / "dataset", NAME)
        api = HfApi(endpoint=self.hub.url, token=token or self.hub.token)
        repository = Repository(api, NAME, place / "downloads")
        return Push(content, repository, target or Target(), self.waits.append).run()

    def visible(self) -> list[str]:
        """What readers see on main; [] where there is no repository."""
        found = self.hub.repositories.get(NAME)
        return [] if found is None else sorted(found.files())


def online(monkeypatch: pytest.MonkeyPatch) -> None:
    """As a process that may ask the Hub, without Xet and without the client's own waits."""
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    disable_progress_bars()
    monkeypatch.setattr(_http, "time", SimpleNamespace(sleep=lambda seconds: None))
