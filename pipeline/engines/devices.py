"""What a machine has for servers: GPUs, or cores, dealt out among replicas.

Guarantees: no two replicas of one server table get the same GPU or, while there are enough, the
same core. GPUs are NVIDIA's: what CUDA_VISIBLE_DEVICES names, or else what nvidia-smi lists.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Mapping
from itertools import pairwise

from pipeline.errors import RecipeError
from pipeline.recipe import Server

VISIBLE = "CUDA_VISIBLE_DEVICES"
CORES = "VLLM_CPU_OMP_THREADS_BIND"


def gpus(env: Mapping[str, str]) -> list[str]:
    """Ids of the GPUs that a server with this environment may use."""
    named = env.get(VISIBLE, os.environ.get(VISIBLE))
    if named is not None:
        # CUDA itself stops at the first id that is none: -1 hides all.
        ids = [one.strip() for one in named.split(",")]
        return [one for one in ids if one and not one.startswith("-")]
    tool = shutil.which("nvidia-smi")
    if tool is None:
        return []
    query = [tool, "--query-gpu=index", "--format=csv,noheader"]
    try:
        listed = subprocess.run(query, capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return []
    return listed.stdout.split() if listed.returncode == 0 else []


def deal(server: Server, key: str) -> list[dict[str, str]]:
    """For each replica what its environment has beside `server.env`. Raises RecipeError."""
    found = gpus(server.env)
    if not found:
        return _deal_cores(server, key)
    count = server.replicas or len(found) // server.gpus
    if count * server.gpus > len(found) or not count:
        raise RecipeError(
            f"{key}.server: {max(count, 1)} replica(s) with {server.gpus} GPU(s) each want "
            f"{max(count, 1) * server.gpus}, and there are {len(found)} ({', '.join(found)}); "
            f'set replicas and gpus, or env = {{ {VISIBLE} = "..." }}',
            key=f"{key}.server.replicas",
        )
    size = server.gpus
    return [{VISIBLE: ",".join(found[at * size : (at + 1) * size])} for at in range(count)]


def _deal_cores(server: Server, key: str) -> list[dict[str, str]]:
    if server.gpus > 1:
        raise RecipeError(
            f"{key}.server: {server.gpus} GPUs a replica, and this machine shows none",
            key=f"{key}.server.gpus",
        )
    count = server.replicas or 1
    if count == 1 or CORES in server.env:
        return [{}] * count
    # Left to themselves all replicas would bind their threads to the same cores.
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    if len(cores) < count:
        return [{CORES: "nobind"}] * count
    bounds = [len(cores) * at // count for at in range(count + 1)]
    return [{CORES: ",".join(map(str, cores[begin:end]))} for begin, end in pairwise(bounds)]
