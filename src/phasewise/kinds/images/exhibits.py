"""Findings on pictures carry small pictures of their examples: the app shows them and never opens a file."""

import numpy as np

from phasewise.checks.table import CheckTable
from phasewise.kinds.images.showing import thumbnail
from phasewise.records.results.data import ChecksResult

MOST = 4
"""Pictures of a finding."""
CELLS = 12


def pictured(result: ChecksResult, table: CheckTable) -> ChecksResult:
    """The result with thumbnails of up to four example pictures at every finding that names some; of two that are alike both are shown."""
    dev = table.subject
    place = {path: i for i, path in enumerate(dev.table["path"].to_list())}
    held, made = dev.pixels(), []
    for finding in result.findings:
        named = [place[p] for text in finding.examples for p in _paths(text) if p in place]
        shown = [thumbnail(np.array(held[i]).transpose(2, 0, 1), CELLS) for i in dict.fromkeys(named[: 2 * MOST])][:MOST]
        made.append(finding.model_copy(update={"thumbnails": shown}) if shown and finding.severity != "pass" else finding)
    return result.model_copy(update={"findings": made})


def _paths(text: str) -> list[str]:
    """The paths in an example: alone, `a = b` of a pair, or `a: class?` of a doubtful label."""
    return [text, *text.split(" = "), text.rpartition(": ")[0]]
