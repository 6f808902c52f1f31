"""A Hugging Face checkpoint that a server of ours will load: which one it is, without asking it.

    Checkpoint.find("models/mine", "")                    a folder: the hash of what is in it
    Checkpoint.find("Qwen/Qwen2.5-Math-7B-Instruct", "")  the commit that the local Hub cache has

Guarantees: `identity` changes with a byte of the weights, the configuration or the tokenizer
(chat template included), and not with the folder's name, its card, or other files in it. A Hub
model stands for one commit: the recipe's `revision`, or what that branch or tag is in the local
cache. Raises RecipeError where neither tells; nothing is downloaded here. A `revision` beside a
folder is the user's word for what is in it: the folder is then not read.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import RecipeError

_WEIGHTS = (".safetensors", ".bin", ".pt", ".pth", ".gguf")
_SETTINGS = re.compile(
    r"(config|generation_config|tokenizer|tokenizer_config|special_tokens_map|added_tokens|vocab"
    r"|.*\.index)\.json|vocab\.txt|merges\.txt|.*\.model|.*\.tiktoken|.*\.jinja|.*\.py"
)
_HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+")
_COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """`folder` is None for a Hub model that is not in the local cache yet."""

    model: str
    folder: Path | None
    commit: str = ""  # of a Hub model
    label: str = ""  # the recipe's revision of a folder

    @classmethod
    def find(cls, model: str, revision: str, env: Mapping[str, str] | None = None) -> Checkpoint:
        """`env`: what the server's environment says of the Hub cache's place."""
        folder = Path(model)
        if folder.is_dir():
            if not (folder / "config.json").is_file() or not any(_weights(folder)):
                raise RecipeError(
                    f"{model}: is not a Hugging Face checkpoint: it needs config.json and weights "
                    f"({', '.join(_WEIGHTS[:2])})",
                    folder=model,
                )
            return cls(model, folder, label=revision)
        if not _HUB_NAME.fullmatch(model):
            raise RecipeError(f"{model}: there is no such folder", folder=model)
        commit = revision if _COMMIT.fullmatch(revision) else ""
        cached = _cached(model, revision, env or {})
        if not commit and cached is None:
            what = f"branch or tag {revision!r}" if revision else "model"
            raise RecipeError(
                f"{model}: there is no such folder, and the local Hub cache does not say which "
                f"commit that {what} is: run `hf download {model}"
                f"{f' --revision {revision}' if revision else ''}`, or set revision to a commit "
                "(40 hexadecimal digits)",
                model=model,
            )
        return cls(model, cached, commit or ("" if cached is None else cached.name))

    @property
    def tokenizer(self) -> Path | None:
        path = None if self.folder is None else self.folder / "tokenizer.json"
        return path if path is not None and path.is_file() else None

    def identity(self) -> str:
        """Reads a folder's weights: several files at once, about a second for each 1-2 GB."""
        if self.commit:
            return f"{self.model}@{self.commit}"
        if self.label:
            return self.label
        assert self.folder is not None
        paths = sorted({*_weights(self.folder), *_settings(self.folder)})
        with ThreadPoolExecutor(4) as pool:
            hashes = list(pool.map(_hash, paths))
        digest = hashlib.sha256()
        for path, one in zip(paths, hashes, strict=True):
            digest.update(f"{path.name}\0".encode() + one)
        return f"sha256:{digest.hexdigest()[:16]}"


def _weights(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.is_file() and path.suffix in _WEIGHTS]


def _settings(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.is_file() and _SETTINGS.fullmatch(path.name)]


def _hash(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def _cached(model: str, revision: str, env: Mapping[str, str]) -> Path | None:
    """The snapshot's folder, named by its commit."""
    from huggingface_hub import try_to_load_from_cache

    place = env.get("HF_HUB_CACHE") or (f"{env['HF_HOME']}/hub" if env.get("HF_HOME") else None)
    found = try_to_load_from_cache(model, "config.json", cache_dir=place, revision=revision or None)
    return Path(found).parent if isinstance(found, str) else None
