"""`stepsmith report`: a dataset as one HTML page."""

from __future__ import annotations

import sys
from pathlib import Path

from pipeline.files import write_text
from pipeline.folder import DatasetFolder
from pipeline.report.figures import figures_of
from pipeline.report.render import page
from pipeline.report.sources import read_sources


def report_command(dataset: Path, out: Path | None, truth: Path | None, solutions: int) -> None:
    """Raises InputError, StorageError."""
    folder = DatasetFolder(dataset)
    sources = read_sources(folder, truth)
    figures = figures_of(sources)
    text = page(sources, figures, solutions)
    target = out or folder.root / "report.html"
    write_text(target, text)
    for remark in sources.remarks:
        print(f"warning: {remark}", file=sys.stderr)
    for warning in figures.warnings:
        print(f"warning: {warning.title}: {warning.measured}", file=sys.stderr)
    print(f"{target}: {len(text.encode()) / 1e6:.1f} MB")
