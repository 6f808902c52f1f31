"""What shapes the stages of one shard, and so where their results are.

A stage's hash holds everything that shaped it, so a changed recipe never meets a stale one.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from annotators import answer_logprob
from annotators.branches import Cutter
from annotators.checkers import build_checker
from annotators.judge.rationales import VERSION as RATIONALES_VERSION
from annotators.rollouts import RolloutSettings
from annotators.search import TREE_SEARCHES
from annotators.steps import source_of
from flows.context import RunContext
from flows.guidance import Guidance, Known, guidance_place, read_fusion
from flows.routing import Route, read_route
from pipeline.batches import TAKEN, Batch, Shard, problems_hash
from pipeline.files import write_json
from pipeline.folder import EARLIER_TABLE
from pipeline.places import exists, read_json
from pipeline.posterior.fusion import Fusion
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
        self.budget = -1  # generated tokens that its batch may spend on rollouts; -1: no limit
        self.allowance: int | None = None  # generated tokens a problem may spend on rollouts
        self.guidance: Guidance | None = None  # what a guided search goes by
        self.fusion: Fusion | None = None  # what view `posterior` goes by
        self.routes: dict[str, Route] = {}  # of each judge: whom it is asked about
        self.refused: dict[str, frozenset[tuple[str, int]]] = {}  # of a replay, by stage
        self._screen: Stage | None = None
        self._imported: dict[str, str | None] = {}  # hashes of what was imported with the batch
        self._problems: list[Problem] | None = None

    @property
    def published(self) -> bool:
        return exists(self.context.folder.published(self.shard.name))

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
                    self._imported_hash("solutions"),
                    *self._taken_hashes(),
                ],
            )
        return self._screen

    def _taken_hashes(self) -> list[str | None]:
        """Of what another dataset brought along."""
        if self.context.noted is None:
            return []
        names = [f"{TAKEN}{name}" for name in ("solutions", "questions", EARLIER_TABLE)]
        least = self.context.recipe.relabel.least_change
        provers = content_hash(self.context.noted["provers"])
        return [*map(self._imported_hash, names), provers, str(least)]

    def _imported_hash(self, name: str) -> str | None:
        if name not in self._imported:
            self._imported[name] = self.batch.imported_hash(name, self.shard)
        return self._imported[name]

    def search_stage(self) -> Stage:
        settings = self.rollout_settings()
        shape = [
            settings.search,
            settings.k,
            settings.window,
            settings.solutions,
            settings.searches,
            self._imported_hash("rollouts"),
        ]
        if self.guidance is not None:
            shape += [self._guided_shape(), self.guidance.shape()]
        return self._stage(
            "search",
            [self.screen_stage().folder.name, settings.source, settings.allowance, *shape],
        )

    def pilot_stage(self) -> Stage:
        assert self.guidance is not None
        shape = [*self._guided_shape(), *self.guidance.pilot_shape()]
        return self._stage("pilot", shape)

    def approach_stage(self) -> Stage:
        assert self.guidance is not None
        shape = [*self._guided_shape(), self.allowance, *self.guidance.approach_shape()]
        return self._stage("approach", shape)

    def _guided_shape(self) -> list[Any]:
        """A guided search goes by what the other annotators said."""
        checks = [self.check_stage(name).folder.name for name in self.context.recipe.checkers()]
        return [self.screen_stage().folder.name, self.context.prover.source(), *checks]

    def begun_stage(self) -> Stage | None:
        """Which bought what the search goes on from; None where nothing did."""
        if self.guidance is None:
            return None
        if self.guidance.approach is not None:
            return self.approach_stage()
        return self.pilot_stage() if self.guidance.share else None

    def check_stage(self, name: str) -> Stage:
        made = self.search_stage() if self.grows else self.screen_stage()
        return self._stage(f"check-{name}", [made.folder.name, self._source(name)])

    def judge_stage(self, name: str) -> Stage:
        """What a judge says shapes no other judge's evidence but through the route."""
        judge = self.context.judges[name].judge
        made = self.search_stage() if self.grows else self.screen_stage()
        shape = [made.folder.name, judge.shape(), self.routes[name].shape()]
        return self._stage(name, shape)

    def route_place(self, name: str) -> Path:
        """By what a route is made from: a folder may go on with other budgets."""
        names = list(self.context.judges)
        before = [self.judge_stage(one).folder.name for one in names[: names.index(name)]]
        budget = self.context.judges[name].judge.settings.budget_tokens
        digest = content_hash([self.search_stage().folder.name, *before, budget])
        return self._routes() / f"{self.shard.name}-{name}-{digest}.json"

    def _routes(self) -> Path:
        return self.context.folder.plans / "judges" / "routes"

    def confirm_stage(self) -> Stage:
        """Rationales say what the labels say, so all that shapes the labels shapes them."""
        context = self.context
        names = [self.search_stage().folder.name]
        names += [self.check_stage(name).folder.name for name in context.recipe.checkers()]
        names += [self.judge_stage(name).folder.name for name in context.judges]
        shape = [
            RATIONALES_VERSION,
            names,
            context.recipe.labels.model_dump(mode="json"),
            None if self.fusion is None else self.fusion.as_dict(),
            context.prover.source(),
            {name: role.judge.settings.confirm for name, role in context.judges.items()},
        ]
        return self._stage("confirm", shape)

    def stage_of(self, name: str) -> Stage:
        """`pilot`, `approach` or `search`."""
        place: Stage = getattr(self, f"{name}_stage")()
        return place

    @property
    def grows(self) -> bool:
        """Whether the search makes solutions, which annotators read too."""
        return self.context.recipe.rollouts.search in TREE_SEARCHES

    def _source(self, name: str) -> str:
        settings = self.context.recipe.annotators[name]
        if name == answer_logprob.NAME:
            return self.answers()[1]
        return source_of(build_checker(name, settings))

    def answers(self) -> tuple[answer_logprob.AnswerLogprobSettings, str]:
        """Settings and source of annotator `answer_logprob`, which asks the prover."""
        context = self.context
        settings = answer_logprob.answer_logprob_settings(
            context.recipe.annotators[answer_logprob.NAME]
        )
        identity = context.prover.identity  # no sampling: another temperature changes no score
        shape = [identity.model_revision, identity.tokenizer_hash, context.prover.template.hash]
        return settings, answer_logprob.source_of(settings, content_hash(shape))

    def _stage(self, name: str, shape: list[Any]) -> Stage:
        digest = content_hash([STAGE_VERSION, name, *shape])
        return stage(self.context.folder.work, self.shard.name, name, digest)

    def note(self) -> Path:
        """What a replay must know of a published shard that no recipe says."""
        return self.context.folder.plans / "published" / f"{self.shard.name}.json"

    def write_note(self) -> None:
        """Raises StorageError."""
        write_json(
            self.note(),
            {
                "search": self.search_stage().folder.name,
                "allowance": self.allowance,
                "budget": self.budget,
                "routes": {name: self.route_place(name).name for name in self.context.judges},
                "refused": self._noted_refusals(),
            },
        )

    def _noted_refusals(self) -> dict[str, Any]:
        """By stage: what a limit of the run cut off."""
        names = ["search"]
        if self.guidance is not None:
            names += ["pilot"] if self.guidance.share else []
            names += ["approach"] if self.guidance.approach is not None else []
        markers = {name: self.stage_of(name).done() or {} for name in names}
        return {name: m["refused"] for name, m in markers.items() if m.get("refused")}

    def recall(self) -> None:
        """For a replay: what the shard was published by."""
        noted = read_json(self.note())
        self.allowance = None if noted["allowance"] is None else int(noted["allowance"])
        plans = self.context.folder.plans
        # Notes of older folders have no budget; nor had they a guided search.
        self.budget = int(noted.get("budget", -1))
        place = guidance_place(plans, self.batch.group, self.budget)
        self.guidance = Guidance.read(place)
        raw = read_fusion(plans)
        self.fusion = None if raw is None else Fusion.from_dict(raw)
        refused: dict[str, list[list[Any]]] = noted.get("refused", {})
        self.refused = {
            name: frozenset((str(prefix), int(draws)) for prefix, draws in refused.get(name, []))
            for name in ("pilot", "approach", "search")
        }
        for name, file in noted.get("routes", {}).items():
            route = read_route(self._routes() / file)
            if route is not None:
                self.routes[name] = route

    @property
    def given(self) -> bool:
        """Whether somebody else made the solutions."""
        return bool(self.context.recipe.solutions.source) or self.context.noted is not None

    def same_tokenizer(self, revision: str | None) -> bool:
        """Whether the policy of this revision, which wrote a solution, has the prover's."""
        policy, prover = self.context.policy.identity, self.context.prover.identity
        noted = self.context.noted
        if noted is None:
            return policy.tokenizer_hash == prover.tokenizer_hash
        known = {one["revision"]: one["tokenizer_hash"] for one in noted["writers"]}
        known[policy.model_revision] = policy.tokenizer_hash
        return known.get(revision or "") == prover.tokenizer_hash

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

    def pilot_settings(self, known: Known) -> RolloutSettings:
        guidance, recipe = self.guidance, self.context.recipe
        assert guidance is not None
        return replace(
            self.rollout_settings(),
            guide=lambda task: guidance.pilot_guide(task, recipe, known),
            refused=self.refused.get("pilot"),
        )

    def approach_settings(self, known: Known) -> RolloutSettings:
        guidance, recipe = self.guidance, self.context.recipe
        assert guidance is not None
        assert guidance.approach is not None
        approach = guidance.approach
        return replace(
            self.rollout_settings(),
            guide=lambda task: approach.guide(task, recipe, known),
            refused=self.refused.get("approach"),
        )

    def rollout_settings(self, known: Known | None = None) -> RolloutSettings:
        """`known`: to a guided search, before it begins."""
        known = known or Known()
        context, recipe = self.context, self.context.recipe
        last = None if self.guidance is None else self.guidance.last
        needs_window = recipe.labels.view == "scan" or recipe.rollouts.search == "scan"
        return RolloutSettings(
            search=recipe.rollouts.search,
            k=recipe.rollouts.k,
            window=recipe.labels.window if needs_window else None,
            solutions=recipe.rollouts.solutions,
            searches=recipe.rollouts.searches,
            source=context.prover.source(),
            # Solutions of others are nobody's rollouts: the prover draws its own from the root.
            root_source="" if self.given else context.policy.source(),
            allowance=self.allowance,
            grader=context.grader,
            cutter=Cutter(
                engine=context.prover.engine,
                split=recipe.steps.split,
                policy=context.prover.identity.model_revision,
                prompt_hash=context.prover.template.hash,
                seed=recipe.seed,
            ),
            guide=lambda task: None if last is None else last.guide(task, recipe, known),
            refused=self.refused.get("search"),
        )
