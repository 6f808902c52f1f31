"""Train the bundled judge on top of policy `large`. Needs torch, as worlds.train.

    python -m worlds.train_judge RUN --natural runs/judge/natural.jsonl --minutes 40

What a policy expects next is the best it knows of what a step should say, and stands in its last
layer; only layers above it can compare that with what came. So the judge is the policy with
`LAYERS` more. At first these alone learn, above all how surprised the policy is by each token
(a target that costs nothing and is everywhere); for the last `TOGETHER` of the time all layers do.
Checkpoints, resuming and the schedule by time are those of worlds.train.
"""

# mypy: disable-error-code=import-not-found
# (torch and transformers are installed in the training environment only)

import argparse
import copy
import os
import time
from pathlib import Path

import torch
from tokenizers import Tokenizer
from transformers import LlamaForCausalLM

from worlds.corpus import IGNORE
from worlds.judge_corpus import WORDS, batches, extend, read_natural
from worlds.lean import embedded, normed, through
from worlds.tokenizer import save_tokenizer
from worlds.train import rate, save_policy, save_state

BEGIN = Path("data/policies/large")
LAYERS = 3  # added
OWN = len(WORDS)  # the last rows of the vocabulary
TOGETHER = 0.4  # of the time
SURPRISE = 1.0  # of its loss
MOST_SURPRISED = 8.0  # nats; a target is at most 1
GONE = 3.0  # of the head's loss
WEIGHT = 8.0  # of a verdict in the loss; all else that is learnt weighs 1
PEAK = 0.6  # of the learning rate that a policy starts with


def begin(run: Path) -> tuple[LlamaForCausalLM, Tokenizer]:
    """The policy, with the words of an answer."""
    tokenizer = extend(Tokenizer.from_file(str(BEGIN / "tokenizer.json")))
    save_tokenizer(tokenizer, run)
    model = LlamaForCausalLM.from_pretrained(BEGIN, dtype=torch.float32)
    model.resize_token_embeddings(tokenizer.get_vocab_size(), mean_resizing=True)
    config = copy.deepcopy(model.config)
    config.num_hidden_layers += LAYERS
    deeper = LlamaForCausalLM(config)
    deeper.load_state_dict(model.state_dict(), strict=False)
    for layer in deeper.model.layers[-LAYERS:]:  # they change nothing yet
        torch.nn.init.zeros_(layer.self_attn.o_proj.weight)
        torch.nn.init.zeros_(layer.mlp.down_proj.weight)
    return deeper, tokenizer


def surprise_gap(
    policy: LlamaForCausalLM, guess: torch.Tensor, x: torch.Tensor, ids: torch.Tensor
) -> torch.Tensor:
    """Share of the variance of the policy's surprise by each token (but the first) that a guess
    (rows x positions) leaves. `x`: the output of the policy's last layer."""
    size = policy.config.vocab_size
    with torch.no_grad():
        logits = torch.nn.functional.linear(normed(policy, x), policy.lm_head.weight.bfloat16())
        found = torch.nn.functional.cross_entropy(
            logits[:, :-1].reshape(-1, size).float(),
            ids[:, 1:].clamp(max=size - 1).reshape(-1),
            reduction="none",
        )
    real = ((ids[:, 1:] != 0) & (ids[:, 1:] < size)).flatten()
    target = found.clamp(max=MOST_SURPRISED)[real] / MOST_SURPRISED
    return (guess[:, 1:].flatten()[real] - target).square().mean() / target.var()


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="Train the bundled judge.")
    parser.add_argument("run", type=Path)
    parser.add_argument("--natural", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=40.0)
    parser.add_argument("--every", type=float, default=4.0)
    parser.add_argument("--tokens-per-batch", type=int, default=8192)
    args = parser.parse_args()
    args.run.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    model, tokenizer = begin(args.run)
    policy = LlamaForCausalLM.from_pretrained(BEGIN, dtype=torch.float32).requires_grad_(False)
    depth = policy.config.num_hidden_layers
    # Whether a step has gone wrong, and how surprising a token is; thrown away.
    head = torch.nn.Linear(model.config.hidden_size, 2)
    parameters = [*model.parameters(), *head.parameters()]
    optimiser = torch.optim.AdamW(
        parameters, lr=1e-3, betas=(0.9, 0.98), weight_decay=0.05, fused=True
    )
    seen = {"documents": 0, "tokens": 0, "batches": 0}
    spent = 0.0
    if (state_path := args.run / "state.pt").exists():
        state = torch.load(state_path)
        model.load_state_dict(state["model"])
        head.load_state_dict(state["head"])
        optimiser.load_state_dict(state["optimiser"])
        seen, spent = state["seen"], state["minutes"]

    def save(minutes: float) -> None:
        facts = seen | {
            "minutes": round(minutes, 2),
            "parameters": model.num_parameters(),
            "command": f"python -m worlds.train_judge RUN --minutes {args.minutes:g}",
        }
        save_policy(model, tokenizer, args.run / f"{round(minutes):04d}", facts)
        state = {
            "model": model.state_dict(),
            "head": head.state_dict(),
            "optimiser": optimiser.state_dict(),
            "seen": seen,
            "minutes": minutes,
        }
        save_state(state_path, state)

    verdicts = torch.tensor([tokenizer.token_to_id(word) for word in WORDS[-2:]])
    started, next_save = time.monotonic() - spent * 60, spent + args.every
    losses: list[float] = []
    hits: list[float] = []
    found: list[float] = []
    gaps: list[float] = []
    while True:
        natural = read_natural(args.natural)
        for batch in batches(tokenizer, natural, seen["documents"], args.tokens_per_batch):
            minutes = (time.monotonic() - started) / 60
            for group in optimiser.param_groups:
                group["lr"] = PEAK * rate(minutes, args.minutes)
            targets = torch.tensor(batch.targets).flatten()
            learnt = targets != IGNORE
            wanted = targets[learnt]
            ids = torch.tensor(batch.inputs)
            alone = minutes < (1 - TOGETHER) * args.minutes
            with torch.set_grad_enabled(not alone):
                below = through(model, embedded(model, ids), 0, depth)
            x = through(model, below, depth, depth + 1)
            hidden = normed(model, through(model, x, depth + 1)).flatten(0, 1)
            words = model.lm_head.weight
            if alone:  # only the judge's own words may move
                words = torch.cat((words[:-OWN].detach(), words[-OWN:]))
            logits = torch.nn.functional.linear(hidden[learnt], words.bfloat16())
            each = torch.nn.functional.cross_entropy(logits.float(), wanted, reduction="none")
            is_verdict = torch.isin(wanted, verdicts)
            weight = 1.0 + (WEIGHT - 1.0) * is_verdict.float()
            loss = (each * weight).sum() / weight.sum()
            gone = torch.tensor(batch.gone).flatten()
            there = gone != IGNORE
            guess = head(hidden[there].float())[:, 0]
            marks = torch.nn.functional.binary_cross_entropy_with_logits(guess, gone[there].float())
            whole = loss + GONE * marks
            if alone:  # what is below is the policy still
                gap = surprise_gap(policy, head(x.float())[:, :, 1], below, ids)
                whole = whole + SURPRISE * gap
                gaps.append(gap.item())
            whole.backward()
            torch.nn.utils.clip_grad_norm_(parameters, 1.0)
            found.append(marks.item())
            optimiser.step()
            optimiser.zero_grad()
            losses.append(each[is_verdict].mean().item())
            wrong = is_verdict & (wanted == verdicts[1])
            hits.append((each[wrong] < 0.6931).float().mean().item())
            seen["documents"] += batch.documents
            seen["tokens"] += batch.tokens
            seen["batches"] += 1
            if seen["batches"] % 50 == 0:
                print(
                    f"{minutes:.2f} min, {seen['tokens'] / 1e6:.2f} M tokens, verdicts' loss "
                    f"{sum(losses) / len(losses):.4f}, wrong steps found "
                    f"{sum(hits) / len(hits):.3f}, head's loss {sum(found) / len(found):.4f}, "
                    f"surprise unexplained {sum(gaps) / max(len(gaps), 1):.3f}",
                    flush=True,
                )
                losses, hits, found, gaps = [], [], [], []
            if minutes >= next_save or minutes >= args.minutes:
                save(minutes)
                next_save += args.every
                if minutes >= args.minutes:
                    return
                break  # natural solutions may have been added


if __name__ == "__main__":
    main()
