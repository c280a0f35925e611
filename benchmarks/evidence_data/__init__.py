"""Evidence for checks and statistics: planted faults, clean twins, coverage of intervals. Run with `python -m benchmarks.evidence_data`."""

import sys
from pathlib import Path

# The generators live beside the tests that also use them.
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests" / "checks"))
