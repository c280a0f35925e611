"""Effects of picture techniques with their controls, nulls printed: differential rates (T17), minority-only augmentation (D14)."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks" / "images"))

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]


def _ideas(found):
    return {i.title: i for i in found.ideas}


def test_differential_rates_are_told_with_their_controls(shared_data, capsys):
    """The effect is printed as it is (a null on these pictures); what must hold is the control: the weights help."""
    import evidence

    with capsys.disabled():
        found = _ideas(evidence.rates())
    scratch = found["control from scratch (must be worse)"]
    assert scratch.high < 0
    assert all(-0.3 < found[n].gain < 0.3 for n in found if n.startswith("rates"))


def test_minority_augmentation_is_told_with_its_control(shared_data, capsys):
    """The effect against plain oversampling is printed as it is; an augmentation that hides the flower must hurt."""
    import evidence

    with capsys.disabled():
        found = _ideas(evidence.minority())
    assert found["control, must hurt: pictures painted over"].gain < 0
    assert found["oversampling, rare class augmented more"].gain > found["control, must hurt: pictures painted over"].gain
