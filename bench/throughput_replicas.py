"""Two replicas against one, on the stub; what affinity saves of the prompt tokens, on real vLLM.

Stub: the same recipe, problems and limit of running sequences, on one server of 256 slots at 20 ms
a token and on two of them; generated tokens a second from the first request to the last answer.

vLLM: two servers with blocks of 32 tokens, 4 solutions a problem, every prefix of each rolled out.
Prompt tokens *computed* are the servers' own prefix_cache_queries less prefix_cache_hits. Round
robin is a proxy in front (bench/throughput_proxy.py): the product knows one URL and no affinity is
left. Servers are started anew for each, so that no cache is warm.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from bench.throughput_integrals import work_span
from bench.throughput_product import PYTHON, label, stub_server, write_problems, write_recipe
from bench.throughput_stub import SLOTS, recipe
from bench.throughput_table import Row
from bench.throughput_vllm_server import NAME, vllm_server


def stub_rate(replicas: int, problems: int, out: Path) -> dict[str, Any]:
    source = write_problems(out / f"problems-{problems}.jsonl", problems)
    with ExitStack() as stack:
        servers = [
            stack.enter_context(
                stub_server(out / f"server-{replicas}-{index}.json", "--slots", str(SLOTS))
            )
            for index in range(replicas)
        ]
        name = f"stub-{replicas}"
        urls = [server.url for server in servers]
        made = recipe("bisect", urls, source, out / name, max_running=4 * SLOTS)
        made["run"]["shards_at_once"] = 12
        label(write_recipe(out / f"{name}.toml", made), out / name, out / "prefect")
    requests = [row for server in servers for row in server.record["requests"]]
    first, last = work_span(requests)
    tokens = sum(row[4] for row in requests)
    each = [sum(row[4] for row in server.record["requests"]) for server in servers]
    return {
        "replicas": replicas,
        "tokens": tokens,
        "seconds": last - first,
        "rate": tokens / (last - first),
        "share_of_first": each[0] / tokens,
    }


@contextmanager
def round_robin(roots: list[str]) -> Iterator[str]:
    process = subprocess.Popen(
        [PYTHON, "-m", "bench.throughput_proxy", *roots], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait(10)


def computed(affinity: bool, problems: int, out: Path) -> dict[str, Any]:
    """Prompt tokens that two fresh vLLM servers computed for one run."""
    name = "affinity" if affinity else "round-robin"
    with ExitStack() as stack:
        servers = [
            stack.enter_context(vllm_server(out / f"vllm-{name}-{index}.log")) for index in range(2)
        ]
        urls = [server.url for server in servers]
        if not affinity:
            urls = [stack.enter_context(round_robin([server.root for server in servers]))]
        made = {
            "name": name,
            "problems": {"source": "data/problems/bench.jsonl", "limit": problems},
            "questions": {"keep_all_right": 1, "keep_all_wrong": 1},
            "policy": {
                "engine": "openai",
                "model": NAME,
                "revision": "bench",
                "base_urls": urls,
                "tokenizer": "data/policies/large/tokenizer.json",
                "samples": 4,
                "max_tokens": 400,
                "max_running": 128,
            },
            "rollouts": {"search": "exhaustive", "k": 2},
            "output": {"dir": str(out / name)},
        }
        run = label(write_recipe(out / f"{name}.toml", made), out / name, out / "prefect")
        metrics = [server.metrics() for server in servers]
        spent = [server.computed() for server in servers]
    asked = sum(one["vllm:prefix_cache_queries_total"] for one in metrics)
    return {
        "routing": name,
        "asked": asked,
        "computed": sum(spent),
        "each": spent,
        "completions": run.manifest["last_run"]["completions_bought"],
        "seconds": run.manifest["last_run"]["seconds"],
    }


def run_part(out: Path, quick: bool) -> tuple[list[Row], dict[str, Any]]:
    out.mkdir(parents=True, exist_ok=True)
    stub = [stub_rate(replicas, 300 if quick else 2_000, out) for replicas in (1, 2)]
    one, two = stub
    real = [computed(affinity, 20 if quick else 100, out) for affinity in (True, False)]
    affine, robin = real
    rows = [
        Row(
            "two stub replicas ÷ one",
            two["rate"] / one["rate"],
            at_least=1.9,
            unit="times",
            note=f"{two['rate']:,.0f} and {one['rate']:,.0f} tokens/s; the first of two made "
            f"{100 * two['share_of_first']:.0f} %",
        ),
        Row(
            "vLLM: prompt tokens computed, round robin ÷ affinity",
            robin["computed"] / affine["computed"],
            at_least=1.25,
            unit="times",
            note=f"{robin['computed']:,.0f} of {robin['asked']:,.0f} and {affine['computed']:,.0f} "
            f"of {affine['asked']:,.0f}",
        ),
    ]
    return rows, {"stub": stub, "vllm": real}
