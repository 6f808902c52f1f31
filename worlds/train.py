"""Train the bundled policies from scratch. Needs torch and transformers, which nothing else does.

    python -m worlds.train /tmp/run --minutes 44

Every `--every` minutes a complete policy folder (bfloat16 weights, tokenizer, configs) is written
to `RUN/NNNN` (NNNN: minutes), and the optimiser's state to `RUN/state.pt`. A killed run goes on
from there when started again. The schedule is by time, so a slow machine ends on time with fewer
tokens; `trainer.json` in each folder says how many.
"""

# mypy: disable-error-code=import-not-found
# (torch and transformers are installed in the training environment only)

import argparse
import json
import math
import os
import time
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from transformers import LlamaConfig, LlamaForCausalLM

from worlds.corpus import IGNORE, LONGEST, batches, documents
from worlds.lean import hidden_states
from worlds.problem import solution_text
from worlds.tokenizer import END, save_tokenizer, train_tokenizer

PEAK_RATE = 2e-3
WARM_UP_MINUTES = 1.0


def build_model(tokenizer: Tokenizer, layers: int, width: int) -> LlamaForCausalLM:
    """A Llama of the given size, freshly initialised."""
    end = tokenizer.token_to_id(END)
    config = LlamaConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=width,
        intermediate_size=width * 8 // 3,
        num_hidden_layers=layers,
        num_attention_heads=width // 32,
        num_key_value_heads=width // 32,
        max_position_embeddings=1024,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=end,
        pad_token_id=end,
    )
    return LlamaForCausalLM(config)


def save_policy(model: LlamaForCausalLM, tokenizer: Tokenizer, folder: Path, facts: Any) -> None:
    """A folder that transformers and vLLM load as it is."""
    folder.mkdir(parents=True, exist_ok=True)
    copy = LlamaForCausalLM(model.config).to(torch.bfloat16)
    copy.load_state_dict(model.state_dict())
    copy.generation_config.eos_token_id = model.config.eos_token_id
    copy.generation_config.pad_token_id = model.config.eos_token_id
    copy.save_pretrained(folder)
    save_tokenizer(tokenizer, folder)
    (folder / "trainer.json").write_text(json.dumps(facts, indent=2) + "\n")


def save_state(place: Path, state: dict[str, Any]) -> None:
    """Whole or not there."""
    torch.save(state, place.with_suffix(".tmp"))
    place.with_suffix(".tmp").replace(place)


def rate(minutes: float, budget: float, peak: float = PEAK_RATE) -> float:
    """Learning rate: linear warm-up, then cosine to a fiftieth of the peak."""
    if minutes < WARM_UP_MINUTES:
        return peak * (0.02 + 0.98 * minutes / WARM_UP_MINUTES)
    done = min(1.0, (minutes - WARM_UP_MINUTES) / (budget - WARM_UP_MINUTES))
    return peak * (0.02 + 0.98 * (1 + math.cos(math.pi * done)) / 2)


def load_tokenizer(run: Path, chain_share: float) -> Tokenizer:
    """The run's tokenizer, fitted on the first documents of the stream."""
    path = run / "tokenizer.json"
    if not path.exists():
        stream = documents(chain_share)
        sample = [next(stream) for _ in range(6000)]
        texts = (f"{made.problem['text']}\n{solution_text(made.steps)}" for made in sample)
        save_tokenizer(train_tokenizer(texts), run)
    return Tokenizer.from_file(str(path))


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="Train a policy on both worlds.")
    parser.add_argument("run", type=Path)
    parser.add_argument("--minutes", type=float, default=44.0)
    parser.add_argument("--every", type=float, default=3.0)
    parser.add_argument("--chains", type=float, default=0.35, help="share of documents")
    parser.add_argument("--tokens-per-batch", type=int, default=8192)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--width", type=int, default=192)
    parser.add_argument("--peak-rate", type=float, default=PEAK_RATE)
    parser.add_argument("--seed", type=int, default=0, help="of the first weights")
    parser.add_argument("--offset", type=int, default=0, help="of documents: others than at 0")
    parser.add_argument("--policy", type=Path, help="train this one on, from where it stopped")
    args = parser.parse_args()
    args.run.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(args.seed)
    torch.set_num_threads(len(os.sched_getaffinity(0)))

    seen = {"documents": 0, "tokens": 0, "batches": 0}
    if args.policy is None:
        tokenizer = load_tokenizer(args.run, args.chains)
        model = build_model(tokenizer, args.layers, args.width)
    else:
        tokenizer = Tokenizer.from_file(str(args.policy / "tokenizer.json"))
        model = LlamaForCausalLM.from_pretrained(args.policy, dtype=torch.float32)
        known = json.loads((args.policy / "trainer.json").read_text())
        seen = {name: known[name] for name in seen}
        args.layers, args.width = known["layers"], known["width"]
    optimiser = torch.optim.AdamW(
        model.parameters(), lr=PEAK_RATE, betas=(0.9, 0.98), weight_decay=0.05, fused=True
    )
    spent = 0.0
    if (state_path := args.run / "state.pt").exists():
        state = torch.load(state_path)
        model.load_state_dict(state["model"])
        optimiser.load_state_dict(state["optimiser"])
        seen, spent = state["seen"], state["minutes"]

    def save(minutes: float) -> None:
        command = (
            f"python -m worlds.train RUN --minutes {args.minutes:g} --chains {args.chains:g} "
            f"--layers {args.layers} --width {args.width}"
        )
        facts = seen | {
            "minutes": round(minutes, 2),
            "parameters": model.num_parameters(),
            "layers": args.layers,
            "width": args.width,
            "command": command,
        }
        save_policy(model, tokenizer, args.run / f"{round(minutes):04d}", facts)
        state = {
            "model": model.state_dict(),
            "optimiser": optimiser.state_dict(),
            "seen": seen,
            "minutes": minutes,
        }
        save_state(state_path, state)

    print(f"{model.num_parameters()} parameters, rows up to {LONGEST}", flush=True)
    started, next_save, losses = time.monotonic() - spent * 60, spent + args.every, []
    while True:
        # A restart begins a chunk anew; the stream's position keeps documents from repeating.
        position = seen["documents"]
        for batch in batches(tokenizer, args.chains, position, args.tokens_per_batch, args.offset):
            minutes = (time.monotonic() - started) / 60
            for group in optimiser.param_groups:
                group["lr"] = rate(minutes, args.minutes, args.peak_rate)
            targets = torch.tensor(batch.targets).flatten()
            learnt = targets != IGNORE
            hidden = hidden_states(model, torch.tensor(batch.inputs)).flatten(0, 1)
            logits = torch.nn.functional.linear(hidden[learnt], model.lm_head.weight.bfloat16())
            loss = torch.nn.functional.cross_entropy(logits.float(), targets[learnt])
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimiser.step()
            optimiser.zero_grad()
            losses.append(loss.item())
            seen["documents"] += batch.documents
            seen["tokens"] += batch.tokens
            seen["batches"] += 1
            if seen["batches"] % 50 == 0:
                speed = seen["tokens"] / max(1e-9, minutes * 60)
                mean = sum(losses) / len(losses)
                losses = []
                print(
                    f"{minutes:.2f} min, {seen['tokens'] / 1e6:.2f} M tokens, loss {mean:.4f}, "
                    f"{speed:.0f} tokens/s",
                    flush=True,
                )
            if minutes >= next_save or minutes >= args.minutes:
                save(minutes)
                next_save += args.every
            if minutes >= args.minutes:
                return


if __name__ == "__main__":
    main()
