"""From a recipe's model to an engine."""

from pipeline.engines.build import build_engine
from pipeline.recipe import Model


def test_a_server_that_chats_is_another_model_than_one_that_continues() -> None:
    table = {"engine": "openai", "model": "m", "base_urls": ["http://h/v1"], "revision": "r"}
    chat, plain = Model.model_validate(table | {"api": "chat"}), Model.model_validate(table)
    assert build_engine(chat, 1.0).identity.model_revision == "chat:r"
    assert build_engine(plain, 1.0).identity.model_revision == "r"
