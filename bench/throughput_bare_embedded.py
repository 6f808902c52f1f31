"""A bare generate loop: recorded requests through CTranslate2 in batches, one thread a core.

    python -m bench.throughput_bare_embedded RECORD --batch 64

Requests of one kind (n, sampling, log-probabilities or not) fill batches of so many sequences in
the order in which they were asked. Those that asked for log-probabilities get them by a pass over
each different completion, 1,024 tokens at once, which is as fast as CTranslate2 does it. Results
are counted and thrown away.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Hashable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import ctranslate2

from bench.throughput_record import Asked, Speed, read
from pipeline.engines.policy_folder import PolicyFolder


def batches(asked: list[Asked], size: int) -> list[list[Asked]]:
    made, open_ = [], {}  # type: ignore[var-annotated]
    for one in asked:
        sampling = (one.max_tokens, one.temperature, one.top_p, one.top_k)
        kind: Hashable = (one.n, *sampling, one.logprobs)
        batch = open_.setdefault(kind, [])
        batch.append(one)
        if len(batch) * one.n >= size:
            made.append(open_.pop(kind))
    return made + list(open_.values())


def replay(asked: list[Asked], folder: Path, size: int) -> Speed:
    policy = PolicyFolder.open(folder)
    tokenizer = policy.tokenizer()
    pieces = [tokenizer.id_to_token(i) or "" for i in range(tokenizer.get_vocab_size())]
    ends = policy.end_ids(tokenizer)
    cores = len(os.sched_getaffinity(0))
    generator = ctranslate2.Generator(
        str(policy.model), device="cpu", inter_threads=cores, intra_threads=1
    )
    prepared = [
        (batch, [[pieces[i] for i in one.ids] for one in batch]) for batch in batches(asked, size)
    ]
    done: list[tuple[float, int]] = []
    begun: list[float] = []

    def rate(prompts: list[list[str]], results: list[Any]) -> None:
        different = {
            (at, tuple(ids)) for at, result in enumerate(results) for ids in result.sequences_ids
        }
        texts = [prompts[at] + [pieces[i] for i in ids] for at, ids in different]
        generator.score_batch(texts, max_batch_size=1024, batch_type="tokens", max_input_length=0)

    def generate(item: tuple[list[Asked], list[list[str]]]) -> None:
        batch, prompts = item
        begun.append(time.monotonic())
        results = generator.generate_batch(
            prompts,
            num_hypotheses=batch[0].n,
            max_length=batch[0].max_tokens,
            include_prompt_in_result=False,
            end_token=ends,
            return_end_token=True,
            sampling_temperature=batch[0].temperature,
            sampling_topk=batch[0].top_k,
            sampling_topp=batch[0].top_p,
        )
        if batch[0].logprobs:
            rate(prompts, results)
        tokens = sum(len(ids) for result in results for ids in result.sequences_ids)
        done.append((time.monotonic(), tokens))

    with ThreadPoolExecutor(cores) as pool:
        started = time.monotonic()
        list(pool.map(generate, prepared))
    last = max(begun)
    inside = sum(tokens for ended, tokens in done if ended <= last)
    total = sum(tokens for _, tokens in done)
    return Speed(total, max(ended for ended, _ in done) - started, inside, last - started)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("record", type=Path)
    parser.add_argument("--batch", type=int, required=True, help="sequences")
    parser.add_argument("--model", type=Path, default=Path("data/policies/large"))
    arguments = parser.parse_args()
    found = replay(read(arguments.record), arguments.model, arguments.batch)
    print(json.dumps(found.as_dict()))


if __name__ == "__main__":
    main()
