"""TRL's own trainers on our exports: what they make of a row, and one step of training.

With a random model of a few thousand weights and the bundled policy's tokenizer. In an environment
of its own: the newest TRL has no PRMTrainer.
"""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from flows.export import export_command
from pipeline.files import write_table
from pipeline.folder import DatasetFolder
from pipeline.schemas import LABELS
from tests.pipeline.formats.solutions import solution

pytestmark = [
    pytest.mark.skipif(
        "STEPSMITH_TRL" not in os.environ,
        reason="an environment of its own: `make test-trainers`",
    ),
    pytest.mark.filterwarnings("default"),  # theirs are not ours to mend
]
TOKENIZER = Path(__file__).parents[2] / "data" / "policies" / "large" / "tokenizer.json"
STEPS = ["Ann has 2 + 3 = 5 shells.\n\n", "So she has 5 + 4 = 8.\n\n", "The answer is 8."]
BETTER = [STEPS[0], "So she has 5 + 4 = 9.\n\n", "The answer is 9."]


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> DatasetFolder:
    """Two solutions that part after their first step; the last step of one has no label."""
    hashes = [["r", "a", "b"], ["r", "c", "d"]]
    rows = [
        solution([1, 0, None], steps=STEPS, outcome="incorrect", final_answer="8", first_error=1),
        solution([1, 1, 1], steps=BETTER, solution_id="s1"),
    ]
    for row, known in zip(rows, hashes, strict=True):
        row |= {"prefix_hash": known, "fork_group": ["p0", *known[:2]]}
    folder = DatasetFolder(tmp_path_factory.mktemp("dataset"))
    write_table(folder.published("00000-00000"), pa.Table.from_pylist(rows, schema=LABELS))
    return folder


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    from transformers import PreTrainedTokenizerFast

    found = PreTrainedTokenizerFast(tokenizer_file=str(TOKENIZER))
    found.pad_token = found.eos_token = found.convert_ids_to_tokens(0)
    return found


def exported(dataset: DatasetFolder, name: str, place: Path) -> Any:
    """As `datasets` loads it."""
    import datasets

    export_command(dataset.root, name, place / name, False, False, [])
    cache = str(place / "cache")
    return datasets.load_dataset(str(place / name), split="train", cache_dir=cache)


def tiny(kind: str, tokenizer: Any, num_labels: int = 2) -> Any:
    """A Llama for AutoModel<kind>, of random weights."""
    import transformers

    config = transformers.LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_labels=num_labels,
        pad_token_id=tokenizer.pad_token_id,
    )
    return getattr(transformers, f"AutoModelFor{kind}").from_config(config)


def settings(place: Path, **more: Any) -> dict[str, Any]:
    return {
        "output_dir": str(place / "model"),
        "max_steps": 1,
        "per_device_train_batch_size": 2,
        "report_to": "none",
        "use_cpu": True,
        "save_strategy": "no",
        "bf16": False,
        **more,
    }


def trained(trainer: Any) -> None:
    done = trainer.train()
    assert done.global_step == 1
    assert math.isfinite(done.training_loss)


def test_prm_trainer_puts_a_label_on_the_last_token_of_each_step(
    dataset: DatasetFolder, tokenizer: Any, tmp_path: Path
) -> None:
    from trl.experimental.prm import PRMConfig, PRMTrainer

    rows = exported(dataset, "trl", tmp_path)
    trainer = PRMTrainer(
        model=tiny("TokenClassification", tokenizer),
        args=PRMConfig(**settings(tmp_path, step_separator="")),
        train_dataset=rows,
        processing_class=tokenizer,
    )
    read = [
        [
            (tokenizer.decode(row["input_ids"][: at + 1]), label)
            for at, label in enumerate(row["labels"])
            if label != -100
        ]
        for row in trainer.train_dataset
    ]
    prompt = "Add 2 and 3.\n"
    assert read == [
        [(prompt + STEPS[0], 1), (prompt + STEPS[0] + STEPS[1], 0)],
        [(prompt + "".join(BETTER[: t + 1]), 1) for t in range(3)],
    ]
    trained(trainer)


def test_prm_trainer_reads_merged_steps(
    dataset: DatasetFolder, tokenizer: Any, tmp_path: Path
) -> None:
    from trl.experimental.prm import PRMConfig, PRMTrainer

    trainer = PRMTrainer(
        model=tiny("TokenClassification", tokenizer),
        args=PRMConfig(**settings(tmp_path, step_separator="\n")),
        train_dataset=exported(dataset, "hierarchical", tmp_path),
        processing_class=tokenizer,
    )
    labels = [[x for x in row["labels"] if x != -100] for row in trainer.train_dataset]
    assert labels == [[1, 0], [0], [1, 1, 1], [1, 1], [1, 1]]
    trained(trainer)


def test_dpo_trainer_reads_pairs(dataset: DatasetFolder, tokenizer: Any, tmp_path: Path) -> None:
    from trl import DPOConfig, DPOTrainer

    rows = exported(dataset, "pairs", tmp_path)
    assert [(row["chosen"], row["rejected"]) for row in rows] == [(BETTER[1], STEPS[1])]
    trained(
        DPOTrainer(
            model=tiny("CausalLM", tokenizer),
            ref_model=tiny("CausalLM", tokenizer),
            args=DPOConfig(**settings(tmp_path)),
            train_dataset=rows,
            processing_class=tokenizer,
        )
    )


def test_reward_trainer_reads_pairs_with_their_margin(
    dataset: DatasetFolder, tokenizer: Any, tmp_path: Path
) -> None:
    from trl import RewardConfig, RewardTrainer

    trainer = RewardTrainer(
        model=tiny("SequenceClassification", tokenizer, num_labels=1),
        args=RewardConfig(**settings(tmp_path)),
        train_dataset=exported(dataset, "pairs", tmp_path),
        processing_class=tokenizer,
    )
    (row,) = trainer.train_dataset
    assert tokenizer.decode(row["chosen_ids"]).startswith("Add 2 and 3.\n" + STEPS[0] + BETTER[1])
    assert row["margin"] == 1.0
    trained(trainer)


def test_sft_trainer_reads_traces(dataset: DatasetFolder, tokenizer: Any, tmp_path: Path) -> None:
    from trl import SFTConfig, SFTTrainer

    rows = exported(dataset, "sft", tmp_path)
    assert [row["completion"] for row in rows] == ["".join(BETTER)]
    trained(
        SFTTrainer(
            model=tiny("CausalLM", tokenizer),
            args=SFTConfig(**settings(tmp_path)),
            train_dataset=rows,
            processing_class=tokenizer,
        )
    )


def test_kto_trainer_reads_outcomes(dataset: DatasetFolder, tokenizer: Any, tmp_path: Path) -> None:
    from trl.experimental.kto import KTOConfig, KTOTrainer

    rows = exported(dataset, "outcome", tmp_path)
    assert [row["label"] for row in rows] == [False, True]
    trained(
        KTOTrainer(
            model=tiny("CausalLM", tokenizer),
            ref_model=tiny("CausalLM", tokenizer),
            args=KTOConfig(**settings(tmp_path)),
            train_dataset=rows,
            processing_class=tokenizer,
        )
    )
