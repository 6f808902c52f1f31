"""What all shards of a run share: the models, their identities, the graders, the meter."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from annotators.judge.annotator import Judge, prompt_hash, templates_of
from annotators.judge.settings import judge_settings
from annotators.rollouts import VERSION as ROLLOUTS_VERSION
from flows.loop import LoopThread
from flows.taken import read_noted
from pipeline.engines.base import Engine, EngineIdentity, Sampling
from pipeline.engines.build import build_engine, check_models, sampling_of
from pipeline.engines.known_policies import KnownPolicies
from pipeline.errors import OutputError
from pipeline.files import write_json
from pipeline.folder import DatasetFolder
from pipeline.grading.grader import PRELOAD, Grader
from pipeline.limits import Limits
from pipeline.meter import Meter
from pipeline.places import exists, is_remote, read_json
from pipeline.prompt import PromptTemplate, load_prompt
from pipeline.recipe import Model, Recipe, content_hash
from pipeline.user_cache import user_cache
from pipeline.workers import CheckerPool


@dataclass(slots=True)
class Role:
    """A model in one of its two roles. `live` is False in a replay: it is never asked."""

    model: Model
    engine: Engine
    template: PromptTemplate
    identity: EngineIdentity
    live: bool

    def shape(self) -> list[Any]:
        """What of a model, its prompt and its sampling parameters can change a completion."""
        sampling = sampling_of(self.model)
        return [
            self.identity.model_revision,
            self.identity.tokenizer_hash,
            self.template.hash,
            sampling.temperature,
            sampling.top_p,
            sampling.top_k,
            sampling.max_tokens,
            list(sampling.stop),
        ]

    def source(self) -> str:
        """What identifies rollouts of it as evidence."""
        return content_hash(["rollouts", ROLLOUTS_VERSION, *self.shape()])


@dataclass(slots=True)
class JudgeRole:
    """A model as a judge, with its prompts."""

    judge: Judge
    live: bool

    @property
    def sampling(self) -> Sampling:
        return sampling_of(self.judge.settings)


@dataclass(slots=True)
class RunContext:
    """Open from `open_context` to `close`."""

    recipe: Recipe
    folder: DatasetFolder
    loop: LoopThread
    policy: Role
    prover: Role
    pool: CheckerPool
    grader: Grader
    meter: Meter
    limits: Limits
    judges: dict[str, JudgeRole] = field(default_factory=dict)  # by name, in the recipe's order
    engines: list[Engine] = field(default_factory=list)
    # What was taken over from a dataset that is relabelled (flows/earlier.py).
    noted: dict[str, Any] | None = None
    # When the work was given out, where another process may be at the same shards.
    term: int | None = None

    def close(self) -> None:
        for engine in self.engines:
            self.loop.call(engine.close())
        self.loop.stop()
        self.pool.close()


def open_context(
    recipe: Recipe,
    folder: DatasetFolder,
    replay: bool,
    told: Mapping[str, dict[str, Any]] | None = None,
) -> RunContext:
    """Load or connect the engines. Raises EngineDown, PolicyError, RecipeError, OutputError.

    A replay starts no engine: identities come from the folder, tokenizers from the models. Nor is
    policy or prover started where others ask them (workers of a cluster), who `told` what they are.
    """
    if not replay:
        check_models(models_of(recipe))
    loop = LoopThread()
    started: list[Engine] = []
    pool = CheckerPool(recipe.run.grader_processes, preload=PRELOAD)
    try:
        known = _read_identities(folder)
        models = Connecting(recipe, folder, loop, started, replay)
        own = {**(told or {}), **known}
        asked = replace(models, replay=replay or told is not None)
        policy = _role("policy", recipe.policy, asked, None, own.get("policy"))
        prover = _role("rollouts", recipe.prover(), asked, policy, own.get("prover"))
        judges = {name: _judge(name, models, known.get(name)) for name in recipe.judges()}
    except BaseException:
        for engine in started:
            loop.call(engine.close())
        loop.stop()
        pool.close()
        raise
    grader, meter = Grader(pool), Meter()
    # The lock of a store is a heartbeat: a run that was thought dead may still be at work.
    term = time.time_ns() // 1_000_000 if is_remote(folder.root) else None
    return RunContext(
        recipe,
        folder,
        loop,
        policy,
        prover,
        pool,
        grader,
        meter,
        Limits(recipe.run, meter),
        judges,
        noted=read_noted(folder.plans),
        engines=started,
        term=term,
    )


def note_identities(context: RunContext) -> None:
    """Write down the models of a new folder: when its first batch is planned, not before."""
    place = context.folder.plans / "identity.json"
    if not exists(place):
        write_json(place, identities(context))


def identities(context: RunContext) -> dict[str, dict[str, str]]:
    """What a folder notes of its models, by role."""
    roles = {"policy": context.policy, "prover": context.prover}
    noted = {name: _noted(role.identity, role.template.hash) for name, role in roles.items()}
    for name, role in context.judges.items():
        noted[name] = _noted(role.judge.identity, role.judge.prompt_hash)
    return noted


def known_prompts(folder: DatasetFolder) -> dict[str, str]:
    """Hashes of the prompts that a folder was begun with, by role."""
    return {name: role["prompt_hash"] for name, role in _read_identities(folder).items()}


def known_identity(folder: DatasetFolder, role: str) -> EngineIdentity | None:
    """The model that a folder was begun with: a role's, or a judge's by its name."""
    known = _read_identities(folder).get(role)
    if known is None:
        return None
    return EngineIdentity(known["model_revision"], known["tokenizer_hash"])


def _noted(identity: EngineIdentity, prompt_hash: str) -> dict[str, str]:
    # The prompt's hash too: its file may be edited while its name stays.
    return {**asdict(identity), "prompt_hash": prompt_hash}


def models_of(recipe: Recipe) -> dict[str, Model]:
    """Those that are connected, by their tables: the prover where it is not the policy."""
    found: dict[str, Model] = {"policy": recipe.policy}
    if _weights(recipe.prover()) != _weights(recipe.policy):
        found["rollouts"] = recipe.prover()
    for name in recipe.judges():
        found[f"annotators.{name}"] = judge_settings(name, recipe.annotators[name])
    return found


@dataclass(frozen=True, slots=True)
class Connecting:
    """What `_connect` needs, the same for every model."""

    recipe: Recipe
    folder: DatasetFolder
    loop: LoopThread
    started: list[Engine]
    replay: bool


def _role(
    key: str,
    model: Model,
    models: Connecting,
    other: Role | None,
    known: dict[str, Any] | None,
) -> Role:
    template = load_prompt(model.prompt)
    _check_prompt(known, template.hash, f"the prompt {model.prompt!r} is")
    if other is not None and _weights(other.model) == _weights(model):
        return Role(model, other.engine, template, other.identity, other.live)
    engine, identity = _connect(key, model, models, known)
    return Role(model, engine, template, identity, live=not models.replay)


def _judge(name: str, models: Connecting, known: dict[str, Any] | None) -> JudgeRole:
    settings = judge_settings(name, models.recipe.annotators[name])
    templates = templates_of(settings)
    _check_prompt(known, prompt_hash(templates), f"the prompts of {name} are")
    engine, identity = _connect(f"annotators.{name}", settings, models, known)
    return JudgeRole(Judge(name, settings, templates, identity, engine), live=not models.replay)


def _check_prompt(known: dict[str, Any] | None, found: str, what: str) -> None:
    if known is not None and known["prompt_hash"] != found:
        raise OutputError(
            f"{what} not what it was when this folder was begun: one dataset has one prompt; "
            f"choose another --out",
            key="prompt",
        )


def _connect(
    key: str, model: Model, models: Connecting, known: dict[str, Any] | None
) -> tuple[Engine, EngineIdentity]:
    """An engine that is started, but for a replay, and is the one that the folder knows."""
    engine = build_engine(
        model,
        models.recipe.run.patience_s,
        key,
        logs=models.folder.plans / "servers",
        known=known_policies(models.folder),
    )
    old = None
    if known is not None:
        old = EngineIdentity(known["model_revision"], known["tokenizer_hash"])
    if models.replay:
        if old is None:
            raise OutputError("--replay: this folder holds no run to replay")
        return engine, old
    models.loop.call(engine.start())
    models.started.append(engine)
    if old is not None and old != engine.identity:
        raise OutputError(
            f"the model {model.model!r} is not the one this folder was begun with (revision "
            f"{engine.identity.model_revision}, was {old.model_revision}): labels of one dataset "
            f"come from one policy; choose another --out",
            model=model.model,
        )
    return engine, engine.identity


def known_policies(folder: DatasetFolder) -> KnownPolicies:
    return KnownPolicies([folder.plans / "fingerprints", user_cache() / "fingerprints"])


def _weights(model: Model) -> tuple[object, ...]:
    return (
        model.engine,
        model.model,
        model.base_urls,
        model.revision,
        model.tokenizer,
        model.server,
    )


def _read_identities(folder: DatasetFolder) -> dict[str, dict[str, Any]]:
    try:
        return dict(read_json(folder.plans / "identity.json"))
    except FileNotFoundError:
        return {}
