"""What pruning brought is shown where it was asked for: three models, parameters, and the speed measured side by side (X09-X11)."""

import pytest
from rich.cells import cell_len

from phasewise.records.results import PruneResult

from .fake_results import model
from .fake_session import FakeSession
from .screen import opened, still

SPEED = {
    "parameters": {"before": 270_831, "after": 86_783}, "batch": 64, "measured": "CPU time of one thread, both models turn about",
    "latency_ms": {"before": 1.9, "after": 1.6, "times": 1.21, "low": 1.14, "high": 1.24}, "rows_per_second": {"before": 3829.0, "after": 5743.0, "times": 1.48, "low": 1.46, "high": 1.51},
}


def _pruned(*, kept=True):
    return PruneResult(original=model("t00", "resnet20", 0.9889, source="network"), pruned=model("pruned", "resnet20", 0.9867 if kept else 0.9889, source="network"), scratch=model("scratch", "resnet20", 0.9822, source="network") if kept else None,
                       rounds=[{"round": 1, "kept": kept}], speed=SPEED if kept else {}, notes=["Measured faster: ...", "Pruned minus scratch: +0.0045 [-0.01, 0.02]"] if kept else ["The first step already cost more than the tolerance: nothing was removed."])


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_the_smaller_network_stands_beside_the_whole_one_with_its_speed(size):
    session = FakeSession(done="strengthen")
    session.put("prune", _pruned())
    async with opened(session, size) as (app, pilot):
        await app.screen.go("strengthen")
        await still(pilot)
        assert [v.TITLE for v in app.screen.page.VIEWS] == ["Questions", "Ensembles", "Smaller"]
        await app.screen.page.show(2)
        text = await still(pilot)
        for said in ("whole", "smaller", "from scratch", "270,831 to 86,783", "1.21 times as fast", "1.48 times as fast", "0.9889 becomes 0.9867"):
            assert said in text, f"{said!r} is not in\n{text}"
        assert max(cell_len(x) for x in text.splitlines()) <= size[0]


async def test_nothing_removed_is_said_and_without_pruning_there_is_no_such_view():
    session = FakeSession(done="strengthen")
    async with opened(session, (80, 24)) as (app, pilot):
        await app.screen.go("strengthen")
        await still(pilot)
        assert len(app.screen.page.VIEWS) == 2
    session.put("prune", _pruned(kept=False))
    async with opened(session, (80, 24)) as (app, pilot):
        await app.screen.go("strengthen")
        await app.screen.page.show(2)
        text = await still(pilot)
        assert "not worth it" in text and "nothing was removed" in text and "times as fast" not in text
