"""Opening a project: one writer, observers with a reason, foreign and newer folders, repairs that are said aloud (T5, T7, T8, T12)."""

import errno
import fcntl
import os
import signal
import subprocess
import sys
import time

import pytest

from phasewise.project import lock as lock_module
from phasewise.project.folder import Project, is_project
from phasewise.project.lock import Lock, is_held
from phasewise.records.errors import StorageError
from phasewise.records.jobs import DataView, ProfileJob

JOB = ProfileJob(phase="data", data=DataView(kind="tabular", file="x.csv"))


def test_create_refuses_foreign_folders_and_existing_projects(tmp_path):
    (tmp_path / "thesis.docx").write_text("x")
    with pytest.raises(StorageError, match="not empty"):
        Project.create(tmp_path)
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / ".git").mkdir()
    Project.create(tmp_path / "new", "n").close()
    with pytest.raises(StorageError, match="already"):
        Project.create(tmp_path / "new")
    with pytest.raises(StorageError, match="no project"):
        Project.open(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["new", "thesis.docx"]


def test_a_creation_that_was_cut_can_be_done_again(tmp_path, monkeypatch):
    def cut(*_a):
        raise KeyboardInterrupt

    monkeypatch.setattr("phasewise.project.settings.Settings.create", cut)
    with pytest.raises(KeyboardInterrupt):
        Project.create(tmp_path / "p", "first")
    monkeypatch.undo()
    assert not is_project(tmp_path / "p")
    with Project.create(tmp_path / "p", "first") as project:
        assert [e.kind for e in project.journal.entries()] == ["created"]


def test_the_second_writer_is_an_observer_until_the_first_closes(tmp_path):
    first = Project.create(tmp_path / "p", "name")
    second = Project.open(tmp_path / "p")
    assert second.read_only and f"process {os.getpid()}" in second.read_only_why
    for act in (lambda: second.journal.append("note", {}), lambda: second.settings.save({}), lambda: second.runs.create(JOB)):
        with pytest.raises(StorageError):
            act()
    run = first.runs.create(JOB)
    with pytest.raises(StorageError, match="steered"):
        second.runs.get(run.id).post("pause")
    first.journal.append("note", {"text": "seen"})
    assert second.journal.entries()[-1].data == {"text": "seen"}
    first.close()
    with Project.open(tmp_path / "p") as third:
        assert not third.read_only and third.name == "name"


def _open_and_tell(folder, pipe, go, leave):
    os.read(go, 1)
    project = Project.open(folder)
    os.write(pipe, b"W" if not project.read_only else b"r")
    os.read(leave, 1)  # nobody leaves before everybody has looked
    os._exit(0)


@pytest.mark.parametrize("round_", range(6))
def test_races_have_exactly_one_winner(tmp_path, round_):
    Project.create(tmp_path / "p").close()
    told, tell = os.pipe()
    waits, go = os.pipe()
    stays, leave = os.pipe()
    children = []
    for _ in range(5):
        child = os.fork()
        if child == 0:
            try:
                _open_and_tell(tmp_path / "p", tell, waits, stays)
            finally:
                os._exit(1)
        children.append(child)
    os.write(go, b"x" * 5)
    answers = b"".join(os.read(told, 1) for _ in children)
    os.write(leave, b"x" * 5)
    for child in children:
        os.waitpid(child, 0)
    assert sorted(answers) == sorted(b"Wrrrr")


def test_the_lock_is_free_right_after_kill_9_of_its_owner(tmp_path):
    path = tmp_path / "lock"
    ready, tell = os.pipe()
    child = os.fork()
    if child == 0:
        Lock(path).acquire()
        keep = Lock(path)
        keep.acquire()
        os.write(tell, b"x")
        time.sleep(60)
        os._exit(0)
    os.read(ready, 1)
    assert is_held(path)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    assert not is_held(path) and Lock(path).acquire()


def test_a_forked_child_does_not_keep_the_lock_alive(tmp_path):
    """The trap of DataLoader workers: they inherit the descriptor, and their owner is killed."""
    path = tmp_path / "lock"
    ready, tell = os.pipe()
    owner = os.fork()
    if owner == 0:
        mine = Lock(path)
        mine.acquire()
        grandchild = os.fork()
        if grandchild == 0:
            os.write(tell, b"%9d" % os.getpid())
            time.sleep(30)
        time.sleep(30)
        os._exit(0)
    grandchild = int(os.read(ready, 9))
    try:
        assert is_held(path)  # the child's closing did not take the lock from its parent
        os.kill(owner, signal.SIGKILL)
        os.waitpid(owner, 0)
        assert not is_held(path)
    finally:
        os.kill(grandchild, signal.SIGKILL)


def test_readers_asking_all_the_time_do_not_keep_a_writer_out(tmp_path):
    Lock(tmp_path / "lock").acquire()
    child = os.fork()
    if child == 0:
        while True:
            is_held(tmp_path / "lock")
    try:
        for _ in range(50):
            mine = Lock(tmp_path / "lock")
            assert mine.acquire()
            mine.release()
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def test_file_systems_without_locks_give_observers_with_the_reason(tmp_path, monkeypatch):
    Project.create(tmp_path / "p").close()
    monkeypatch.setattr(lock_module.fcntl, "flock", lambda *a: (_ for _ in ()).throw(OSError(errno.ENOLCK, "No locks available")))
    project = Project.open(tmp_path / "p")
    assert project.read_only and "does not support locks" in project.read_only_why
    assert fcntl.flock


def test_a_folder_without_write_permission_opens_for_reading(tmp_path, monkeypatch):
    Project.create(tmp_path / "p", "n").close()
    if os.geteuid() == 0:  # root may write anywhere: say what the system would say to others
        monkeypatch.setattr("phasewise.project.folder.os.access", lambda path, mode: False)
    else:
        (tmp_path / "p").chmod(0o500)
    project = Project.open(tmp_path / "p")
    assert project.read_only and "permission" in project.read_only_why
    assert project.name == "n" and len(project.journal.entries()) == 1
    (tmp_path / "p").chmod(0o700)


def test_a_newer_project_opens_for_reading_and_is_not_touched(tmp_path):
    Project.create(tmp_path / "p").close()
    file = tmp_path / "p" / "phasewise.toml"
    file.write_text(file.read_text().replace("schema = 1", "schema = 7") + "\n[goals]\nmetric = 'rmse'\nwish = 1\n")
    before = file.read_bytes()
    project = Project.open(tmp_path / "p")
    assert project.read_only and "newer Phasewise (format 7" in project.read_only_why
    assert project.settings.load() == {"goals": {"metric": "rmse"}}
    assert file.read_bytes() == before
    other = Project.open(tmp_path / "p")
    assert "newer" in other.read_only_why  # the lock was given back


def test_a_torn_journal_is_repaired_and_said(tmp_path):
    Project.create(tmp_path / "p").close()
    with open(tmp_path / "p" / "journal.jsonl", "ab") as file:
        file.write(b'{"seq":2,"t":1.0,"ki')
    with Project.open(tmp_path / "p", read_only=True) as reader:
        assert reader.notices == []
    with Project.open(tmp_path / "p") as project:
        assert "unfinished last line" in project.notices[0] and not project.read_only
    with Project.open(tmp_path / "p") as again:
        assert again.notices == []


def test_a_damaged_journal_opens_for_reading_with_the_reason(tmp_path):
    with Project.create(tmp_path / "p", "abc") as project:
        project.journal.append("note", {"text": "second"})
    path = tmp_path / "p" / "journal.jsonl"
    path.write_bytes(path.read_bytes().replace(b"abc", b"abd"))
    project = Project.open(tmp_path / "p")
    assert project.read_only and "damaged" in project.read_only_why and "damaged" in project.notices[0]


def test_left_over_temporaries_are_swept_by_the_next_writer_only(tmp_path):
    Project.create(tmp_path / "p").close()
    left = tmp_path / "p" / ".phasewise.toml.99.abcd.tmp"
    left.write_bytes(b"half")
    Project.open(tmp_path / "p", read_only=True).close()
    assert left.exists()
    Project.open(tmp_path / "p").close()
    assert not left.exists()


def test_a_folder_deleted_under_the_app_is_said_clearly(tmp_path):
    import shutil

    project = Project.create(tmp_path / "p")
    run = project.runs.create(JOB)
    shutil.rmtree(tmp_path / "p")
    for act in (lambda: project.journal.append("note", {}), lambda: project.runs.create(JOB), lambda: project.settings.save({"goals": {"metric": "rmse"}}), lambda: run.post("pause")):
        with pytest.raises(StorageError):
            act()
    assert (run.state(), project.runs.list(), run.tail(0), run.result()) == ("lost", [], ([], 0), None)


def test_opening_a_project_is_cheap(tmp_path):
    """First paint: no pydantic, torch, scikit-learn, polars or numpy on the way to an open project."""
    Project.create(tmp_path / "p", "n").close()
    code = (
        "import sys; from phasewise.project.folder import Project; p = Project.open(sys.argv[1]); p.name; p.journal.entries(); p.runs.list();"
        "print([m for m in ('pydantic', 'torch', 'sklearn', 'polars', 'numpy', 'scipy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "p")], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
