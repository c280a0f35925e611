"""Power cuts at every moment of a few transactions: nothing acknowledged is lost, nothing is half (T3); mutants are caught."""

import itertools
import shutil

import pytest
from power_cut import Recorder, build, crash_states

from phasewise.project import atomic
from phasewise.project.checkpoints import CheckpointStore
from phasewise.project.journal import Journal

ANSWERS = [b"answers %d\n" % i * (i + 3) for i in range(40)]


def record(folder, monkeypatch, rounds=3):
    """Journal entries between replaced settings, and what was acknowledged when."""
    recorder = Recorder()
    monkeypatch.setattr(atomic, "os", recorder)
    journal = Journal(folder / "journal.jsonl", writable=True, clock=lambda: 5.0)
    for i in range(rounds):
        atomic.replace(folder / "phasewise.toml", ANSWERS[i])
        recorder.mark(("settings", i))
        if i == 1:
            journal.append("note", {"quick": True}, durable=False)
        journal.append("decision", {"i": i})
        recorder.mark(("decision", i))
    journal.close()
    monkeypatch.undo()
    return recorder.trace


def violations(trace, source, scratch, *, drop=(), enough=20):
    """How many crash states there are and what is wrong in them after recovery."""
    wrong, count = [], 0
    for marks, state in crash_states(trace, drop=drop):
        count += 1
        folder = scratch / f"s{count}"
        build(state, source, folder)
        wrong += [(marks, what) for what in _check(folder, marks)]
        shutil.rmtree(folder)
        if len(wrong) >= enough:
            break
    return count, wrong


def _check(folder, marks):
    settings = max((i for what, i in marks if what == "settings"), default=-1)
    decided = [i for what, i in marks if what == "decision"]
    file = folder / "phasewise.toml"
    content = file.read_bytes() if file.exists() else None
    allowed = [ANSWERS[i] for i in (settings, settings + 1) if i >= 0] + ([None] if settings < 0 else [])
    if content not in allowed:
        yield "settings are neither old nor new"
    journal = Journal(folder / "journal.jsonl", writable=True)
    if journal.damage:
        yield f"the journal opens damaged: {journal.damage}"
        return
    found = [e.data["i"] for e in journal.entries("decision")]
    if found[: len(decided)] != decided:
        yield "an acknowledged decision is lost"
    journal.append("note", {"after": True})
    journal.close()
    again = Journal(folder / "journal.jsonl", writable=False)
    if again.damage or not again.entries()[-1].data.get("after"):
        yield "the next append does not work"


def test_no_state_after_a_power_cut_breaks_a_promise(tmp_path, monkeypatch):
    (tmp_path / "a").mkdir()
    trace = record(tmp_path / "a", monkeypatch)
    (tmp_path / "s").mkdir()
    count, wrong = violations(trace, tmp_path / "a", tmp_path / "s")
    assert count > 600
    assert wrong == []


@pytest.mark.slow
def test_ten_thousand_states(tmp_path, monkeypatch):
    (tmp_path / "a").mkdir()
    trace = record(tmp_path / "a", monkeypatch, rounds=32)
    (tmp_path / "s").mkdir()
    count, wrong = violations(trace, tmp_path / "a", tmp_path / "s")
    print(f"{count} states, {len(wrong)} violations")
    assert count >= 10_000 and wrong == []


@pytest.mark.parametrize(
    ("drop", "what"),
    [("fsync", "neither old nor new"), ("sync folder", "neither old nor new"), ("fdatasync", "acknowledged decision is lost")],
)
def test_a_mutant_without_one_kind_of_sync_is_caught(tmp_path, monkeypatch, drop, what):
    (tmp_path / "a").mkdir()
    trace = record(tmp_path / "a", monkeypatch)
    (tmp_path / "s").mkdir()
    _, wrong = violations(trace, tmp_path / "a", tmp_path / "s", drop=(drop,))
    assert len(wrong) >= 20 and any(what in text for _, text in wrong)


def test_an_announced_checkpoint_is_whole_in_every_state(tmp_path, monkeypatch):
    """Rule 5: the event comes after the file is durable, old files go only after the new event."""
    (tmp_path / "a").mkdir()
    recorder = Recorder()
    monkeypatch.setattr(atomic, "os", recorder)
    announced = []

    def announce(**event):
        announced.append(event)
        recorder.mark(len(announced))

    store = CheckpointStore(tmp_path / "a", announce)
    for step in range(1, 5):
        store.save(bytes([step]) * 40, step=step)
    monkeypatch.undo()
    counter = itertools.count()
    for marks, state in crash_states(recorder.trace):
        folder = tmp_path / f"s{next(counter)}"
        build(state, tmp_path / "a", folder)
        events = [_Event(**announced[i - 1]) for i in marks if isinstance(i, int)]
        newest = CheckpointStore.of_events(folder, announce, events).newest()
        if events:
            assert newest is not None and newest.read() == bytes([newest.step]) * 40 and newest.step == events[-1].step
        shutil.rmtree(folder)
    assert next(counter) > 150


class _Event:
    kind = "checkpoint"

    def __init__(self, **fields):
        self.__dict__.update(fields)
