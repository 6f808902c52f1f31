"""Judges are tested before anything is spent on a run, and their results are kept.

The result of a test belongs to a judge with its prompts, and to the probes: it stands in the folder
(`work/judges/<name>.json`, which a replay and later batches go by) and in the user's cache, so that
the next folder with the same judge pays nothing. What was bought is in a journal below the folder,
so a killed test goes on, and one in which calls failed asks those alone in the folder's next run;
it is in no cache.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from annotators.judge.admit import AdmissionTest, Admitted, gate_of
from annotators.judge.probes.admission import Admission
from annotators.judge.probes.gate import gate
from annotators.judge.settings import JudgeSettings
from flows.context import JudgeRole, RunContext
from pipeline.errors import JudgeRefused, StorageError
from pipeline.files import write_json
from pipeline.folder import DatasetFolder
from pipeline.journal import Journal
from pipeline.places import exists, read_json
from pipeline.posterior.panel_learning import Rates
from pipeline.purchase import Purchaser
from pipeline.user_cache import user_cache


@dataclass(frozen=True, slots=True)
class Record:
    """What a folder knows of a judge: its test, and which it was. `whole`: no call of it failed."""

    key: str
    admission: Admission
    cases: list[str]
    whole: bool

    def reasons(self, settings: JudgeSettings) -> list[str]:
        """Why it is not admitted; empty: it is."""
        return gate(self.admission, gate_of(settings))

    def as_dict(self) -> dict[str, Any]:
        raw = {"key": self.key, "admission": self.admission.as_dict(), "cases": self.cases}
        return raw | {"whole": self.whole}

    @staticmethod
    def read(place: Path) -> Record | None:
        """None where there is none, or none that can be read."""
        try:
            raw = read_json(place)
            admission = Admission.from_dict(raw["admission"])
            return Record(raw["key"], admission, list(raw["cases"]), bool(raw["whole"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None


def admit(context: RunContext) -> dict[str, Record]:
    """Test every judge that was not tested before. Raises JudgeRefused where one fails and its
    gate is "stop", EngineDown, StorageError."""
    found = {}
    for name, role in context.judges.items():
        record = _record(name, role, context)
        found[name] = record
        reasons = record.reasons(role.judge.settings)
        if reasons and role.judge.settings.gate == "stop":
            raise JudgeRefused(
                f"annotators.{name}: this judge is not admitted: {'; '.join(reasons)}. What it "
                "got wrong, for instance:\n  " + "\n  ".join(record.cases) + "\nTake another "
                f"judge or other prompts (and another --out); or set annotators.{name}.gate = "
                '"warn" to go on here, with votes that count for what they were found to be worth.',
                judge=name,
                reasons=reasons,
            )
    return found


def _record(name: str, role: JudgeRole, context: RunContext) -> Record:
    test = AdmissionTest.of(role.judge)
    known = known_record(context.folder, name, test.key)
    if known is not None and (known.whole or not role.live):
        record = known
    else:
        tested = context.loop.call(_run(test, role, context))
        record = Record(test.key, tested.admission, tested.cases, tested.whole)
        if record.whole:
            _keep(cache_place(test.key), record)
    place = record_place(context.folder, name)
    if record != Record.read(place):
        write_json(place, record.as_dict())
    return record


def known_record(folder: DatasetFolder, name: str, key: str) -> Record | None:
    """Of a test that was done: in this folder, else in the user's cache."""
    for place in (record_place(folder, name), cache_place(key)):
        record = Record.read(place)
        if record is not None and record.key == key:
            return record
    return None


async def _run(test: AdmissionTest, role: JudgeRole, context: RunContext) -> Admitted:
    journal = Journal(_journal_place(context.folder, test.key))
    journal.load()
    try:
        purchaser = Purchaser(
            engine=role.judge.engine if role.live else None,
            identity=role.judge.identity,
            sampling=role.sampling,
            seed=0,
            journal=journal,
            meter=context.meter,
        )
        return await test.run(purchaser)
    finally:
        await journal.close()


def spent_on_test(folder: DatasetFolder, record: Record) -> int:
    """Tokens: 0 where an earlier folder paid, and this one took the result from the cache."""
    return record.admission.tokens if exists(_journal_place(folder, record.key)) else 0


def _journal_place(folder: DatasetFolder, key: str) -> Path:
    return folder.plans / "judges" / "journal" / key


def record_place(folder: DatasetFolder, name: str) -> Path:
    return folder.plans / "judges" / f"{name}.json"


def cache_place(key: str) -> Path:
    return user_cache() / "judges" / f"{key}.json"


def rates_of(records: Mapping[str, Record]) -> dict[str, Rates]:
    """What the fusion begins with: how often each judge flags wrong and right steps."""
    return known_rates({name: record.admission for name, record in records.items()})


def noted_rates(manifest: Mapping[str, Any]) -> dict[str, Rates]:
    """The same, from a dataset's manifest."""
    judges: Mapping[str, Any] = manifest.get("judges") or {}
    return known_rates(
        {name: Admission.from_dict(judge["admission"]) for name, judge in judges.items()}
    )


def known_rates(admissions: Mapping[str, Admission]) -> dict[str, Rates]:
    found = {}
    for name, admission in admissions.items():
        wrong, right = admission.incorrect_if_wrong.value, admission.incorrect_if_fine.value
        if wrong is not None and right is not None:
            found[name] = Rates(wrong, right)
    return found


def _keep(place: Path, record: Record) -> None:
    try:
        write_json(place, record.as_dict())
    except StorageError:  # a cache that cannot be written costs the next folder a test
        return
