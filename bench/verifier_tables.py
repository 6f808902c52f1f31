"""The tables of `bench.verifiers`, and what they must show."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import sqrt
from typing import Any

from annotators.checkers import CHECKERS
from bench.verifier_flags import Flag
from bench.verifier_texts import GOLD, RATED, RIGHT, Text


def judged_steps(texts: Iterable[Text]) -> int:
    return sum(len(text.steps) - text.judged for text in texts)


def wilson(right: int, total: int, z: float = 1.96) -> float:
    """Lower end of the 95 % interval of a share (Wilson 1927); 0 of nothing."""
    if not total:
        return 0.0
    share, spread = right / total, z * z / total
    root = z * sqrt(share * (1 - share) / total + spread / (4 * total))
    return (share + spread / 2 - root) / (1 + spread)


def precision_rows(flags: Sequence[Flag], audit: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """Of each set, of each annotator, of each rule, and of all."""
    once = {flag.id: flag for flag in flags}.values()
    groups: dict[str, list[Flag]] = {"all": list(once)}
    for flag in once:
        for name in (flag.text.source, flag.annotator, f"{flag.annotator}: {flag.rules[0]}"):
            groups.setdefault(name, []).append(flag)
    for name, part in groups.items():
        said = Counter(audit.get(flag.id, "not read") for flag in part)
        raw = Counter(flag.text.kind for flag in part if flag.text.source == RATED)
        right, wrong = raw["rated -1"], raw["rated 0"] + raw["rated 1"]
        read = said["true"] + said["false"]
        yield {
            "of": name,
            "flags": len(part),
            "true": said["true"],
            "false": said["false"],
            "open": said["open"],
            "not read": said["not read"],
            "precision": said["true"] / read if read else None,
            "at least": wilson(said["true"], read) if read else None,
            "raw precision": right / (right + wrong) if right + wrong else None,
        }


def rate_rows(
    sets: Mapping[str, Sequence[Text]], flags: Sequence[Flag]
) -> Iterator[dict[str, Any]]:
    """Flagged steps of each kind of text, by any annotator."""
    for source, texts in sets.items():
        for kind in dict.fromkeys(text.kind for text in texts):
            steps = judged_steps(text for text in texts if text.kind == kind)
            part = [f for f in flags if f.text.source == source and f.text.kind == kind]
            whole = len({(id(f.text), f.step) for f in part})
            by = Counter(flag.annotator for flag in part)
            yield {
                "text": f"{source}, {kind}" if kind != "gold" else source,
                "steps": steps,
                "flagged": whole,
                "share": whole / steps,
                **{name: by[name] for name in CHECKERS},
            }


def planted_rows(texts: Sequence[Text], flags: Sequence[Flag]) -> Iterator[dict[str, Any]]:
    """Of each source and what is wrong: steps, those flagged by any, and by each annotator."""
    flagged: dict[tuple[int, int], set[str]] = {}
    for flag in flags:
        flagged.setdefault((id(flag.text), flag.step), set()).add(flag.annotator)
    groups: dict[tuple[str, str, str], list[set[str]]] = {}
    for text in texts:
        for step in range(text.judged, len(text.steps)):
            truth = text.truth[step] if text.truth else None
            if truth is not None:
                kind = "" if truth == RIGHT else text.kind
                by = flagged.get((id(text), step), set())
                groups.setdefault((text.source, truth, kind), []).append(by)
                if truth != RIGHT:
                    groups.setdefault((text.source, truth, "every kind"), []).append(by)
    for (source, truth, kind), found in sorted(groups.items()):
        yield {
            "source": source,
            "truth": truth,
            "planted": kind,
            "steps": len(found),
            "flagged": sum(bool(by) for by in found),
            "share": sum(bool(by) for by in found) / len(found),
            **{name: sum(name in by for by in found) for name in CHECKERS},
        }


def reached(found: Mapping[str, Any]) -> Iterator[tuple[str, bool]]:
    """What the annotators must reach, and whether they do."""
    whole = next(row for row in found["precision"] if row["of"] == "all")
    if whole["precision"] is not None:
        yield f"precision {whole['precision']:.3f} >= 0.97", whole["precision"] >= 0.97
        yield f"Wilson bound {whole['at least']:.3f} >= 0.90", whole["at least"] >= 0.9
    yield f"flags not read: {whole['not read']}", whole["not read"] == 0
    false = next(row for row in found["precision"] if row["of"] == GOLD)["false"]
    steps = next(row for row in found["rates"] if row["text"] == GOLD)["steps"]
    yield f"false flags on gold {false / steps:.4%} <= 0.1 %", false / steps <= 0.001
    for split in ("train", "heldout"):
        rows = [row for row in found["planted"] if row["source"] == f"chains, {split}"]
        for truth, least in (("arithmetic", 0.95), ("setup", 0.4)):
            row = next(r for r in rows if (r["truth"], r["planted"]) == (truth, "every kind"))
            share = row["share"]
            yield f"chains, {split}: {truth} {share:.1%} >= {least:.0%}", share >= least
        right = sum(row["flagged"] for row in rows if row["truth"] == RIGHT)
        wrong = sum(row["flagged"] for row in rows if row["planted"] == "every kind")
        precision = wrong / max(right + wrong, 1)
        yield f"chains, {split}: precision {precision:.4f} >= 0.99", precision >= 0.99
    speed = found["steps_per_second"]
    yield f"arithmetic {speed['arithmetic']:,.0f} steps/s >= 3,000", speed["arithmetic"] >= 3000
    yield f"all {speed['all']:,.0f} steps/s >= 300", speed["all"] >= 300
