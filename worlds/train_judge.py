"""Train the bundled judge on top of policy `large`. Needs torch, as worlds.train.

    python -m worlds.train_judge RUN --natural runs/judge/natural.jsonl --minutes 86

The judge is the policy with layers above it that compare what it expects with what came
(worlds/judge_begin.py). Two targets that cost nothing lead them: how much each token of a solution
surprises the policy (after the first added layer), and how much the most surprising one so far
does (after the second). A third is whether the step has gone wrong by then.

The added layers learn alone at first; half of the rows then have tokens replaced at random (as
in ELECTRA, arXiv 2003.10555), for a policy is seldom surprised by a solution. For the last
`TOGETHER` of the time all layers learn, and the policy's go on learning to expect what right steps
say. Checkpoints, resuming and the schedule by time
are those of worlds.train.
"""

# mypy: disable-error-code=import-not-found
# (torch and transformers are installed in the training environment only)

import argparse
import os
import time
from collections import defaultdict
from pathlib import Path

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy, linear, rms_norm
from transformers import LlamaForCausalLM

from worlds.corpus import IGNORE
from worlds.judge_batches import TAGS, WORDS, batches
from worlds.judge_begin import POLICY, begin, hold, prepared
from worlds.judge_corpus import read_natural
from worlds.lean import embedded, normed, through
from worlds.train import rate, save_policy, save_state

OWN = len(WORDS)  # the last rows of the vocabulary
TOGETHER = 0.77  # of the time
MOST_SURPRISED = 8.0  # nats; a target is at most 1
SPREAD = 0.1  # about the variance of such a target
REPLACED = 0.15  # of the tokens of a row that has some
GONE = 3.0  # of whether a step has gone wrong, in the loss
WEIGHT = 8.0  # of a verdict in the loss; all else that is learnt weighs 1
PEAK = 0.6  # of the learning rate that a policy starts with


class Losses:
    """Of one batch, by name. Texts are rows x positions; `step` and `gone` are those of Batch."""

    def __init__(
        self, ids: Tensor, gone: Tensor, step: Tensor, tags: range, blank: int, size: int
    ) -> None:
        self.inside = step != IGNORE
        is_tag = (ids >= tags.start) & (ids < tags.stop)
        # The policy ends its text where a judge reads one more end of a step.
        self.silent = is_tag & (step == step.amax(dim=1, keepdim=True))
        self.ids = torch.where(is_tag, blank, ids).clamp(max=size - 1)
        self.step, self.gone = step, gone

    def expected(self, policy: LlamaForCausalLM, x: Tensor) -> tuple[Tensor, Tensor]:
        """How surprised one is, in nats and at most MOST_SURPRISED, by each token of the solution
        (0 elsewhere) who reads `x` (the output of the policy's layers) as the policy does; and the
        mean over the tokens of sound steps, with its gradient."""
        weight = policy.lm_head.weight.bfloat16()
        there = self.inside[:, 1:] & ~self.silent[:, 1:]
        logits = linear(normed(policy, x)[:, :-1][there], weight).float()
        nats = cross_entropy(logits, self.ids[:, 1:][there], reduction="none")
        surprise = torch.zeros(self.ids.shape)
        surprise[:, 1:][there] = nats.detach().clamp(max=MOST_SURPRISED)
        sound = self.gone[:, 1:][there] == 0
        return surprise, nats[sound].sum() / sound.sum().clamp(min=1)

    def peaks(self, surprise: Tensor) -> Tensor:
        """The largest value of the solution so far. Of the step so far would ask attention to
        know where the step began, and nothing behind the first error matters."""
        return torch.where(self.inside, surprise, 0.0).cummax(dim=1).values

    def gap(self, guess: Tensor, target: Tensor, rows: Tensor) -> Tensor:
        """About the share of the target's variance that a guess leaves in the solutions of these
        rows."""
        there = self.inside & rows[:, None]
        wrong = guess[there].float() - target[there] / MOST_SURPRISED
        return wrong.square().sum() / max(len(wrong), 1) / SPREAD

    def marks(self, guess: Tensor) -> Tensor:
        there = self.gone != IGNORE
        guess, gone = guess[there].float(), self.gone[there].float()
        loss = binary_cross_entropy_with_logits(guess, gone, reduction="sum")
        return loss / there.sum().clamp(min=1)


def replaced(ids: Tensor, step: Tensor, tags: range) -> tuple[Tensor, Tensor]:
    """Half of the rows with tokens of the solution replaced by others of the batch; which rows."""
    rows = torch.rand(len(ids)) < 0.5
    words = (step != IGNORE) & ((ids < tags.start) | (ids >= tags.stop))
    places = words & rows[:, None] & (torch.rand(ids.shape) < REPLACED)
    pool = ids[words]
    ids = ids.clone()
    ids[places] = pool[torch.randint(len(pool), (int(places.sum()),))]
    return ids, rows


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="Train the bundled judge.")
    parser.add_argument("run", type=Path)
    parser.add_argument("--natural", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=86.0)
    parser.add_argument("--every", type=float, default=5.0)
    parser.add_argument("--tokens-per-batch", type=int, default=6144)
    args = parser.parse_args()
    args.run.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    tokenizer = prepared(args.run)
    texts = next(
        batches(tokenizer, read_natural(args.natural), 0, 16 * args.tokens_per_batch, False)
    )
    model = begin(tokenizer, texts.inputs)
    policy = LlamaForCausalLM.from_pretrained(POLICY, dtype=torch.float32).requires_grad_(False)
    depth, narrow = policy.config.num_hidden_layers, policy.config.hidden_size
    width = model.config.hidden_size
    # Surprise, its peak, and whether a step has gone wrong; thrown away.
    head = torch.nn.Linear(width, 3)
    parameters = [*model.parameters(), *head.parameters()]
    words = model.model.embed_tokens.weight  # hold their place in the states: no decay
    others = [one for one in parameters if one is not words]
    groups = [{"params": others, "weight_decay": 0.05}, {"params": [words], "weight_decay": 0.0}]
    optimiser = torch.optim.AdamW(groups, lr=1e-3, betas=(0.9, 0.98), fused=True)
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

    ids_of = tokenizer.get_vocab()
    tags, blank = range(ids_of[TAGS[0]], ids_of[TAGS[-1]] + 1), ids_of["ĊĊ"]
    verdicts = torch.tensor([ids_of[word] for word in WORDS[-2:]])
    started, next_save = time.monotonic() - spent * 60, spent + args.every
    shown: dict[str, list[float]] = defaultdict(list)
    while True:
        natural = read_natural(args.natural)
        alone = (time.monotonic() - started) / 60 < (1 - TOGETHER) * args.minutes
        # A policy is lost in words that it never saw, and its surprise then means nothing.
        stream = batches(
            tokenizer, natural, seen["documents"], args.tokens_per_batch, other_words=not alone
        )
        for batch in stream:
            minutes = (time.monotonic() - started) / 60
            for group in optimiser.param_groups:
                group["lr"] = PEAK * rate(minutes, args.minutes)
            ids, targets, gone, step = (torch.tensor(part) for part in batch[:4])
            whole_rows = torch.ones(len(ids), dtype=torch.bool)
            if alone:
                ids, altered = replaced(ids, step, tags)
                whole_rows = ~altered
                targets[altered] = gone[altered] = IGNORE
            losses = Losses(ids, gone, step, tags, blank, policy.config.vocab_size)
            with torch.set_grad_enabled(not alone):
                below = through(model, embedded(model, ids), 0, depth)
            surprise, sound = losses.expected(policy, below[..., :narrow])
            x = through(model, below, depth, depth + 1)
            guess = head(rms_norm(x, (width,)).float())
            gap = losses.gap(guess[..., 0], surprise, torch.ones_like(whole_rows))
            x = through(model, x, depth + 1, depth + 2)
            guess = head(rms_norm(x, (width,)).float())
            peak = losses.gap(guess[..., 1], losses.peaks(surprise), whole_rows)
            marks = losses.marks(guess[..., 2])
            hidden = normed(model, through(model, x, depth + 2))
            said = words
            if alone:  # only the words of an answer may move
                said = torch.cat((words[:-OWN].detach(), words[-OWN:]))
            learnt = targets != IGNORE
            wanted = targets[learnt]
            each = cross_entropy(
                linear(hidden[learnt], said.bfloat16()).float(), wanted, reduction="none"
            )
            is_verdict = torch.isin(wanted, verdicts)
            weight = 1.0 + (WEIGHT - 1.0) * is_verdict.float()
            answer = (each * weight).sum() / weight.sum().clamp(min=1)
            whole = answer + gap + peak + GONE * marks
            if not alone:
                whole = whole + sound
            whole.backward()
            hold(model)
            torch.nn.utils.clip_grad_norm_(parameters, 1.0)
            optimiser.step()
            optimiser.zero_grad()
            wrong = is_verdict & (wanted == verdicts[1])
            seen["documents"] += batch.documents
            seen["tokens"] += batch.tokens
            seen["batches"] += 1
            for name, value in (
                ("verdicts", each[is_verdict].sum() / is_verdict.sum().clamp(min=1)),
                ("found", (each[wrong] < 0.6931).float().sum() / wrong.sum().clamp(min=1)),
                ("sound steps cost", sound),
                ("surprise left", gap),
                ("peak left", peak),
                ("gone", marks),
            ):
                shown[name].append(value.item())
            if seen["batches"] % 50 == 0:
                means = (f"{name} {sum(row) / len(row):.4f}" for name, row in shown.items())
                print(
                    f"{minutes:.2f} min, {seen['tokens'] / 1e6:.2f} M tokens:", *means, flush=True
                )
                shown.clear()
            if minutes >= next_save or minutes >= args.minutes:
                save(minutes)
                next_save += args.every
                if minutes >= args.minutes:
                    return
                break  # natural solutions may have been added


if __name__ == "__main__":
    main()
