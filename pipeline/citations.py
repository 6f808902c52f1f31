"""Whose methods a dataset rests on: gathered from its recipe, for the card.

Only what was used is cited. A name without a number is a paper that our sources name so.
"""

from __future__ import annotations

from pipeline.judge_name import is_judge
from pipeline.recipe import Recipe

_Z3 = "Z3: An Efficient SMT Solver (TACAS 2008)"
_PAPERS = {
    "Math-Shepherd": "2312.08935",
    "OmegaPRM": "2406.06592",
    "SCAN": "2509.16548",
    "GenPRM": "2504.00891",
    "PAV (Rewarding Progress)": "2410.08146",
    "GroundedPRM": "2510.14942",
    "The Lessons of Developing Process Reward Models": "2501.07301",
    "CAPO": "2508.02298",
    "ProcessBench": "2412.06559",
    "ThinkPRM": "2504.16828",
    "SPARK": "",
    "AURORA": "2502.11520",
    "BiPRM": "2508.01682",
    _Z3: "",
}
_OF_VIEW = {
    "hard": ["Math-Shepherd"],
    "soft": ["Math-Shepherd", "OmegaPRM"],
    "scan": ["SCAN"],
    "progress": ["GenPRM"],
    "advantage": ["PAV (Rewarding Progress)"],
    "hybrid": ["GroundedPRM"],
    "spark": ["SPARK"],
    "aurora": ["AURORA"],
    "capo": ["CAPO"],
}
_OF_SEARCH = {
    "exhaustive": ["Math-Shepherd"],
    "bisect": ["OmegaPRM"],
    "omegaprm": ["OmegaPRM"],
    "scan": ["SCAN"],
}
_OF_FILTER = {
    "qwen": ["The Lessons of Developing Process Reward Models"],
    "genprm": ["GenPRM"],
}
_OF_MODE = {
    "first_error": ["ProcessBench"],
    "each_step": ["CAPO"],
    "reverse": ["BiPRM"],
    "reference": ["AURORA"],
}
_OF_TOOLS = {"quantities": [_Z3], "logic": [_Z3]}


def citations(recipe: Recipe | None) -> list[str]:
    """A line each, in the order of the parts of a recipe; none where there is no recipe."""
    if recipe is None:
        return []
    names = [*_OF_SEARCH.get(recipe.rollouts.search, []), *_OF_VIEW.get(recipe.labels.view, [])]
    names += _OF_FILTER.get(recipe.labels.filter, [])
    for name, settings in recipe.annotators.items():
        names += _OF_TOOLS.get(name, [])
        if is_judge(name):
            for mode in settings.get("modes", ["each_step"]):
                names += _OF_MODE.get(mode, [])
            names += ["ThinkPRM"]  # rationales that say what the labels say
    return [_line(name) for name in dict.fromkeys(names)]


def _line(name: str) -> str:
    number = _PAPERS[name]
    return f"{name}, [arXiv {number}](https://arxiv.org/abs/{number})" if number else name
