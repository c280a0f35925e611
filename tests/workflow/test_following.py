"""Attaching to a long run: a bounded bite per call, nothing lost, the end noticed after the last event."""

from types import SimpleNamespace

from phasewise.workflow.following import MOST, Follower


class LongRun:
    """A finished run of many events, handed out in small chunks."""

    id = "0001-fit"

    def __init__(self, events: int) -> None:
        self.events = list(range(events))

    def tail(self, offset: int) -> tuple[list[int], int]:
        new = self.events[offset : offset + 700]
        return new, offset + len(new)

    def state(self) -> str:
        return "finished"

    def job(self) -> SimpleNamespace:
        return SimpleNamespace(phase="train")


def test_a_long_history_comes_in_bites_and_the_end_comes_last():
    run = LongRun(23_000)
    follower = Follower(None)
    follower.follow(run)
    seen, calls = [], 0
    while follower.active():
        events, ended = follower.poll()
        assert len(events) < MOST + 700
        seen += events
        calls += 1
        assert not ended or len(seen) == 23_000
    assert seen == run.events and calls >= 23_000 // (MOST + 700)
