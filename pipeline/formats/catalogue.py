"""All formats, by the name that `stepsmith export` knows them by."""

from __future__ import annotations

from pipeline.errors import InputError
from pipeline.formats.corrections import CORRECTIONS
from pipeline.formats.format import Format
from pipeline.formats.hierarchical import HIERARCHICAL
from pipeline.formats.math_shepherd import MATH_SHEPHERD
from pipeline.formats.outcome import OUTCOME
from pipeline.formats.pairs import PAIRS
from pipeline.formats.prm800k import PRM800K
from pipeline.formats.process_bench import PROCESS_BENCH
from pipeline.formats.qwen_prm import QWEN_PRM
from pipeline.formats.rationales import RATIONALES
from pipeline.formats.rlhflow import RLHFLOW
from pipeline.formats.sft import SFT
from pipeline.formats.trl import TRL

FORMATS: dict[str, Format] = {
    "trl": TRL,
    "math-shepherd": MATH_SHEPHERD,
    "rlhflow": RLHFLOW,
    "prm800k": PRM800K,
    "qwen-prm": QWEN_PRM,
    "processbench": PROCESS_BENCH,
    "pairs": PAIRS,
    "corrections": CORRECTIONS,
    "rationales": RATIONALES,
    "hierarchical": HIERARCHICAL,
    "outcome": OUTCOME,
    "sft": SFT,
}


def format_of(name: str) -> Format:
    """Raises InputError that lists the formats."""
    if name not in FORMATS:
        raise InputError(
            f"--format {name}: there is no such format; there are {', '.join(FORMATS)}"
        )
    return FORMATS[name]
