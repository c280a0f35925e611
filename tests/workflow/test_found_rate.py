"""How the finder's suggestion reaches training: beside a rate that was measured for the family and its optimiser (T02)."""

import pytest

from phasewise.records.results import FinderResult
from phasewise.workflow.phases.train import finder_lr


class View:
    """What the recommendation looks at."""

    def __init__(self, chosen: float | None) -> None:
        self.found = FinderResult(lrs=[1e-3], losses=[1.0], smooth=[1.0], suggestions=[], chosen=chosen)

    def latest(self, kind: str) -> FinderResult:
        assert kind == "find_lr"
        return self.found


@pytest.mark.parametrize(("chosen", "usual", "used"), [
    (0.02, None, 0.02), (0.0095, 0.01, 0.01), (0.002, 0.01, 0.01), (0.5, 0.01, 0.01), (0.0001, 0.01, 0.001), (0.001, 0.01, 0.01),
])
def test_a_measured_rate_stands_and_is_only_lowered(chosen, usual, used):
    got = finder_lr(View(chosen), usual)
    assert got is not None and got.value == pytest.approx(used)
    assert f"{chosen:.2g}" in got.reason


def test_without_an_answer_nothing_is_recommended():
    assert finder_lr(View(None), 0.01) is None
