"""A model against the best baseline on the same validation rows: differences row by row are sharper than two intervals side by side."""

from typing import Any

import numpy as np

from phasewise.records.errors import PhasewiseError
from phasewise.records.results import Versus
from phasewise.stats.paired import difference
from phasewise.worker import arrays, background
from phasewise.worker.arrays import Stored
from phasewise.worker.bench import Bench
from phasewise.worker.thresholds import crossfitted
from phasewise.worker.verdicts import sign

RESAMPLES = 1000


def best_baseline(project: Any, metric_id: str) -> tuple[str, str, Stored] | None:
    """Reference, name and stored predictions of the best real baseline of the newest run on this metric."""
    for run, result in reversed(background.finished(project, "baselines")):
        found = [m for m in result.get("models", []) if m.get("family") != "dummy" and m["validation"]["metric"] == metric_id]
        if found:
            best = max(found, key=lambda m: sign(metric_id) * m["validation"]["value"])
            return best["ref"], best["name"], arrays.load(run.arrays_dir, best["ref"].partition("/")[2])
    return None


def against_baseline(project: Any, bench: Bench, mine: Stored) -> Versus | None:
    """Metric of `mine` minus the best baseline's, paired; None without one, or where it did not judge the same rows."""
    try:
        found = best_baseline(project, bench.metric)
        if found is None:
            return None
        ref, name, theirs = found
        theirs = theirs.at(mine.rows)
    except (PhasewiseError, KeyError, ValueError, OSError):
        return None  # another split's rows: nothing is paired
    if not np.array_equal(np.asarray(theirs.y), np.asarray(mine.y)):
        return None
    a, b = (crossfitted(bench.metric, mine.y, held.predictions) for held in (mine, theirs))
    gap = difference(bench.metric, mine.y, a, b, bench.groups(mine.rows), resamples=RESAMPLES)
    return Versus(ref=ref, name=name, gain=gap.value, low=gap.low, high=gap.high, method=gap.method)
