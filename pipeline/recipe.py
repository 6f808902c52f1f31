"""The recipe: everything a run is made of, read from TOML, checked before anything is spent.

Unknown keys are refused. The recipe is echoed whole into the manifest; `Recipe.identity()` is
what a folder belongs to: it leaves out `problems.limit`, `[decontaminate]`, `[run]`, `[output]`,
budgets, the gates of judges, and where servers stand and how much they take, which may change
between two runs on one folder.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from pipeline.engines.base import Api
from pipeline.errors import RecipeError
from pipeline.judge_name import is_judge

EngineKind = Literal["embedded", "openai", "vllm", "stub"]
SearchName = Literal["exhaustive", "bisect", "scan", "omegaprm", "posterior"]
ViewName = Literal[
    "hard", "soft", "scan", "progress", "advantage", "tools",
    "hybrid", "posterior", "spark", "aurora", "capo",
]  # fmt: skip
AfterError = Literal["mask", "propagate", "local"]


# Arguments of our own servers that change an answer are in the engine's identity.
_OF_SERVERS = ("base_urls", "max_running", "requests_per_minute", "timeout_s", "server")
# Of a judge: who is let in, and for how much. None changes what it says.
_OF_GATES = ("gate", "max_fooled", "min_sensitivity", "min_specificity", "budget_tokens")


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Problems(_Table):
    source: str = ""  # may be left out where [solutions] brings its problems along
    columns: dict[str, str] = {}
    limit: int = Field(0, ge=0)  # 0: all of them


class EvaluationSet(_Table):
    """`"eval.jsonl"`, or `{ source = "hf:owner/name:config:test", column = "question" }`."""

    source: str = Field(min_length=1)  # as problems.source
    column: str = ""  # of the texts; empty: found as a problem's text is

    @model_validator(mode="before")
    @classmethod
    def _named(cls, value: Any) -> Any:
        return {"source": value} if isinstance(value, str) else value


class Decontaminate(_Table):
    """Problems that stand in evaluation sets are left out (pipeline/contamination)."""

    sets: tuple[EvaluationSet, ...] = ()
    ngram: int = Field(13, ge=5, le=64)  # words; the field's habit
    # Of the n-grams of the shorter text that must be found in one row. One in common is not enough:
    # contest problems share whole sentences.
    share: float = Field(0.5, gt=0, le=1)
    # Take problems that differ in numbers alone for the same. Off by default: templates with other
    # numbers are what many training sets are made of.
    templates: bool = False


class Questions(_Table):
    """Which questions are worth rollouts (OmegaPRM, section 3.4; SCAN's self-confidence)."""

    # A question that is always or never solved tells nothing about its steps, so the default
    # is the paper's: none of them is searched. A share can be kept for balance.
    keep_all_right: float = Field(0.0, ge=0, le=1)
    keep_all_wrong: float = Field(0.0, ge=0, le=1)
    min_pass_rate: float = Field(0.0, ge=0, le=1)  # SCAN labels questions with at least 0.75
    # Problems without an answer: the majority answer of their samples stands in where at least
    # this share of all samples gave it. Off by default (0): a majority can be wrong together.
    pseudo_answer: float = Field(0.0, ge=0, le=1)

    @property
    def filtered(self) -> bool:
        """Whether a question that was always or never solved may be missing."""
        return self.keep_all_right < 1 or self.keep_all_wrong < 1


class Solutions(_Table):
    """What somebody already paid for; empty: drawn from the policy."""

    source: str = ""  # solutions, in any shape that `annotate` takes
    rollouts: str = ""  # a Parquet file or folder in the shape of our rollouts table


class Relabel(_Table):
    """Another dataset, whose solutions are labelled under this recipe's prover. What it has of
    problems, tools and judges is taken over."""

    dataset: str = ""
    forget: bool = False  # label as if its prover's rollouts told nothing of this one's
    # Problems whose values are expected to change by less than this get no rollouts.
    least_change: float = Field(0.0, ge=0, le=1)
    # Of the tokens of the old rollouts: what the new ones may spend, where rollouts.budget_tokens
    # does not say it. None: no limit.
    share: float | None = Field(None, ge=0)
    new_solutions: bool = False  # of the new policy too, as a later batch of the same problems


class Steps(_Table):
    split: Literal["blank_line", "numbered", "line", "sentence"] = "blank_line"


class Server(_Table):
    """vllm: how we start its servers."""

    python: str = ""  # of the environment that has vLLM, which is not ours
    replicas: int = Field(0, ge=0)  # 0: one for each GPU, or group of them; one on a CPU
    gpus: int = Field(1, ge=1)  # of one replica: a model that needs more is split
    args: tuple[str, ...] = ()  # of vLLM's server, as on its command line
    env: dict[str, str] = {}  # beside our own environment; no secrets, a recipe is copied
    start_s: float = Field(600.0, gt=0)  # large weights on a slow disk take minutes


class Model(_Table):
    """What a policy and a prover have in common."""

    engine: EngineKind = "embedded"
    model: str = Field("", min_length=0)
    base_urls: tuple[str, ...] = ()
    revision: str = ""  # of a remote model; part of every key
    prompt: str = "{problem}\n"  # or a template file; see pipeline/prompt.py
    stop: tuple[str, ...] = ()
    temperature: float = Field(0.8, ge=0)
    top_p: float = Field(1.0, gt=0, le=1)
    top_k: int = Field(0, ge=0)
    max_tokens: int = Field(256, ge=1)
    api: Api = "completions"  # openai, vllm: which endpoint; a judge may use chat
    max_running: int = Field(256, ge=1)  # sequences (requests x n) sent to one server at once
    requests_per_minute: int = Field(0, ge=0)  # openai: retries count too; 0: no limit
    timeout_s: float = Field(600.0, gt=0)  # openai: for one answer, after which it is asked anew
    tokenizer: str = ""  # openai: a tokenizer.json, so that prefixes are cut at token ends
    server: Server = Server()  # vllm

    @model_validator(mode="after")
    def _complete(self) -> Model:
        if self.engine == "openai" and not self.base_urls:
            raise ValueError("engine 'openai' needs base_urls, such as http://127.0.0.1:8000/v1")
        if not self.model and self.engine != "stub":
            raise ValueError(f"engine {self.engine!r} needs a model")
        if self.api == "chat" and self.engine not in ("openai", "vllm"):
            raise ValueError(f"engine {self.engine!r} has no api 'chat': leave api out")
        if self.engine == "vllm":
            if self.base_urls:
                raise ValueError("engine 'vllm' starts its own servers: leave base_urls out")
            if not self.server.python:
                raise ValueError(
                    "engine 'vllm' needs server.python: the Python of the environment that has "
                    "vLLM, such as .venv-vllm/bin/python"
                )
        elif self.server != Server():
            raise ValueError(f"engine {self.engine!r} starts no servers: leave [….server] out")
        return self


class Policy(Model):
    samples: int = Field(16, ge=1)  # solutions drawn for each problem


class Rollouts(_Table):
    """The prover (the policy's settings where left out) and the search."""

    engine: EngineKind | None = None
    model: str | None = None
    base_urls: tuple[str, ...] | None = None
    revision: str | None = None
    prompt: str | None = None
    stop: tuple[str, ...] | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    max_tokens: int | None = None
    api: Api | None = None
    max_running: int | None = None
    requests_per_minute: int | None = None
    timeout_s: float | None = None
    tokenizer: str | None = None
    server: Server | None = None
    search: SearchName = "scan"
    k: int = Field(8, ge=1)
    budget_tokens: int = Field(-1, ge=-1)  # -1: no limit, 0: buy none
    solutions: int = Field(0, ge=0)  # searched for each problem at most; 0: all of them
    searches: int = Field(100, ge=1)  # omegaprm: of each problem at most (the paper's 100)
    # posterior, where budget_tokens sets none: what a rollout must tell of the first error's place,
    # in bits for each thousand tokens.
    price: float = Field(1.0, ge=0)


class Labels(_Table):
    view: ViewName = "scan"
    filter: Literal["none", "qwen", "genprm"] = "none"  # rollouts and judges agree; sets keep
    after_error: AfterError = "mask"
    window: int = Field(2, ge=0)  # SCAN's d: steps before the first error that keep their ratio
    progress: Literal["ratio", "difference"] = "ratio"
    threshold: float = 0.8  # progress: label 1 from this ratio on (GenPRM's best)
    # capo: a step is wrong if all, more than half, or any of the critiques call it so.
    capo: Literal["intersection", "majority", "union"] = "majority"
    slack: float = 0.0  # progress by difference, and advantage: label 1 where change >= -slack
    interval: float = Field(0.9, gt=0, lt=1)  # mass of value_low .. value_high
    certainty: float = Field(0.9, gt=0.5, le=1)  # posterior: hard labels from this p_correct on
    veto: list[str] = []  # posterior: annotators whose "incorrect" is taken as it stands
    balance: Literal["none", "outcome", "first_error"] = "none"  # sets keep

    def lacks_judge(self, annotators: Iterable[str]) -> str | None:
        """Which setting means nothing without a judge's votes, where no annotator is a judge."""
        readers = {
            f"labels.view = {self.view!r}": self.view in ("spark", "aurora", "capo"),
            f"labels.filter = {self.filter!r}": self.filter != "none",
        }
        found = next((setting for setting, reads in readers.items() if reads), None)
        if found is None or any(map(is_judge, annotators)):
            return None
        return f"{found} reads a judge's votes, and there is no [annotators.judge]"


class Ray(_Table):
    """Of `run.task_runner = "ray"`; see docs/scaling.md."""

    address: str = "auto"  # of the cluster: of this machine, or HOST:PORT
    workers: int = Field(0, ge=0)  # processes that ask the engine at once; 0: all that have room
    cpus: float = Field(1.0, gt=0)  # of a worker
    gpus: float = Field(0.0, ge=0)  # of a worker while it asks the engine; checks need none
    takeovers: int = Field(3, ge=0)  # of a group of shards, whose workers died


class Run(_Table):
    shard_problems: int = Field(64, ge=1)
    task_runner: Literal["threads", "ray"] = "threads"
    # Overlap, so that the engine never waits for a tail; memory grows with it, not with the run.
    shards_at_once: int = Field(4, ge=1)
    grader_processes: int = Field(2, ge=1)
    ray: Ray = Ray()
    patience_s: float = Field(120.0, gt=0)  # silence of an engine after which the run stops
    # What one run may spend; 0: no limit. What there is by then is published.
    stop_after_tokens: int = Field(0, ge=0)  # generated
    stop_after_hours: float = Field(0.0, ge=0)
    stop_after_cost: float = Field(0.0, ge=0)
    cost_of_million_tokens: float = Field(0.0, ge=0)  # generated
    cost_of_hour: float = Field(0.0, ge=0)  # of all machines together

    @model_validator(mode="after")
    def _priced(self) -> Run:
        if self.stop_after_cost and not (self.cost_of_million_tokens or self.cost_of_hour):
            raise ValueError(
                "stop_after_cost needs a price: cost_of_million_tokens, cost_of_hour, or both"
            )
        return self


class Output(_Table):
    dir: str = Field(min_length=1)
    license: str = ""  # of the dataset, by its name on the Hub (apache-2.0, cc-by-4.0, …)
    # Of the models, by their part: policy, prover, judge, judge_<name>. Left out: what the README
    # in a model's folder states.
    licenses: dict[str, str] = {}


class Recipe(_Table):
    name: str = Field(min_length=1)
    seed: int = 0
    problems: Problems = Problems()
    decontaminate: Decontaminate = Decontaminate()
    questions: Questions = Questions()
    solutions: Solutions = Solutions()
    relabel: Relabel = Relabel()
    steps: Steps = Steps()
    policy: Policy
    rollouts: Rollouts = Rollouts()
    annotators: dict[str, dict[str, Any]] = {}
    labels: Labels = Labels()
    run: Run = Run()
    output: Output

    @model_validator(mode="after")
    def _complete(self) -> Recipe:
        for table, model in (("policy", self.policy), ("rollouts", self.prover())):
            if model.api == "chat":
                raise ValueError(
                    f"{table}.api must be 'completions': solutions are continued from prefixes, "
                    f"and a chat begins every answer anew"
                )
        if self.relabel.dataset and self.solutions.source:
            raise ValueError("relabel.dataset brings its solutions along: leave [solutions] out")
        if self.relabel.dataset and self.rollouts.search == "omegaprm":
            raise ValueError(
                "rollouts.search 'omegaprm' makes solutions of its own: not in a relabelling"
            )
        if not (self.problems.source or self.solutions.source or self.relabel.dataset):
            raise ValueError("problems.source is missing (or solutions.source, with problems)")
        if self.solutions.rollouts and not self.solutions.source:
            raise ValueError("solutions.rollouts needs solutions.source: rollouts of what?")
        for name in self.labels.veto:
            if name not in self.annotators:
                raise ValueError(f"labels.veto: {name!r} is none of this recipe's [annotators.*]")
        lacking = self.labels.lacks_judge(self.annotators)
        if lacking is not None:
            raise ValueError(lacking)
        return self

    def prover(self) -> Model:
        """The rollouts' model: the policy's settings, overridden where `[rollouts]` names them.

        A prover with another engine or model inherits neither the policy's revision nor its
        tokenizer: those describe the policy's weights.
        """
        base = self.policy.model_dump(exclude={"samples"})
        own = {
            k: v
            for k, v in self.rollouts.model_dump(include=set(Model.model_fields)).items()
            if v is not None
        }
        if {"engine", "model"} & own.keys():
            base |= {"revision": "", "tokenizer": ""}
        engine = own.get("engine", base["engine"])
        if engine != base["engine"]:  # where the policy's servers are is not where these are
            base |= {"base_urls": (), "server": {}}
        return Model(**{**base, **own})

    def identity(self) -> dict[str, Any]:
        """The part that shapes a dataset; two runs on one folder must agree on it."""
        whole = self.model_dump(mode="json")
        for key in ("run", "output"):
            del whole[key]
        del whole["problems"]["limit"]
        del whole["decontaminate"]  # which problems come in is no part of what a label is
        del whole["rollouts"]["budget_tokens"]
        del whole["relabel"]["share"]
        for table in ("policy", "rollouts"):
            # Where a server stands and how much it takes is not what it answers.
            for key in _OF_SERVERS:
                del whole[table][key]
        for name, settings in whole["annotators"].items():
            if is_judge(name):
                for key in (*_OF_SERVERS, *_OF_GATES):
                    settings.pop(key, None)
        return whole

    def limited(self) -> bool:
        """Whether rollouts have a budget."""
        return self.rollouts.budget_tokens >= 0 or self.relabel.share is not None

    def judges(self) -> list[str]:
        """Names of the annotators that are judges, in the recipe's order; none where another
        dataset brings along what they said."""
        if self.relabel.dataset:
            return []
        return [name for name in self.annotators if is_judge(name)]

    def checkers(self) -> list[str]:
        """Names of the others."""
        return [name for name in self.annotators if not is_judge(name)]

    def hash(self) -> str:
        return content_hash(self.identity())


def content_hash(value: object) -> str:
    """16 hex digits of the canonical JSON of `value`."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def load_recipe(path: Path, overrides: Sequence[str] = ()) -> Recipe:
    """Read a recipe; `overrides` are `a.b=c` with c a TOML value or a bare string.

    Raises RecipeError that names the file and the key.
    """
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RecipeError(f"{path}: there is no such recipe", file=str(path)) from None
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError(f"{path}: cannot be read: {error}", file=str(path)) from error
    except tomllib.TOMLDecodeError as error:
        raise RecipeError(f"{path}: is not TOML: {error}", file=str(path)) from error
    for override in overrides:
        apply_override(raw, override)
    return parse_recipe(raw, str(path))


def parse_recipe(raw: Mapping[str, Any], name: str) -> Recipe:
    """Check a recipe's tables. Raises RecipeError that names `name` and every bad key."""
    try:
        return Recipe.model_validate(raw)
    except ValidationError as error:
        lines = []
        for problem in error.errors():
            key = ".".join(str(part) for part in problem["loc"]) or "(the recipe)"
            if problem["type"] == "extra_forbidden":
                lines.append(f"  {key}: unknown key{_nearest(key)}")
            else:
                lines.append(f"  {key}: {problem['msg'].removeprefix('Value error, ')}")
        text = "\n".join(lines)
        raise RecipeError(f"{name}: {len(lines)} bad key(s):\n{text}", file=name) from None


def differences(old: Mapping[str, Any], new: Mapping[str, Any], prefix: str = "") -> list[str]:
    """Dotted keys on which two recipe identities differ."""
    found = []
    for key in sorted(old.keys() | new.keys()):
        left, right = old.get(key), new.get(key)
        if isinstance(left, Mapping) and isinstance(right, Mapping):
            found += differences(left, right, f"{prefix}{key}.")
        elif left != right:
            found.append(f"{prefix}{key}")
    return found


def apply_override(raw: dict[str, Any], override: str) -> None:
    """Set `a.b=c` in a recipe's tables. Raises RecipeError."""
    key, equals, text = override.partition("=")
    if not equals or not key.strip():
        raise RecipeError(f"--set {override}: must be a.b=c", key=key)
    try:
        value: object = tomllib.loads(f"v = {text}")["v"]
    except tomllib.TOMLDecodeError:
        value = text
    table = raw
    *parents, last = key.strip().split(".")
    for part in parents:
        table = table.setdefault(part, {})
        if not isinstance(table, dict):
            raise RecipeError(f"--set {override}: {part} is not a table", key=key)
    table[last] = value


def _nearest(key: str) -> str:
    """' (did you mean …?)' from the names of the same table."""
    import difflib

    *parents, last = key.split(".")
    model: type[BaseModel] = Recipe
    for part in parents:
        field = model.model_fields.get(part)
        inner = field.annotation if field else None
        if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
            return ""
        model = inner
    close = difflib.get_close_matches(last, model.model_fields, n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""
