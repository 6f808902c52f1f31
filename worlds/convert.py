"""Make a bundled policy or judge from a checkpoint of a training run. Needs transformers and torch.

    python -m worlds.convert /tmp/run/0030 data/policies/large

Copies the checkpoint and adds `ct2/`, its int8 CTranslate2 conversion. An existing model is
replaced only when the new one is complete; what else its folder holds (prompts, a card) stays.
"""

import argparse
import shutil
from pathlib import Path

from ctranslate2.converters import TransformersConverter
from tokenizers import Tokenizer

from worlds.tokenizer import save_tokenizer

COPIED = (
    "config.json",
    "generation_config.json",
    "model.safetensors",
    "trainer.json",
)


def convert(checkpoint: Path, policy: Path) -> None:
    """Write the policy folder."""
    fresh = policy.with_name(policy.name + ".tmp")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    for name in COPIED:
        shutil.copyfile(checkpoint / name, fresh / name)
    save_tokenizer(Tokenizer.from_file(str(checkpoint / "tokenizer.json")), fresh)
    TransformersConverter(str(fresh)).convert(str(fresh / "ct2"), quantization="int8_float32")
    if policy.exists():
        for place in policy.iterdir():
            if not (fresh / place.name).exists():
                place.rename(fresh / place.name)
        shutil.rmtree(policy)
    fresh.rename(policy)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="Convert a checkpoint to a bundled model.")
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("policy", type=Path)
    args = parser.parse_args()
    convert(args.checkpoint, args.policy)


if __name__ == "__main__":
    main()
