"""A full disk at every size: a clear error, nothing corrupt, nothing acknowledged lost (T4). RLIMIT_FSIZE needs no root."""

import errno
import os
import resource

import pytest

from phasewise.project import atomic
from phasewise.project.atomic import DiskFull
from phasewise.project.checkpoints import CheckpointStore, check_room
from phasewise.project.journal import Journal
from phasewise.project.lines import decode
from phasewise.project.runs import RunStore
from phasewise.project.writer import RunWriter
from phasewise.records.jobs import DataView, ProfileJob

JOB = ProfileJob(phase="data", data=DataView(kind="tabular", file="x.csv"))


def limited(limit, work):
    """Runs `work(say)` in a child that may write files of at most `limit` bytes; returns what it said."""
    told, tell = os.pipe()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
            work(lambda text: os.write(tell, text.encode() + b"\n"))
            code = 0
        finally:
            os._exit(code)
    os.close(tell)
    with open(told, "rb") as file:
        said = file.read().decode().split()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    return said


def test_the_journal_at_every_size(tmp_path):
    def work(say):
        journal = Journal(path, writable=True)
        for i in range(6):
            try:
                journal.append("note", {"i": i})
            except DiskFull:
                say("full")
                break
            say(str(i))

    for limit in range(0, 1100, 13):
        path = tmp_path / f"j{limit}"
        said = limited(limit, work)
        acknowledged = [int(x) for x in said if x != "full"]
        data = path.read_bytes()
        assert not data or data.endswith(b"\n")
        journal = Journal(path, writable=True)
        assert not journal.damage and not journal.repaired
        assert [e.data["i"] for e in journal.entries()] == acknowledged
        assert ("full" in said) == (len(acknowledged) < 6)


def test_atomic_replace_at_every_size(tmp_path):
    path = tmp_path / "settings"
    path.write_bytes(b"old" * 50)

    def work(say):
        try:
            atomic.replace(path, b"new" * 300)
            say("new")
        except DiskFull:
            say("full")

    for limit in range(0, 1000, 90):
        said = limited(limit, work)
        assert path.read_bytes() == (b"new" * 300 if said == ["new"] else b"old" * 50)
        assert [p.name for p in tmp_path.iterdir()] == ["settings"]
        path.write_bytes(b"old" * 50)


def test_checkpoints_at_every_size_keep_the_one_before(tmp_path):
    def work(say):
        store = CheckpointStore(tmp_path, lambda **event: say(f"{event['step']}:{event['sha256']}"), [])
        for step, size in ((1, 1000), (2, 3000)):
            try:
                store.save(bytes([step]) * size, step=step)
            except DiskFull:
                say("full")

    for limit in (0, 1, 500, 999, 1000, 2999, 3000):
        said = limited(limit, work)
        names = sorted(p.name for p in tmp_path.iterdir())
        assert names == [f"step-{int(s.split(':')[0]):09d}.safetensors" for s in said if s != "full"]
        assert len(names) == (limit >= 1000) + (limit >= 3000)
        for p in tmp_path.iterdir():
            p.unlink()


def test_the_end_of_a_run_is_recorded_from_the_reserve(tmp_path, monkeypatch):
    """Everything fails with ENOSPC as long as the reserve exists: giving it up makes room for the last words."""
    run = RunStore(tmp_path).create(JOB)
    writer = RunWriter(run, beat=0)
    reserve = run.path / ".reserve"
    assert reserve.stat().st_size >= 1 << 16
    real = os.write

    def write(fd, data):
        if reserve.exists():
            raise OSError(errno.ENOSPC, "No space left on device")
        return real(fd, data)

    monkeypatch.setattr(atomic.os, "write", write)
    with pytest.raises(DiskFull, match="no room left"):
        writer.emit("log", text="not important enough")
    writer.emit("error", type="DiskFull", message="full")
    writer.finish(None, "failed", 1)
    monkeypatch.undo()
    assert [e.kind for e in run.tail(0)[0]] == ["error", "finished"] and run.state() == "failed"
    assert all(decode(line) for line in run.events_path.read_bytes().splitlines())


def test_a_heartbeat_that_found_the_disk_full_is_told_to_the_job(tmp_path, monkeypatch):
    writer = RunWriter(RunStore(tmp_path).create(JOB), beat=0.02)
    monkeypatch.setattr(atomic.os, "write", lambda fd, data: (_ for _ in ()).throw(OSError(errno.ENOSPC, "No space left on device")))
    import time

    end = time.monotonic() + 60
    while writer._failure is None and time.monotonic() < end:
        time.sleep(0.01)
    monkeypatch.undo()
    with pytest.raises(DiskFull):
        writer.emit("log", text="x")
    writer.finish(None, "failed", 1)


def test_the_preflight_says_how_much_is_missing(tmp_path):
    with pytest.raises(DiskFull, match="not enough room") as caught:
        check_room(tmp_path, 10**18)
    assert "MB are needed" in caught.value.cause
    check_room(tmp_path, 1)
