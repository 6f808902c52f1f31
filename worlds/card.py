"""Measure a bundled policy and write its card, `README.md` in its folder.

    python -m worlds.card data/policies/large data/problems/demo.jsonl data/problems/heldout.jsonl

Every figure on the card comes from `trainer.json` or from drawing with the int8 CTranslate2 folder
at the temperature the card names.
"""

import argparse
import json
from pathlib import Path

from worlds.make import read_problems
from worlds.measure import measure

_CARD = """\
# Policy `{name}`

A Llama trained from scratch on the two synthetic worlds of this repository. It exists to be wrong
in believable ways: it gives Stepsmith's demo, tests and benchmarks solutions to label.

| | |
|---|---|
| architecture | LlamaForCausalLM, {layers} layers, width {width}, {parameters:,} parameters |
| tokenizer | byte-level BPE, {vocabulary} tokens, digits apart, a blank line is one token |
| prompt | the problem's text and one newline |
| solution | steps joined by a blank line, then `<|end|>` |
| data | {documents:,} generated problems, train split, each seen once |
| tokens | {tokens:,} (problem and solution; the loss is on the solution alone) |
| time | {minutes:g} minutes on two CPU cores |
| command | `{command}`, see below |
| files | bfloat16 weights for transformers and vLLM; `ct2/` is int8 for CTranslate2 |

The command alone does not give these weights. The run was stopped and resumed several times while
the worlds were made easier, with the learning rate warmed up again each time (by setting back the
minutes in the run's state): the step wording changed after 15 M tokens, the problems' wordings and
lengths after 26 M, 32 M, 36 M and 50 M, the sizes of numbers after 56 M. Only the tokens after 56 M
come from the worlds as they are now; `small` and `large` are two checkpoints of that last part
(14 and 30 on its clock). Training skips every bundled text; earlier parts skipped the bundled texts
of their time, which were worded differently.

Made by `worlds/train.py` and `worlds/convert.py`, measured by `worlds/card.py`: {draws} draws a
problem at temperature {temperature:g} from `ct2/`. Draws are not reproducible to the last digit.
"""


def card(policy: Path, files: list[Path], draws: int, temperature: float) -> str:
    """The text of the card."""
    facts = json.loads((policy / "trainer.json").read_text())
    config = json.loads((policy / "config.json").read_text())
    settings = {"draws": draws, "temperature": temperature, "vocabulary": config["vocab_size"]}
    sections = [_CARD.format(**(facts | settings | {"name": policy.name}))]
    for path in files:
        figures = measure(policy, read_problems(path), draws, temperature)
        sections.append(_section(path, figures))
    return "\n".join(sections)


def _section(path: Path, figures: dict[str, dict[str, object]]) -> str:
    lines = [f"## On `{path.name}`", "", "| | " + " | ".join(figures) + " |"]
    lines.append("|---|" + "---|" * len(figures))
    for row in next(iter(figures.values())):
        cells = [_cell(world[row]) for world in figures.values()]
        lines.append(f"| {row.replace('_', ' ')} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _cell(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}: {share:.1%}" for key, share in value.items())
    return f"{value:.1%}" if isinstance(value, float) else f"{value}"


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="Measure a policy and write its card.")
    parser.add_argument("policy", type=Path)
    parser.add_argument("problems", type=Path, nargs="+")
    parser.add_argument("--draws", type=int, default=8)
    parser.add_argument("--temperature", type=float, default=0.8)
    args = parser.parse_args()
    text = card(args.policy, args.problems, args.draws, args.temperature)
    (args.policy / "README.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
