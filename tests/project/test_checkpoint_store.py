"""Checkpoints: kept are the last two and the best; loading walks back over every damaged one (rule 5, T13)."""

import random

import pytest

from phasewise.project.checkpoints import CheckpointStore, Saved
from phasewise.records.errors import StorageError


class Events:
    def __init__(self):
        self.all = []

    def __call__(self, **fields):
        self.all.append(type("E", (), {"kind": "checkpoint", **fields}))


def test_last_two_and_best_are_kept(tmp_path):
    store = CheckpointStore(tmp_path, Events())
    for step in range(1, 8):
        store.save(b"%d" % step, step=step, best=step == 3)
    assert sorted(p.name for p in tmp_path.iterdir()) == [f"step-{s:09d}.safetensors" for s in (3, 6, 7)]
    assert store.best().step == 3 and store.newest().read() == b"7"


def test_a_writing_function_gets_a_path_beside_the_target(tmp_path):
    seen = []

    def write(path):
        seen.append(path)
        path.write_bytes(b"weights")

    saved = CheckpointStore(tmp_path, Events()).save(write, step=5)
    assert seen[0].parent == tmp_path and saved.read() == b"weights"
    assert [p.name for p in tmp_path.iterdir()] == [saved.path.name]


def test_a_writing_function_that_fails_leaves_nothing(tmp_path):
    events = Events()

    def write(path):
        path.write_bytes(b"half")
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        CheckpointStore(tmp_path, events).save(write, step=5)
    assert list(tmp_path.iterdir()) == [] and events.all == []


def test_the_same_step_twice_never_overwrites_an_announced_file(tmp_path):
    store = CheckpointStore(tmp_path, Events())
    a, b = store.save(b"a", step=1), store.save(b"b", step=1)
    assert a.path != b.path and a.read() == b"a" and store.newest().read() == b"b"


def test_every_damage_is_seen_and_the_one_before_is_used(tmp_path):
    events = Events()
    store = CheckpointStore(tmp_path, events)
    store.save(random.Random(1).randbytes(5000), step=1)
    newest = store.save(random.Random(2).randbytes(5000), step=2)
    whole = newest.path.read_bytes()
    rng = random.Random(3)
    for _ in range(200):
        at = rng.randrange(5000)
        newest.path.write_bytes(whole[:at] + bytes([whole[at] ^ (1 << rng.randrange(8))]) + whole[at + 1 :])
        assert CheckpointStore.of_events(tmp_path, events, events.all).newest().step == 1
    for cut in range(0, 5000, 100):
        newest.path.write_bytes(whole[:cut])
        assert CheckpointStore.of_events(tmp_path, events, events.all).newest().step == 1


def test_without_any_whole_checkpoint_nobody_starts_from_zero_unasked(tmp_path):
    events = Events()
    store = CheckpointStore(tmp_path, events)
    assert store.newest() is None
    store.save(b"a", step=1).path.unlink()
    with pytest.raises(StorageError, match="no checkpoint"):
        store.newest()
    assert store.best() is None


def test_names_and_links_that_are_not_ours_are_not_followed(tmp_path):
    secret = tmp_path / "secret"
    secret.write_bytes(b"s")
    folder = tmp_path / "checkpoints"
    folder.mkdir()
    evil = [type("E", (), {"kind": "checkpoint", "file": name, "step": 1, "sha256": "", "best": False}) for name in ("../secret", "/etc/passwd", "step-000000001.safetensors/../../secret")]
    assert CheckpointStore.of_events(folder, Events(), evil).known == []
    (folder / "step-000000001.safetensors").symlink_to(secret)
    store = CheckpointStore(folder, Events(), [Saved(path=folder / "step-000000001.safetensors", step=1, sha256="043a718774c572bd8a25adbeb1bfcd5c0256ae11cecf9f9c3f925d0e52beaf89")])
    with pytest.raises(StorageError):
        store.newest()
