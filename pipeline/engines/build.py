"""From a recipe's model table to an engine. The one place that knows all engines.

Nothing is loaded, connected or started here: `Engine.start` does that.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pipeline.engines.base import Engine, Sampling
from pipeline.engines.known_policies import KnownPolicies
from pipeline.recipe import Model


def build_engine(
    model: Model,
    patience_s: float,
    key: str = "policy",
    *,
    logs: Path | None = None,
    known: KnownPolicies | None = None,
) -> Engine:
    """Raises RecipeError, or PolicyError where a model folder is not one.

    `key`: the recipe's table. `logs`: where servers of our own write. `known`: where the names of
    served models are kept that have no revision.
    """
    # Imported on use: CTranslate2 and aiohttp cost a second that other commands need not wait.
    if model.engine == "embedded":
        from pipeline.engines.embedded import EmbeddedEngine

        return EmbeddedEngine(Path(model.model))
    if model.engine == "stub":
        from pipeline.engines.stub import StubEngine

        return StubEngine(model.model)
    if model.engine == "vllm":
        from pipeline.engines.vllm import VllmEngine

        return VllmEngine(model, patience_s=patience_s, key=key, logs=logs)
    from pipeline.engines.openai import OpenAIEngine

    return OpenAIEngine(
        model.base_urls,
        model.model,
        revision=model.revision,
        api=model.api,
        max_running=model.max_running,
        requests_per_minute=model.requests_per_minute,
        patience_s=patience_s,
        timeout_s=model.timeout_s,
        tokenizer=Path(model.tokenizer) if model.tokenizer else None,
        known=known,
    )


def check_models(models: Mapping[str, Model]) -> None:
    """What can be refused before the first server is started, by the recipe's tables. Raises
    RecipeError."""
    servers = {key: model for key, model in models.items() if model.engine == "vllm"}
    if servers:
        from pipeline.engines.vllm import check_servers

        check_servers(servers)


def sampling_of(model: Model) -> Sampling:
    return Sampling(
        temperature=model.temperature,
        top_p=model.top_p,
        top_k=model.top_k,
        max_tokens=model.max_tokens,
        stop=model.stop,
    )
