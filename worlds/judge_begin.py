"""The bundled judge before it learns: policy `large`, wider and deeper, so that it can compare.

What a policy expects next is the best it knows of what a step should say, and stands in its last
layer. To judge is to compare that with the token that came, but the last layer no longer knows
which one that is (a linear map finds 58 % of the embedding's variance there). So the judge's
states are wider: `KEPT` further numbers hold what the output layer would ask of the token, and a
constant. The policy's layers neither read nor write them.

The first added layer begins as the comparison itself. Two heads bring what the policy expected one
token before (its last state, in the KEPT directions that tell logits apart best); the layer's
products multiply expectation and token, and leave about the negative logit of the token on one
direction of the state. The other added layers change nothing yet.

Needs torch and transformers, as worlds.train.
"""

# mypy: disable-error-code=import-not-found
# (torch and transformers are installed in the training environment only)

import copy
from collections.abc import Sequence
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn.functional import rms_norm
from transformers import LlamaForCausalLM

from worlds.judge_batches import TAGS, WORDS, extend
from worlds.lean import embedded, through
from worlds.tokenizer import save_tokenizer

POLICY = Path("data/policies/large")
LAYERS = 3  # added
KEPT = 63  # numbers that tell a token from others; one more is constant
NUMBERED = 0.5  # of its digits in the first embedding of a step's end
SMALL = 0.1  # of the length of an embedding: enough to survive int8, and not felt by a norm
SHARP = 60.0  # of the look at the token before: its score; all other places have 0.28 less of it
# How much of that score turns how fast, for the 16 frequencies of a head of 32: of all mixtures the
# one whose second best place, up to 800 tokens away, is worst (a linear program).
TURNS = (0.583, 0.052, 0.087, 0.055, 0.055, 0.034, 0.015, 0.022, 0.027, 0.07, 0, 0, 0, 0, 0, 0)
LOUD = 7.0  # of what is brought, in the units of the state: about its own


def begin(tokenizer: Tokenizer, rows: Sequence[Sequence[int]]) -> LlamaForCausalLM:
    """`tokenizer`: the policy's, already extended. `rows`: some texts, padded with 0, from which
    is learnt how the policy's states are spread."""
    policy = LlamaForCausalLM.from_pretrained(POLICY, dtype=torch.float32)
    policy.resize_token_embeddings(tokenizer.get_vocab_size(), mean_resizing=True)
    with torch.no_grad():
        _name_own_words(policy, tokenizer)
        spread = _Spread.of(policy, rows)
        return _deeper(policy, spread)


def prepared(run: Path) -> Tokenizer:
    """The policy's tokenizer with the judge's words, saved in the run's folder."""
    tokenizer = extend(Tokenizer.from_file(str(POLICY / "tokenizer.json")))
    save_tokenizer(tokenizer, run)
    return tokenizer


def hold(model: LlamaForCausalLM) -> None:
    """Between the gradients and the step: what the states hold of a token stays as it is."""
    more = KEPT + 1
    model.model.embed_tokens.weight.grad[:, -more:] = 0.0
    for layer in model.model.layers:
        for out in (layer.self_attn.o_proj, layer.mlp.down_proj):
            if out.weight.grad is not None:
                out.weight.grad[-more:] = 0.0


def _name_own_words(policy: LlamaForCausalLM, tokenizer: Tokenizer) -> None:
    ids_of, rows = tokenizer.get_vocab(), policy.model.embed_tokens.weight
    digits = rows[[ids_of[digit] for digit in "0123456789"]]
    digits = NUMBERED * (digits - digits.mean(dim=0))
    blank = rows[ids_of["ĊĊ"]].clone()
    for number, tag in enumerate(TAGS):
        tens = digits[number // 10] if number > 9 else 0.0
        rows[ids_of[tag]] = blank + digits[number % 10] - tens


class _Spread:
    """Of the policy's last states. `ask`: width x KEPT, and `tell`: vocabulary x KEPT, so that
    (normal state @ ask) @ tell[token] is about the logit of a token. `quiet`: width x (KEPT + 1),
    directions in which states hardly differ. `same`: width + 1; of a normal state and the constant
    beside it, what is about 1 for all. `rms` of a state."""

    def __init__(self, ask: Tensor, tell: Tensor, quiet: Tensor, same: Tensor, rms: float) -> None:
        self.ask, self.tell, self.quiet, self.same, self.rms = ask, tell, quiet, same, rms

    @staticmethod
    def of(policy: LlamaForCausalLM, rows: Sequence[Sequence[int]]) -> "_Spread":
        ids = torch.tensor(rows)
        states = through(policy, embedded(policy, ids), 0)[ids != 0].float()
        width = states.shape[1]
        normal = rms_norm(states, (width,))
        expected = normal * policy.model.norm.weight
        words = policy.lm_head.weight.clone()
        words = words - words[: -len(TAGS) - len(WORDS)].mean(dim=0)  # the same for all tokens
        # The directions of most energy, states by words.
        values, axes = torch.linalg.eigh(expected.T @ expected / len(states))
        root = axes * values.clamp(min=1e-6).sqrt()
        left, sizes, right = torch.linalg.svd(root.T @ words.T, full_matrices=False)
        inverse = axes / values.clamp(min=1e-6).sqrt()
        ask = inverse @ left[:, :KEPT] * policy.model.norm.weight[:, None]
        tell = right[:KEPT].T * sizes[:KEPT]
        quiet = torch.linalg.eigh(torch.cov(states.T)).eigenvectors[:, : KEPT + 1]
        rms = states.square().mean(dim=1, keepdim=True).sqrt()
        seen = torch.cat((normal, rms.mean() / rms), dim=1)
        same = torch.linalg.solve(seen.T @ seen + torch.eye(width + 1), seen.sum(dim=0))
        return _Spread(ask, tell, quiet, same, float(rms.mean()))


def _deeper(policy: LlamaForCausalLM, spread: _Spread) -> LlamaForCausalLM:
    old = policy.config
    width, head = old.hidden_size, old.head_dim
    more = KEPT + 1
    assert more % head == 0
    config = copy.deepcopy(old)
    config.num_hidden_layers += LAYERS
    config.hidden_size = width + more
    config.num_attention_heads = config.num_key_value_heads = (width + more) // head
    model = LlamaForCausalLM(config)
    same = (width / (width + more)) ** 0.5  # the mean square is over more numbers now
    rows = model.model.embed_tokens.weight
    rows[:, :width] = policy.model.embed_tokens.weight
    # As long as SMALL of an embedding, all alike; the constant as long as the rest.
    length = SMALL * float(policy.model.embed_tokens.weight.norm(dim=1).mean())
    scale = length / float(spread.tell.norm(dim=1).mean())
    rows[:, width:-1] = scale * spread.tell
    rows[:, -1] = length
    model.model.norm.weight[:width] = same * policy.model.norm.weight
    model.model.norm.weight[width:] = 0.0
    for new, layer in zip(model.model.layers, policy.model.layers, strict=False):
        _copy(new, layer, width, same)
    model.model.layers[0].input_layernorm.weight *= (1 + SMALL**2) ** 0.5  # before it grows
    for layer in model.model.layers[-LAYERS:]:
        layer.self_attn.o_proj.weight.zero_()
        layer.mlp.down_proj.weight.zero_()
        for norm in (layer.input_layernorm, layer.post_attention_layernorm):
            norm.weight[:width] = same
            norm.weight[width:-1] = same * spread.rms / scale / spread.tell.std()
            norm.weight[-1] = same * spread.rms / length
    _compare(model.model.layers[-LAYERS], spread, width, head)
    return model


def _copy(new: torch.nn.Module, old: torch.nn.Module, width: int, same: float) -> None:
    """A layer of the policy in a wider state: it reads and writes what it did."""
    for name in ("input_layernorm", "post_attention_layernorm"):
        norm = getattr(new, name).weight
        norm[:width], norm[width:] = same * getattr(old, name).weight, 0.0
    for name in ("q_proj", "k_proj", "v_proj"):
        getattr(new.self_attn, name).weight[:width, :width] = getattr(old.self_attn, name).weight
    for part, name in (("self_attn", "o_proj"), ("mlp", "down_proj")):
        into, out = (getattr(getattr(one, part), name).weight for one in (new, old))
        into.zero_()
        into[: out.shape[0], : out.shape[1]] = out
    for name in ("gate_proj", "up_proj"):
        getattr(new.mlp, name).weight[:, :width] = getattr(old.mlp, name).weight


def _compare(layer: torch.nn.Module, spread: _Spread, width: int, head: int) -> None:
    attention, mlp = layer.self_attn, layer.mlp
    # What is the same for all, turned back by one place: the best key stands there.
    angles = 1.0 / 10_000.0 ** (torch.arange(0, head, 2).float() / head)
    loud = (SHARP * head**0.5 * torch.tensor(TURNS)).sqrt()
    looks = 2
    for weight, key in (
        (attention.q_proj.weight, torch.cat((loud * angles.cos(), -loud * angles.sin()))),
        (attention.k_proj.weight, torch.cat((loud, torch.zeros(head // 2)))),
    ):
        weight[: looks * head] = 0.0
        weight[: looks * head, :width] = key.repeat(looks)[:, None] * spread.same[:-1]
        weight[: looks * head, -1] = key.repeat(looks) * spread.same[-1]
    attention.v_proj.weight[: looks * head] = 0.0
    attention.v_proj.weight[:KEPT, :width] = spread.ask.T
    out = attention.o_proj.weight
    out[:width, :KEPT] = LOUD * spread.quiet[:, :KEPT]
    # silu(a) b - silu(-a) b = a b
    mlp.gate_proj.weight[: 2 * KEPT] = 0.0
    mlp.gate_proj.weight[:KEPT, :width] = spread.quiet[:, :KEPT].T
    mlp.gate_proj.weight[KEPT : 2 * KEPT, :width] = -spread.quiet[:, :KEPT].T
    mlp.up_proj.weight[: 2 * KEPT] = 0.0
    places = torch.arange(KEPT)
    mlp.up_proj.weight[places, width + places] = 1.0
    mlp.up_proj.weight[KEPT + places, width + places] = -1.0
    # Of (state @ ask) LOUD / rms and tell / its deviation, back to the logit.
    units = spread.rms / LOUD * float(spread.tell.std())
    mlp.down_proj.weight[:width, : 2 * KEPT] = -units * spread.quiet[:, KEPT, None]
