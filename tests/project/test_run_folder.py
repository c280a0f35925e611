"""Runs as folders: states, following events, commands through the inbox (reliability.md 1.4)."""

import json
import os
import random
import time

import pytest

from phasewise.project import commands, lines
from phasewise.project.runs import START_LIMIT, RunStore
from phasewise.project.writer import RunBusy, RunWriter
from phasewise.records.errors import StorageError, UsageError
from phasewise.records.events import UnknownEvent
from phasewise.records.jobs import DataView, ProfileJob

JOB = ProfileJob(phase="data", data=DataView(kind="tabular", file="x.csv"))


@pytest.fixture
def store(tmp_path):
    return RunStore(tmp_path / "runs")


def test_ids_count_up_and_foreign_folders_are_passed_over(store, tmp_path):
    ids = [store.create(JOB).id for _ in range(3)]
    assert ids == ["0001-profile", "0002-profile", "0003-profile"]
    (store.folder / "notes").mkdir()
    (store.folder / "0099-evil").symlink_to(tmp_path)
    assert [r.id for r in store.list()] == ids and store.create(JOB).id == "0004-profile"
    for bad in ("0099-evil", "../runs/0001-profile", "nope", "0009-profile", ""):
        with pytest.raises(StorageError, match="no run"):
            store.get(bad)


def test_a_job_that_is_not_one_is_a_clear_error(store):
    run = store.create(JOB)
    (run.path / "job.json").write_text('{"kind": "profile", "import": "os.system"}')
    with pytest.raises(StorageError, match="job.json"):
        run.job()


@pytest.mark.parametrize(("reason", "state"), [("done", "finished"), ("stopped", "stopped"), ("failed", "failed")])
def test_states_of_a_life(store, reason, state):
    run = store.create(JOB)
    assert run.state() == "queued"
    writer = RunWriter(run, beat=0)
    assert run.state() == "running"
    writer.paused = True
    writer.heartbeat()
    assert run.state() == "paused"
    writer.paused = False
    writer.heartbeat()
    assert run.state() == "running"
    with pytest.raises(RunBusy) as caught:
        RunWriter(run, beat=0)
    assert caught.value.exit_code == 5
    writer.finish({"x": 1}, reason)
    assert run.state() == state and run.result() == {"x": 1}


def test_a_started_process_that_never_shows_up_is_lost_after_the_limit(store):
    run = store.create(JOB)
    run.launched()
    assert run.state() == "queued"
    old = time.time() - START_LIMIT - 1
    os.utime(run.path / "launch.json", (old, old))
    assert run.state() == "lost"
    run.launched()
    run.exited(-9)
    assert run.state() == "lost" and "ran out of memory" in run.lost_because()
    run.exited(3)
    assert "exit code 3" in run.lost_because()


def test_a_result_without_the_finished_event_is_not_finished(store):
    run = store.create(JOB)
    writer = RunWriter(run, beat=0)
    writer.emit("hello", job="profile", pid=1, host="h")
    (run.path / "result.json").write_text("{}")
    writer.close()
    assert run.state() == "lost"


def test_following_sees_every_event_once_however_the_bytes_arrive(store):
    run = store.create(JOB)
    writer = RunWriter(run, beat=0)
    for i in range(60):
        writer.emit("log", text=f"line {i} \u2603" + "x" * (i % 7))
    writer.close()
    data = run.events_path.read_bytes()
    rng = random.Random(0)
    seen, offset, shown = [], 0, 0
    while shown < len(data):
        shown = min(len(data), shown + rng.randrange(1, 90))
        run.events_path.write_bytes(data[:shown])
        events, offset = run.tail(offset)
        seen += [e.seq for e in events]
    assert seen == list(range(1, 61)) and offset == len(data)


def test_events_of_tomorrow_and_damaged_ones_do_not_stop_the_reader(store):
    run = store.create(JOB)
    good = {"v": 1, "seq": 1, "t": 0.0, "run": run.id, "kind": "hologram", "beam": 3}
    bad_fields = {"v": 1, "seq": 2, "t": 0.0, "run": run.id, "kind": "progress", "done": "half"}
    last = {"v": 1, "seq": 3, "t": 0.0, "run": run.id, "kind": "log", "text": "end"}
    run.events_path.write_bytes(b"\n".join([lines.encode(good), lines.encode(bad_fields), b"garbage\x00", b"[" * 99999, lines.encode(last), b""]))
    events, _ = run.tail(0)
    assert isinstance(events[0], UnknownEvent) and events[0].beam == 3
    assert [e.seq for e in events] == [1, 3]


def test_a_torn_last_event_is_cut_by_the_next_attempt_and_numbers_go_on(store):
    run = store.create(JOB)
    writer = RunWriter(run, beat=0)
    for i in range(3):
        writer.emit("log", text=str(i))
    writer.close()
    whole = run.events_path.read_bytes()
    start = whole[:-1].rfind(b"\n") + 1
    for length in range(start, len(whole)):
        run.events_path.write_bytes(whole[:length])
        again = RunWriter(run, beat=0)
        assert again.emit("log", text="next")["seq"] == 3
        assert bool(again.repaired) == (length > start)
        again.close()
        assert [e.seq for e in run.tail(0)[0]] == [1, 2, 3]


def test_metrics_are_grouped_to_twenty_blocks_a_second_and_none_is_lost(store):
    run = store.create(JOB)
    now = [0.0]
    writer = RunWriter(run, beat=0, monotonic=lambda: now[0])
    for step in range(1000):
        now[0] += 0.001
        writer.emit("metrics", series="train", columns=["step", "loss"], rows=[[step, 0.5]])
    writer.emit("log", text="after")
    writer.close()
    events, _ = run.tail(0)
    blocks = [e for e in events if e.kind == "metrics"]
    assert len(blocks) <= 22
    assert [row[0] for block in blocks for row in block.rows] == list(range(1000))
    assert [e.kind for e in events][-1] == "log"


def test_heartbeats_come_by_themselves_with_memory(store):
    run = store.create(JOB)
    writer = RunWriter(run, beat=0.02)
    writer.emit("metrics", series="train", columns=["step"], rows=[[1], [2]])
    writer.emit("metrics", series="train", columns=["step"], rows=[[3]])
    end = time.monotonic() + 60
    while time.monotonic() < end and sum(e.kind == "heartbeat" for e in run.tail(0)[0]) < 3:
        time.sleep(0.01)
    beats = [e for e in run.tail(0)[0] if e.kind == "heartbeat"]
    assert [b.count for b in beats[:3]] == [1, 2, 3] and beats[0].memory_mb > 5
    assert sum(len(e.rows) for e in run.tail(0)[0] if e.kind == "metrics") == 3
    writer.finish({}, "done")


def test_commands_arrive_in_order_and_are_taken_once(store):
    run = store.create(JOB)
    writer = RunWriter(run, beat=0)
    ids = [run.post("pause"), run.post("set_lr", factor=0.5), run.post("stop_epoch")]
    found = writer.commands()
    assert [(c["id"], c["command"], c["args"]) for c in found] == list(zip(ids, ["pause", "set_lr", "stop_epoch"], [{}, {"factor": 0.5}, {}], strict=True))
    assert writer.commands() == [] and list(run.inbox.iterdir()) == []
    writer.close()


@pytest.mark.parametrize(
    ("command", "args"),
    [("explode", {}), ("pause", {"path": "/etc"}), ("set_lr", {}), ("set_lr", {"factor": 1, "value": 2}), ("set_lr", {"factor": -1}), ("set_lr", {"value": float("nan")}), ("set_lr", {"factor": "1"}), ("set_lr", {"factor": True})],
)
def test_commands_outside_the_schema_are_refused_by_the_sender(store, command, args):
    run = store.create(JOB)
    with pytest.raises(UsageError):
        run.post(command, **args)
    assert list(run.inbox.iterdir()) == []


def test_whatever_lies_in_the_inbox_is_refused_politely(store, tmp_path):
    run = store.create(JOB)
    writer = RunWriter(run, beat=0)
    good_id = f"{1:020d}-00000000"
    evil = {
        "a.json": b"[" * 5000, "b.json": b"\xff\xfe", "c.json": b"x" * 5000,
        "d.json": json.dumps({"id": good_id, "command": "pause", "args": {}, "module": "os"}).encode(),
        "e.json": json.dumps({"id": "../../x", "command": "pause", "args": {}}).encode(),
        "f.json": json.dumps({"id": good_id, "command": "pause", "args": {}}).encode(),
    }
    for name, data in evil.items():
        (run.inbox / name).write_bytes(data)
    secret = tmp_path / "secret.json"
    secret.write_text(json.dumps({"id": good_id, "command": "pause", "args": {}}))
    (run.inbox / f"{good_id}.json").symlink_to(secret)
    os.mkfifo(run.inbox / "pipe.json")
    (run.inbox / "folder.json").mkdir()
    assert writer.commands() == []
    acks = [e for e in run.tail(0)[0] if e.kind == "ack"]
    assert len(acks) == 8 and not any(a.accepted for a in acks) and all(a.note for a in acks)
    assert [p.name for p in run.inbox.iterdir()] == ["folder.json"] and secret.exists()
    assert writer.commands() == [] and len([e for e in run.tail(0)[0] if e.kind == "ack"]) == 8
    writer.close()


def test_starting_over_puts_everything_aside(store):
    run = store.create(JOB)
    writer = RunWriter(run, beat=0)
    writer.emit("log", text="x")
    with pytest.raises(StorageError, match="start over"):
        run.start_over()
    writer.finish({}, "failed")
    run.start_over()
    assert (run.state(), run.result(), run.tail(0)) == ("queued", None, ([], 0))
    assert len(list(run.path.glob("before-*/events.jsonl"))) == 1


def test_every_command_of_the_schema_is_known():
    assert set(commands.COMMANDS) == {"pause", "resume", "stop_epoch", "stop_now", "checkpoint", "set_lr"}
