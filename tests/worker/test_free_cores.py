"""Threads for pictures: as many as there are cores with nothing to do, and the same again when a run is resumed."""

import pytest

from phasewise.worker import context, cores

LINES = ("cpu  {busy} 0 0 {idle} 0 0 0 0 0 0", "cpu0 1 2 3 4")


@pytest.fixture
def machine(tmp_path):
    """A `stat` file that moves on while somebody waits: `machine(busy, idle)` ticks."""
    stat = tmp_path / "stat"

    def made(busy: int, idle: int):
        stat.write_text("\n".join(LINES).format(busy=100, idle=100))
        return lambda _: stat.write_text("\n".join(LINES).format(busy=100 + busy, idle=100 + idle))

    made.path = stat
    return made


@pytest.mark.parametrize(("busy", "rest", "share"), [(0, 50, 1.0), (25, 25, 0.5), (50, 0, 0.0)])
def test_the_idle_share_is_measured_over_a_moment(machine, busy, rest, share):
    assert cores.idle(machine.path, wait=machine(busy, rest)) == share


def test_where_nothing_is_known_every_core_counts_as_free(tmp_path):
    assert cores.idle(tmp_path / "none") == 1.0


@pytest.mark.parametrize(("share", "expected"), [(1.0, 2), (0.5, 1), (0.0, 1), (0.8, 2)])
def test_a_busy_machine_gets_fewer_threads_but_one_always(monkeypatch, share, expected):
    monkeypatch.setattr(cores, "cores", lambda: 2)
    assert cores.free(4, share=lambda: share) == expected


def test_pictures_look_for_free_cores_unless_told_or_resumed(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(cores, "free", lambda most: 1)
    monkeypatch.setattr(cores, "cores", lambda: 3)
    assert context.choose_threads(None, None, "fit", "images") == 1
    assert context.choose_threads(None, None, "profile", "images") == 3
    assert context.choose_threads(None, 2, "fit", "images") == 2
    assert context.choose_threads(3, 2, "fit", "images") == 3
    monkeypatch.setenv("OMP_NUM_THREADS", "4")
    assert context.choose_threads(None, None, "fit", "images") == 4


def test_members_may_use_all_cores_unless_somebody_said_otherwise(monkeypatch):
    from phasewise.engine.native import threads
    from phasewise.worker import main

    assert main.CORES == threads.VARIABLE
    for asked, environment, expected in [(None, None, cores.cores()), (None, "1", 1), (3, "1", 3), (3, None, 3)]:
        monkeypatch.delenv(main.CORES, raising=False)
        monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
        if environment:
            monkeypatch.setenv("OMP_NUM_THREADS", environment)
        main.set_cores(asked)
        assert threads.cores(1000) == expected
    monkeypatch.setenv(main.CORES, "7")
    main.set_cores(3)
    assert threads.cores(1000) == 7


def test_a_quota_of_a_container_counts_as_cores(tmp_path):
    quota, here = tmp_path / "cpu.max", cores.cores(tmp_path / "none")
    for text, expected in [("max 100000", here), ("100000 100000", 1), ("50000 100000", 1), ("150000 100000", min(here, 2)), ("nonsense", here), ("100000 0", here)]:
        quota.write_text(text)
        assert cores.cores(quota) == expected
