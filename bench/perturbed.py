"""A copy of a policy whose weights have moved a little: python bench/perturbed.py MODEL OUT SHARE

To each tensor's entries is added normal noise of SHARE times the tensor's standard deviation. For
the environment of vLLM, where safetensors and torch are; nothing of ours is imported.
"""

import shutil
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file


def main(model: Path, out: Path, share: float) -> None:
    shutil.copytree(model, out, dirs_exist_ok=True, ignore=shutil.ignore_patterns("ct2"))
    noise = torch.Generator().manual_seed(7)
    moved = {}
    for name, tensor in load_file(model / "model.safetensors").items():
        values = tensor.float()
        step = share * values.std() if values.numel() > 1 else torch.tensor(0.0)
        moved[name] = (values + step * torch.randn(values.shape, generator=noise)).to(tensor.dtype)
    save_file(moved, out / "model.safetensors", metadata={"format": "pt"})


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3]))
