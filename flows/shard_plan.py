"""What shapes the stages of one shard, and so where their results are.

A stage's hash holds everything that shaped it, so a changed recipe never meets a stale one.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from annotators.branches import Cutter
from annotators.checkers import build_checker
from annotators.rollouts import RolloutSettings
from annotators.steps import source_of
from flows.context import RunContext
from pipeline.batches import Batch, Shard, problems_hash
from pipeline.problems import Problem
from pipeline.recipe import content_hash
from pipeline.sampling import Screening
from pipeline.segment import SEGMENT_VERSION
from pipeline.stages import Stage, stage

STAGE_VERSION = 2  # part of every hash: raise it when the meaning of a stage changes


class ShardPlan:
    """One shard of one batch within an open run."""

    def __init__(self, context: RunContext, batch: Batch, shard: Shard) -> None:
        self.context = context
        self.batch = batch
        self.shard = shard
        self.allowance: int | None = None  # generated tokens a problem may spend on rollouts
        self._screen: Stage | None = None
        self._problems: list[Problem] | None = None

    @property
    def published(self) -> bool:
        return self.context.folder.published(self.shard.name).exists()

    def problems(self) -> list[Problem]:
        if self._problems is None:
            self._problems = self.batch.problems(self.shard)
        return self._problems

    def forget_problems(self) -> None:
        """A run of many shards keeps the problems of none that is published."""
        self._problems = None

    def screen_stage(self) -> Stage:
        if self._screen is None:
            recipe = self.context.recipe
            self._screen = self._stage(
                "screen",
                [
                    SEGMENT_VERSION,
                    problems_hash(self.problems()),
                    self.context.policy.shape(),
                    recipe.policy.samples,
                    recipe.steps.model_dump(mode="json"),
                    recipe.questions.model_dump(mode="json"),
                    recipe.seed,
                    self.batch.imported_hash("solutions", self.shard),
                ],
            )
        return self._screen

    def search_stage(self) -> Stage:
        settings = self.rollout_settings()
        shape = [
            settings.search,
            settings.k,
            settings.window,
            settings.solutions,
            settings.searches,
            self.batch.imported_hash("rollouts", self.shard),
        ]
        return self._stage(
            "search",
            [self.screen_stage().folder.name, settings.source, settings.allowance, *shape],
        )

    def check_stage(self, name: str) -> Stage:
        checker = build_checker(name, self.context.recipe.annotators[name])
        return self._stage(f"check-{name}", [self.search_stage().folder.name, source_of(checker)])

    def _stage(self, name: str, shape: list[Any]) -> Stage:
        digest = content_hash([STAGE_VERSION, name, *shape])
        return stage(self.context.folder.work, self.shard.name, name, digest)

    def note(self) -> Path:
        """What a replay must know of a published shard that no recipe says."""
        return self.context.folder.plans / "published" / f"{self.shard.name}.json"

    def noted_allowance(self) -> int | None:
        found = json.loads(self.note().read_text(encoding="utf-8"))["allowance"]
        return None if found is None else int(found)

    def screening(self) -> Screening:
        context = self.context
        return Screening(
            engine=context.policy.engine,
            template=context.policy.template,
            samples=context.recipe.policy.samples,
            split=context.recipe.steps.split,
            questions=context.recipe.questions,
            grader=context.grader,
            seed=context.recipe.seed,
        )

    def rollout_settings(self) -> RolloutSettings:
        context, recipe = self.context, self.context.recipe
        needs_window = recipe.labels.view == "scan" or recipe.rollouts.search == "scan"
        return RolloutSettings(
            search=recipe.rollouts.search,
            k=recipe.rollouts.k,
            window=recipe.labels.window if needs_window else None,
            solutions=recipe.rollouts.solutions,
            searches=recipe.rollouts.searches,
            source=context.prover.source(),
            # Imported solutions are nobody's rollouts: the prover draws its own from the root.
            root_source="" if recipe.solutions.source else context.policy.source(),
            allowance=self.allowance,
            grader=context.grader,
            cutter=Cutter(
                engine=context.prover.engine,
                split=recipe.steps.split,
                policy=context.prover.identity.model_revision,
                prompt_hash=context.prover.template.hash,
                seed=recipe.seed,
            ),
        )
