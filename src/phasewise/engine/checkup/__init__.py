"""Network check-up (B03-B05, B08, V01): `run(config, data, info, build, hooks, rows=...)` gives verdicts cheapest first and the shape table."""

from phasewise.engine.checkup.case import Case
from phasewise.engine.checkup.shapes import trace
from phasewise.engine.checkup.stages import run, run_case

__all__ = ["Case", "run", "run_case", "trace"]
