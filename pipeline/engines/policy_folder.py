"""A folder that holds a policy for the embedded engine: what is in it, and what it is.

    config.json            max_position_embeddings, eos_token_id (generation_config.json wins)
    tokenizer.json
    ct2/model.bin, ct2/config.json, ct2/vocabulary.json

A folder with model.bin and tokenizer.json side by side is one too.

Guarantees: `PolicyFolder.open` raises PolicyError with the folder and all that is missing, reads
no weights, and downloads nothing. `revision` changes when a byte of the weights or of a
configuration changes, and with nothing else (not with the folder's name).
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from pipeline.errors import PolicyError

END = "<|end|>"  # the end token where no configuration names one


@dataclass(frozen=True, slots=True)
class PolicyFolder:
    folder: Path
    model: Path  # the folder of model.bin
    config: dict[str, Any]

    @classmethod
    def open(cls, folder: Path) -> PolicyFolder:
        if not folder.is_dir():
            raise PolicyError(f"{folder}: no such policy folder", folder=str(folder))
        model = folder if (folder / "model.bin").is_file() else folder / "ct2"
        wanted = [model / "model.bin", model / "config.json", folder / "tokenizer.json"]
        missing = [str(path.relative_to(folder)) for path in wanted if not path.is_file()]
        if not any((model / f"vocabulary.{kind}").is_file() for kind in ("json", "txt")):
            missing.append(str((model / "vocabulary.json").relative_to(folder)))
        if missing:
            raise PolicyError(
                f"{folder} is not a policy folder: it lacks {', '.join(missing)}. "
                "ct2-transformers-converter makes ct2/ from a Hugging Face checkpoint.",
                folder=str(folder),
                missing=missing,
            )
        config: dict[str, Any] = {}
        for name in ("config.json", "generation_config.json"):
            config |= _read_json(folder / name)
        return cls(folder, model, config)

    @property
    def revision(self) -> str:
        """Reads the weights: hashing takes about a millisecond a megabyte."""
        names = ("config.json", "generation_config.json")
        paths = [self.model / "model.bin", self.model / "config.json"]
        paths += [self.folder / name for name in names]
        digest = hashlib.sha256()
        for path in dict.fromkeys(paths):
            if path.is_file():
                with path.open("rb") as file:
                    digest.update(hashlib.file_digest(file, "sha256").digest())
        return f"sha256:{digest.hexdigest()[:16]}"

    @property
    def tokenizer_hash(self) -> str:
        """The file's own hash, as the openai engine has it: the journal serves both."""
        return hashlib.sha256((self.folder / "tokenizer.json").read_bytes()).hexdigest()[:16]

    @property
    def positions(self) -> int | None:
        """Tokens that prompt and continuation may have together; None where it is not said."""
        value = self.config.get("max_position_embeddings")
        return value if isinstance(value, int) and value > 0 else None

    def tokenizer(self) -> Tokenizer:
        path = self.folder / "tokenizer.json"
        try:
            tokenizer = Tokenizer.from_file(str(path))
        except Exception as error:  # the library raises bare Exception
            raise PolicyError(f"{path}: not a tokenizer: {error}", folder=str(path)) from error
        tokenizer.no_truncation()
        tokenizer.no_padding()
        return tokenizer

    def end_ids(self, tokenizer: Tokenizer) -> list[int]:
        """Ids of the end tokens, each a single token."""
        named = self.config.get("eos_token_id")
        ids = named if isinstance(named, list) else [] if named is None else [named]
        if not ids and (end := tokenizer.token_to_id(END)) is not None:
            ids = [end]
        ids = [one for one in ids if isinstance(one, int) and tokenizer.id_to_token(one)]
        if not ids:
            raise PolicyError(
                f"{self.folder}: no end token: set eos_token_id in config.json, or have {END} "
                "in tokenizer.json",
                folder=str(self.folder),
            )
        return ids


def _read_json(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise PolicyError(f"{path}: not JSON: {error}", folder=str(path.parent)) from error
    return content if isinstance(content, dict) else {}
