"""Every error that Stepsmith raises on purpose.

    StepsmithError
    ├── InputError            the user's input is at fault; nothing was spent
    │   ├── RecipeError       a recipe file or one of its keys
    │   ├── ProblemFileError  a problem or solution file, or a row or field of it
    │   ├── PolicyError       a model folder that is not one
    │   └── OutputError       an output folder that belongs to another recipe
    ├── JudgeRefused          a judge failed its admission test
    ├── FolderBusy            another live run owns the folder
    ├── StorageError          the disk is full or read-only; what was committed is safe
    ├── HubError              the Hub refused or did not answer; the message says what is published
    ├── EngineDown            a server or engine does not answer; what was committed is safe
    └── RunStopped            the user stopped the run; what was committed is safe

A bad *item* (one row, one completion) is data with a reason, never one of these. Messages name
the file, row, field or URL and say what to do; exceptions keep those as fields and can be pickled.
"""

from __future__ import annotations


class StepsmithError(Exception):
    """Base of all; `fields` are the named facts behind the message."""

    def __init__(self, message: str, **fields: object) -> None:
        super().__init__(message)
        self.message = message
        self.fields = fields

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild, (type(self), self.message, self.fields))


def _rebuild(cls: type[StepsmithError], message: str, fields: dict[str, object]) -> StepsmithError:
    return cls(message, **fields)


class InputError(StepsmithError):
    """The input is wrong; nothing was spent."""


class RecipeError(InputError):
    """A recipe cannot be read, or has an unknown or impossible key."""


class ProblemFileError(InputError):
    """A problem or solution file as a whole cannot be used."""


class PolicyError(InputError):
    """A model folder is not a model."""


class OutputError(InputError):
    """An output folder cannot be used with this recipe."""


class JudgeRefused(StepsmithError):
    """A judge did not pass its gate; the test was paid for, and is kept."""


class FolderBusy(StepsmithError):
    """Another run holds the folder's lock."""


class StorageError(StepsmithError):
    """Writing failed (disk full, read-only, quota)."""


class HubError(StepsmithError):
    """The Hub refused, or did not answer; never half of a dataset is published."""


class EngineDown(StepsmithError):
    """An engine gave no answer for as long as the recipe lets it."""


class RunStopped(StepsmithError):
    """The run was asked to stop (SIGINT, SIGTERM)."""
