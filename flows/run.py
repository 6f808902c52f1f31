"""One labelling run, without Prefect: what the flow's tasks call, and what comes before and after.

    with LabelRun(recipe, folder) as run:     the lock, the engines, every check before spending
        for group in run.groups(): run.stage("screen", group) …
        run.finish()                          the card, then the manifest

`stage` may be called from any thread; the work itself runs on one event loop, so that all shards
share the engines. It returns at once for a shard whose result is there.
"""

from __future__ import annotations

import gc
import platform
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import CancelledError
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Any

from annotators import answer_logprob
from annotators.checkers import build_checker
from annotators.judge.admit import probes_of
from annotators.judge.annotator import prompt_hash, templates_of
from annotators.judge.settings import judge_settings
from annotators.search import SEARCHES
from flows.admission import Record, admit, spent_on_test
from flows.context import RunContext, known_prompts, note_identities, open_context
from flows.earlier import check_prover, new_numbers, take_over
from flows.gate import Gate, hungry
from flows.guidance import read_fusion
from flows.phases import Phase, Phases
from flows.progress import View
from flows.shard_plan import ShardPlan
from flows.shards import ShardWork, run_stage
from flows.take_in import Fresh, take_in
from flows.taken import read_noted
from pipeline.batches import Batch, new_problems, plan_batch, read_batches
from pipeline.card_edits import write_card
from pipeline.card_of import dataset_card
from pipeline.contamination.decontamination import contamination_warnings
from pipeline.errors import (
    EngineDown,
    FolderBusy,
    OutputError,
    RecipeError,
    RunStopped,
    StepsmithError,
    StorageError,
)
from pipeline.files import remove_leftovers, remove_tree, write_json, write_text
from pipeline.folder import DatasetFolder, check_owner, note_owner
from pipeline.intake import read_intake
from pipeline.judge_name import is_judge
from pipeline.labels.feeds import feeds
from pipeline.lock import folder_lock
from pipeline.memory import give_back_memory
from pipeline.places import exists
from pipeline.prompt import load_prompt
from pipeline.recipe import Recipe
from pipeline.schemas import SCHEMA_VERSION
from pipeline.summary import Summary, summarize

MAX_TASK_RUNS = 240  # Prefect's server drowns in thousands; four or five tasks a group
GROUPS = 16  # on one machine at most, all in flight at once: each has threads
GROUPS_A_WORKER = 4  # of a cluster at least, so that none is left with nothing for long
_VERSIONS = ("ctranslate2", "datasets", "math-verify", "polars", "prefect", "pyarrow")


class LabelRun:
    """Open as a context manager. Raises StepsmithError; nothing is spent before `stage`."""

    def __init__(
        self,
        recipe: Recipe,
        folder: DatasetFolder,
        identify: Callable[[], Mapping[str, dict[str, Any]]] | None = None,
    ) -> None:
        """`identify`: where workers of a cluster ask policy and prover, says what these are."""
        check_recipe(recipe)
        self._identify = identify
        self.recipe = recipe
        self.folder = folder
        self.skipped: Counter[str] = Counter()
        self.batches: list[Batch] = []
        self.contamination: dict[str, Any] | None = None  # for the manifest
        self.records: dict[str, Record] = {}  # of judges: their admission tests
        self._work: dict[str, ShardWork] = {}
        self._context: RunContext | None = None
        self._gate: Gate | None = None
        self._stopping = False
        self._broken: StepsmithError | None = None  # what every other shard would meet too
        self._lock = folder_lock(folder.plans)  # a replay's too: nobody else writes the journal

    @property
    def context(self) -> RunContext:
        if self._context is None:
            raise RuntimeError("the run is not open")
        return self._context

    def __enter__(self) -> LabelRun:
        replay = self.folder.origin is not None
        if replay and not exists(self.folder.plans / "identity.json"):
            raise OutputError(f"{self.folder.origin}: holds no run to replay")
        check_owner(self.folder, self.recipe.identity())
        self._lock.__enter__()
        # Rows of the shards under way live on; walking them every few thousand objects, as the
        # collector does by default, took a quarter of the client's time.
        gc.freeze()
        gc.set_threshold(200_000, 10, 10)
        try:
            if replay:
                remove_tree(self.folder.root)
            else:
                remove_leftovers(self.folder.root)
            told = None if self._identify is None else self._identify()
            self._context = open_context(self.recipe, self.folder, replay, told)
            self._gate = Gate(self.recipe.run.shards_at_once, hungry(self._context))
            self._plan(replay)
            give_back_memory()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._context is not None:
            self._context.close()
            self._context = None
        self._lock.__exit__(kind, error, trace)

    def _plan(self, replay: bool) -> None:
        batches = read_batches(self.folder.plans)
        if not replay and self.recipe.relabel.dataset:
            if new_numbers(self.recipe, batches):
                check_prover(self.recipe, self.context.prover.source())
            # First of all: a take-over that was killed is gone on with for this dataset alone.
            note_owner(self.folder, self.recipe.identity())
            batches += take_over(self.recipe, self.folder.plans, batches)
            self.context.noted = read_noted(self.folder.plans)
            self.contamination = (self.context.noted or {}).get("decontamination")
            note_identities(self.context)
        elif not replay:
            batches += self._take_in(batches)
        self.batches = batches
        for batch in batches:
            for shard in batch.shards():
                self._work[shard.name] = ShardWork(self.context, batch, shard)
        origin = self.folder.origin
        if origin is not None:
            known = set(DatasetFolder(origin).shards())
            self._work = {name: work for name, work in self._work.items() if name in known}
            for work in self._work.values():
                work.plan.recall()
        for name in self.stages:
            self.context.meter.stages_total[name] = len(self._work)
        self.context.meter.stages_total["check"] *= len(self.recipe.checkers())

    def _note_contamination(self, fresh: Fresh) -> None:
        """Which problems are left out, or would be, by name: the manifest only counts them."""
        if fresh.checked is None:
            return
        self.contamination = fresh.checked.as_dict(fresh.known)
        lines = fresh.checked.lines(fresh.known)
        write_text(self.folder.work / "contaminated.jsonl", lines)

    def _take_in(self, batches: Sequence[Batch]) -> list[Batch]:
        """A batch of the problems that are new, if there are any."""
        fresh = take_in(self.recipe, self.context, batches)
        self.skipped = fresh.set_aside
        note_owner(self.folder, self.recipe.identity())
        self._note_contamination(fresh)
        note_identities(self.context)
        if not fresh.problems:
            return []
        return [
            plan_batch(
                self.folder.work,
                len(batches),
                fresh.problems,
                self.recipe.run.shard_problems,
                dict(fresh.set_aside),
                fresh.rejected,
                fresh.imported,
            )
        ]

    @property
    def stages(self) -> tuple[str, ...]:
        return tuple(name for phase, _ in self.phases() for name in phase)

    def phases(self) -> list[Phase]:
        """Stages in order; what a phase ends with needs the whole of it, of all shards."""
        return Phases(self.recipe, self.folder, self.batches, self._work, self.records).phases()

    def admit(self) -> None:
        """Test the judges, before anything else is spent. Raises JudgeRefused, EngineDown,
        StorageError, RunStopped. A replay goes by what is known."""
        try:
            self.records = admit(self.context)
        except CancelledError:
            raise RunStopped(f"{self.folder.root}: stopped") from None

    def groups(self, workers: int = 0) -> list[list[str]]:
        """Shards that have something to do, grouped so that task runs stay few. `workers`: of a
        cluster, each of which does one group at a time."""
        published = set(self.folder.shards())  # one listing, not a look for each
        waiting = [name for name in self._work if name not in published]
        runs = max(MAX_TASK_RUNS, GROUPS_A_WORKER * workers * len(self.stages))
        size = -(-len(waiting) * len(self.stages) // runs) or 1
        if not workers:  # so few that those in flight have shards to fill an engine (flows/gate.py)
            size = max(size, -(-len(waiting) // GROUPS))
        else:  # a worker has shards enough to overlap, where there are enough for all
            share = -(-len(waiting) // workers)
            size = max(size, min(self.recipe.run.shards_at_once, share))
        for _ in range(len(self._work) - len(waiting)):
            self.context.meter.stages_cached.update(self.stages)
        return [waiting[i : i + size] for i in range(0, len(waiting), size)]

    def stop(self) -> None:
        """Cancel what runs and refuse what comes; what was committed stays. From any thread."""
        self._stopping = True
        self.context.loop.cancel_all()

    @property
    def stopping(self) -> bool:
        return self._stopping

    def plan_of(self, shard: str) -> ShardPlan:
        """With what the run has learnt of it so far."""
        return self._work[shard].plan

    def limit_reached(self) -> str | None:
        """Which limit lets nothing more be bought, if one does."""
        self.context.limits.closed()
        return self.context.limits.reached

    def leave(self, shard: str) -> None:
        """For a later run: it has not all its samples."""
        self._work[shard].left = True

    def left(self, shard: str) -> bool:
        return self._work[shard].left

    def check_lock(self) -> None:
        """Raises FolderBusy where another run has taken the folder over."""
        self._lock.check()

    def stage(self, name: str, shards: Sequence[str]) -> None:
        """Run one stage of some shards. Raises EngineDown, StorageError, RunStopped."""
        if self._stopping:
            raise RunStopped(f"{self.folder.root}: stopped")
        self._lock.check()
        if self._broken is not None:
            raise type(self._broken)(self._broken.message, **self._broken.fields)

        assert self._gate is not None
        works = [self._work[shard] for shard in shards]
        try:
            self.context.loop.call(run_stage(name, works, self._gate))
        except CancelledError:
            raise RunStopped(f"{self.folder.root}: stopped") from None
        except BaseExceptionGroup as errors:
            error = errors.exceptions[0]
            if isinstance(error, EngineDown | StorageError | FolderBusy):
                self._broken = error
            raise error from None

    def finish(self) -> Summary:
        """Write the card, then the manifest. Raises StorageError; EngineDown where a server is not
        the model any more that it was."""
        for engine in self.context.engines:
            self.context.loop.call(engine.verify())
        if not self.folder.shards():
            raise RunStopped(
                f"{self.folder.root}: {self.context.limits.reached} was reached before a shard had "
                f"all its samples: nothing is published yet. What was bought is in the journal; "
                f"raise the limit, and the same command goes on"
            )
        taken = (self.context.noted or {}).get("judges", {})  # their votes are in a relabelled one
        judges = {name: self._judge(name) for name in self.context.judges} or taken
        summary = summarize(self.folder, judges=judges)
        manifest = self._manifest(summary, judges)
        write_card(self.folder.card, dataset_card(self.folder, manifest, summary))
        write_json(self.folder.manifest, manifest)
        return summary

    def _manifest(self, summary: Summary, judges: dict[str, Any]) -> dict[str, Any]:
        context = self.context
        return {
            "stepsmith": version("stepsmith"),
            "schema_version": SCHEMA_VERSION,
            "name": self.recipe.name,
            "recipe_hash": self.recipe.hash(),
            "recipe": self.recipe.model_dump(mode="json"),
            "policy": _identity(context.policy),
            "prover": _identity(context.prover),
            "judges": judges,
            "batches": [
                {
                    "number": batch.number,
                    "problems": batch.size,
                    "shards": [shard.name for shard in batch.shards()],
                    "set_aside": batch.skipped,
                }
                for batch in self.batches
            ],
            "decontamination": self.contamination,
            "posterior": read_fusion(self.folder.plans),
            "earlier": (self.context.noted or {}).get("provers", []),
            "writers": self._writers(),
            "counts": summary.as_dict(),
            "warnings": [*summary.warnings(), *contamination_warnings(self.contamination)],
            "last_run": self.last_run(),
            "versions": {name: version(name) for name in _VERSIONS}
            | {"python": platform.python_version()},
            "finished": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        }

    def _writers(self) -> list[dict[str, Any]]:
        """Of a relabelled dataset: the policies that wrote its solutions."""
        if self.context.noted is None:
            return []
        taken: list[dict[str, Any]] = self.context.noted["writers"]
        own = [_identity(self.context.policy)] if self.recipe.relabel.new_solutions else []
        return [*taken, *own]

    def last_run(self) -> dict[str, Any]:
        """What this run bought, met and cost: what its progress showed."""
        context, view = self.context, View(self.context)
        load = view.load()
        return {
            **context.meter.as_dict(),
            "prompt_tokens": load.prompt_tokens,
            "prompt_tokens_cached": load.prompt_tokens_cached,
            "errors": view.errors(),
            "cost": round(context.limits.cost(), 4),
            "stopped_by": context.limits.reached,
            "shards_left": sum(work.left for work in self._work.values()),
        }

    def _judge(self, name: str) -> dict[str, Any]:
        judge = self.context.judges[name].judge
        record = self.records[name]
        return {
            "engine": judge.settings.engine,
            "model": judge.settings.model,
            "revision": judge.identity.model_revision,
            "modes": list(judge.settings.modes),
            "prompts": {mode: one.hash for mode, one in judge.templates.items()},
            "sources": {mode.name: judge.source(mode) for mode in judge.modes},
            "samples": judge.settings.samples,
            "admission": record.admission.as_dict(),
            "admission_spent": spent_on_test(self.folder, record),
            "not_admitted": record.reasons(judge.settings),
        }


def check_recipe(recipe: Recipe) -> None:
    """Refuse names of parts that are not there. Raises RecipeError."""
    if recipe.rollouts.search not in SEARCHES:
        raise RecipeError(
            f"rollouts.search: {recipe.rollouts.search!r} is not there yet; there are: "
            f"{', '.join(SEARCHES)}",
            key="rollouts.search",
        )
    for name, settings in recipe.annotators.items():
        if name == answer_logprob.NAME:
            answer_logprob.answer_logprob_settings(settings)
        elif is_judge(name):
            judge = judge_settings(name, settings)
            templates_of(judge)
            probes_of(judge)
        else:
            build_checker(name, settings)


def view_warning(recipe: Recipe) -> str | None:
    """Why the recipe's search cannot feed its view, or None."""
    return feeds(recipe.labels, recipe.rollouts.search)


def finished(recipe: Recipe, folder: DatasetFolder) -> bool:
    """Whether the same command would do nothing: asked before Prefect or a model is loaded."""
    manifest = folder.read_manifest()
    if manifest is None or manifest.get("recipe_hash") != recipe.hash():
        return False
    batches = read_batches(folder.plans)
    published = set(folder.shards())
    if any(shard.name not in published for batch in batches for shard in batch.shards()):
        return False
    if _prompts(recipe) != known_prompts(folder):
        return False  # the run itself says what that means
    if recipe.relabel.dataset:
        return not new_numbers(recipe, batches)
    intake = read_intake(recipe)
    decided = (manifest.get("decontamination") or {}).get("hash")
    if decided != (intake.checked.hash if intake.checked else None):
        return False  # other sets: what they find in the folder is to be said
    return not new_problems(batches, intake.problems)


def _prompts(recipe: Recipe) -> dict[str, str]:
    """Hashes of the prompts as they are now: a prompt's file may have changed."""
    models = {"policy": recipe.policy, "prover": recipe.prover()}
    found = {name: load_prompt(model.prompt).hash for name, model in models.items()}
    for name in recipe.judges():
        found[name] = prompt_hash(templates_of(judge_settings(name, recipe.annotators[name])))
    return found


def _identity(role: Any) -> dict[str, str]:
    return {
        "engine": role.model.engine,
        "model": role.model.model,
        "revision": role.identity.model_revision,
        "tokenizer_hash": role.identity.tokenizer_hash,
        "prompt_hash": role.template.hash,
    }


def replay_folder(folder: Path) -> DatasetFolder:
    return DatasetFolder(folder / "replay", origin=folder)
