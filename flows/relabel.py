"""`stepsmith relabel`: a dataset's solutions under another prover, as a new version of it.

The recipe is the dataset's own, with another policy (and prover, where it has one of its own), and
a budget in proportion to what its rollouts cost. Rows and their order stay.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from flows.command import label_command
from flows.drift import drift_of, drift_rows
from flows.tables import Rows, print_rows
from pipeline.errors import RecipeError
from pipeline.files import write_json
from pipeline.folder import DatasetFolder
from pipeline.origin import Origin
from pipeline.places import absolute, beside, place
from pipeline.recipe import Recipe, apply_override, parse_recipe

# What says where a model is: of the old policy, it says nothing of the new one.
_OF_MODEL = ("revision", "tokenizer")


def relabel_command(
    dataset: Path,
    policy: str,
    prover: str,
    out: Path | None,
    share: float,
    overrides: list[str],
    new_solutions: bool,
) -> None:
    """Raises StepsmithError. Resumes, as `label` does."""
    origin = Origin.open(dataset)
    recipe = relabelling(origin, policy, prover, out, share, overrides, new_solutions)
    label_command(recipe, replay=False)
    print_rows(f"drift from {dataset}", write_drift(origin, recipe), [])


def write_drift(origin: Origin, recipe: Recipe) -> Rows:
    """What the relabelling changed, beside its dataset and as a table."""
    folder = DatasetFolder(place(recipe.output.dir))
    found = drift_of(DatasetFolder(origin.root), folder)
    write_json(folder.root / "drift.json", found)
    return drift_rows(found)


def relabelling(
    origin: Origin,
    policy: str,
    prover: str,
    out: Path | None,
    share: float,
    overrides: list[str],
    new_solutions: bool = False,
) -> Recipe:
    """The recipe of a relabelling. Raises RecipeError."""
    raw = origin.manifest.get("recipe")
    if raw is None:
        raise RecipeError(
            f"{origin.root}: was made by `stepsmith annotate`, which asks no policy: there is no "
            f"recipe to label it anew by; give its solutions to `stepsmith label` as "
            f"solutions.source"
        )
    whole: dict[str, Any] = json.loads(json.dumps(raw))
    models = ("policy.", "rollouts.")
    if not policy and not prover and not any(one.startswith(models) for one in overrides):
        raise RecipeError(
            f"{origin.root}: for which policy? Name it with --policy, or its prover with --prover"
        )
    own = whole["rollouts"].get("model") is not None or whole["rollouts"].get("engine") is not None
    if own and policy and not prover:
        raise RecipeError(
            f"{origin.root}: its rollouts come from a prover of its own "
            f"({whole['rollouts'].get('model')}), so another policy changes no value: name the new "
            f"prover with --prover"
        )
    for table, name in (("policy", policy), ("rollouts", prover)):
        if name:
            whole[table]["model"] = name
            for key in _OF_MODEL:
                whole[table][key] = "" if table == "policy" else None
    whole["solutions"] = {}
    whole["relabel"] = {
        "dataset": str(absolute(origin.root)),
        "share": share,
        "new_solutions": new_solutions,
    }
    whole["rollouts"]["budget_tokens"] = -1
    named = Path(prover or policy).name or "relabelled"
    whole["output"]["dir"] = str(out or beside(origin.root, named))
    replaced = {"policy": bool(policy), "prover": bool(prover or policy)}
    licences = whole["output"].get("licenses", {})  # of another model, none of this one's
    whole["output"]["licenses"] = {
        role: licence for role, licence in licences.items() if not replaced.get(role)
    }
    for override in overrides:
        apply_override(whole, override)
    return parse_recipe(whole, "the dataset's recipe, for the new policy")
