"""The page as text: one file that asks for nothing, and opens from a disk.

Guarantees: its Content-Security-Policy lets run the page's own script and style by their hashes,
and nothing else (no network; of `stepsmith review` its own server); text of datasets is escaped, or
packed (pipeline/report/chunks.py); characters that reorder or hide text are written out, as in
`stepsmith show`. Equal datasets give equal pages.
"""

from __future__ import annotations

import base64
import hashlib
import json
from functools import cache
from importlib.resources import files
from itertools import zip_longest
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup, escape

from pipeline.report import charts
from pipeline.report.chunks import CHUNK, pack, pieces, script_json
from pipeline.report.figures import Figures
from pipeline.report.flags import FLAGS
from pipeline.report.solutions import LIMIT, STEP, shown
from pipeline.report.sources import TRUTH, Sources, shards_named
from pipeline.report.svg import bar
from pipeline.show import visible

SCRIPTS = ("base.js", "data.js", "browse.js", "solution.js", "review.js", "keys.js")


def page(
    sources: Sources, figures: Figures, limit: int = LIMIT, review: dict[str, Any] | None = None
) -> str:
    """`review`: what the script needs to post verdicts (flows/review_server.py); None: a report."""
    truth = sources.slices.get(TRUTH)
    with shards_named(sources.folder):  # texts are read here only
        data = shown(sources.folder, sources.steps, figures.flags, truth, sources.said, limit)
    script, style = _script(), _asset("page.css")
    config = {
        "chunk": CHUNK,
        "solutions": len(data.rows),
        "of": sources.summary.solutions,
        "name": sources.name,
        "flags": FLAGS,
        "step": STEP,
        "review": review,
    }
    text: str = _template().render(
        s=sources,
        f=figures,
        summary=sources.summary,
        manifest=sources.manifest,
        facts=_facts(sources),
        recipe=_recipe(sources),
        charts=charts,
        bar=bar,
        review=review,
        csp=_policy(script, style, review is not None),
        script=Markup(script),
        style=Markup(style),
        config=Markup(script_json(config)),
        index=Markup(pack(data.index)),
        chunks=[Markup(pack(one)) for one in pieces(data.rows, data.problems)],
        shown=len(data.rows),
    )
    return text


def _policy(script: str, style: str, review: bool) -> str:
    return "; ".join(
        [
            "default-src 'none'",
            f"script-src '{_digest(script)}'",
            f"style-src '{_digest(style)}'",
            "connect-src 'self'" if review else "connect-src 'none'",
            "base-uri 'none'",
            "form-action 'none'",
        ]
    )


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _facts(sources: Sources) -> list[str]:
    """The line below the name."""
    rows = sources.steps.rows

    def each(column: str, few: int = 3) -> str:
        found = [str(one) for one in rows[column].drop_nulls().unique().sort()]
        return ", ".join(found[:few]) + (f" and {len(found) - few} more" if found[few:] else "")

    facts = [f"labels: view {each('view')}", f"after the first error: {each('after_error')}"]
    facts += [f"{name} {each(name)}" for name in ("policy", "prover") if each(name)]
    if each("prover") == each("policy") and each("prover"):
        facts[-2:] = [f"policy and prover {each('policy')}"]
    return facts


def _recipe(sources: Sources) -> str:
    return json.dumps(sources.manifest.get("recipe"), indent=2, ensure_ascii=False)


@cache
def _asset(name: str) -> str:
    return (files("pipeline.report.page") / name).read_text(encoding="utf-8")


@cache
def _script() -> str:
    parts = "\n".join(_asset(name) for name in SCRIPTS)
    return f'\n"use strict";\n(() => {{\n{parts}\n}})();\n'


def _written_out(value: Any) -> Any:
    """Of everything that the template shows."""
    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    return visible(value)


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _words(name: str) -> str:
    return name.replace("_", " ")


def _plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _code(text: str) -> Markup:
    """What stands between backticks, as code."""
    parts = [escape(visible(part)) for part in text.split("`")]
    odd = (Markup("<code>{}</code>").format(part) for part in parts[1::2])
    return Markup("").join(part for pair in zip_longest(parts[::2], odd) for part in pair if part)


@cache
def _template() -> Any:
    environment = Environment(
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_written_out,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "percent": _percent,
        "figure": _figure,
        "words": _words,
        "code": _code,
        "plural": _plural,
        "count": lambda number: f"{number:,}",
    }
    return environment.from_string(_asset("page.html"))
