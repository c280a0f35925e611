"""The vault: rows leave only after the opening is in the ledger; every change is seen (checks.md 7.3, 7.4, 7.7)."""

import json
import os

import pytest

from phasewise.project import atomic
from phasewise.project.manifest import merkle_root, row_hashes
from phasewise.project.scramble import close_up, open_up
from phasewise.project.vault import Vault
from phasewise.project.vault_ledger import CONTAINER, LEDGER, MANIFEST, NEXT, Ledger, verify
from phasewise.records.errors import GateError, StorageError

ROWS = b"age,label\n" + b"".join(b"%d,yes\n" % i for i in range(500))


def manifest(**change):
    return {"claim": "new_rows", "policy": "stratified", "seed": 3, "sources": [{"name": "a.csv"}], "parts": {"train": {"rows": 9}, "test": {"rows": 500}}, **change}


@pytest.fixture
def sealed(tmp_path):
    with Vault(tmp_path) as vault:
        vault.seal(ROWS, manifest())
    return tmp_path


def test_the_container_shows_nothing_and_gives_everything_back(sealed):
    container = (sealed / "vault" / CONTAINER).read_bytes()
    assert b"label" not in container and b"yes" not in container
    with Vault(sealed) as vault:
        vault.freeze("f1", {})
        assert vault.open_container("first", "f1").data == ROWS


def test_scrambling_is_its_own_inverse_over_block_borders():
    data = os.urandom((1 << 20) + 17) * 2
    assert open_up(close_up(data, "ab" * 32, "cd" * 32), "ab" * 32, "cd" * 32) == data
    with pytest.raises(StorageError):
        open_up(close_up(data, "ab" * 32, "cd" * 32), "ab" * 32, "ce" * 32)


def test_the_opening_is_in_the_ledger_before_the_rows_leave(sealed, monkeypatch):
    """If the rows cannot be given after all, the look was still counted."""
    vault = Vault(sealed)
    vault.freeze("f1", {})
    monkeypatch.setattr(vault, "_rows", lambda seal: (_ for _ in ()).throw(RuntimeError("killed here")))
    with pytest.raises(RuntimeError):
        vault.open_container("first", "f1", run="0009-open_vault")
    vault.close()
    assert verify(sealed).looks == 1
    with Vault(sealed) as again:
        assert again.open_container("first", "f1", run="0009-open_vault").look == 1
        assert again.open_container("second", "f1", run="0010-open_vault").look == 2


def test_an_opening_that_cannot_be_recorded_gives_no_rows(sealed, monkeypatch):
    with Vault(sealed) as vault:
        vault.freeze("f1", {})

        def full(*_a, **_k):
            raise atomic.DiskFull("full")

        monkeypatch.setattr(vault.ledger, "append", full)
        monkeypatch.setattr(vault, "_rows", lambda seal: pytest.fail("rows were read"))
        with pytest.raises(atomic.DiskFull):
            vault.open_container("first", "f1")


def test_looks_need_freeze_reason_and_stay_within_the_limit(sealed):
    with Vault(sealed) as vault:
        with pytest.raises(GateError, match="not frozen"):
            vault.open_container("x", "f1")
        vault.freeze("f1", {"threshold": 0.5})
        vault.freeze("f1", {"threshold": 0.5})
        assert len(vault.ledger.entries("freeze")) == 1
        assert vault.open_container("", "f1").level == 0.95
        with pytest.raises(GateError, match="reason"):
            vault.open_container(" ", "f1")
        assert vault.open_container("new data", "f1").level == 1 - 0.05 / 2
        assert vault.open_container("again", "f1").look == 3
        with pytest.raises(GateError, match="too often"):
            vault.open_container("again", "f1")
        vault.override("the board asked")
        assert vault.open_container("again", "f1").look == 4
        assert vault.ledger.looks() == 4


def test_resplits_are_counted_and_take_a_reason_after_the_first_score(tmp_path):
    with Vault(tmp_path) as vault:
        first = vault.seal(ROWS, manifest())
        digests = {first} | {vault.seal(ROWS, manifest(seed=i)) for i in range(3)}
        assert len(digests) == 4
        with pytest.raises(GateError, match="too often"):
            vault.seal(ROWS, manifest(seed=9))
        assert [e.kind for e in vault.ledger.entries()] == ["seal", "resplit", "resplit", "resplit"]
        vault.seal(b"fresh", manifest(generation=2))
        vault.count_scores({"metric": "roc_auc", "n": 100}, count=12)
        assert vault.ledger.evaluations() == vault.ledger.counted() == 12
        with pytest.raises(GateError, match="were scored on this split"):
            vault.seal(ROWS, manifest(generation=2))
        vault.seal(b"other", manifest(generation=2), reason="patients were in two parts")
        assert vault.ledger.entries()[-1].data["reason"] == "patients were in two parts"
        assert vault.ledger.evaluations() == 12 and vault.ledger.counted() == 0
        with pytest.raises(GateError, match="were scored on this split"):
            vault.seal(ROWS, manifest(generation=2))
        vault.freeze("f1", {})
        vault.open_container("", "f1")
        with pytest.raises(GateError, match="cannot be changed"):
            vault.seal(ROWS, manifest(generation=2), reason="once more")


def test_generation_two_demotes_the_old_set(sealed):
    with Vault(sealed) as vault:
        vault.freeze("f1", {})
        vault.open_container("", "f1")
        assert vault.demote("the real world disagreed") == ROWS
        with pytest.raises(GateError, match="burnt"):
            vault.open_container("again", "f1")
        vault.seal(b"field rows", manifest(generation=2))
        assert (vault.ledger.generation(), vault.ledger.looks()) == (2, 0)
        vault.freeze("f2", {})
        assert vault.open_container("", "f2").data == b"field rows"


def test_stored_predictions_exist_only_after_an_opening_and_are_scrambled(sealed):
    with Vault(sealed) as vault:
        with pytest.raises(GateError):
            vault.store("model", b"probabilities")
        vault.freeze("f1", {})
        vault.open_container("", "f1")
        vault.store("0004-fit.best", b"probabilities" * 50)
        assert vault.stored("0004-fit.best") == b"probabilities" * 50
        assert vault.stored_names() == ["0004-fit.best"]
        path = sealed / "vault" / "store" / "1-0004-fit.best.bin"
        assert b"probabilities" not in path.read_bytes()
        path.write_bytes(path.read_bytes()[:-1] + b"x")
        with pytest.raises(StorageError, match="changed"):
            vault.stored("0004-fit.best")
        with pytest.raises(ValueError):
            vault.store("../x", b"")


def test_every_flipped_byte_of_ledger_manifest_and_container_is_seen(sealed):
    with Vault(sealed) as vault:
        vault.freeze("f1", {})
        vault.open_container("", "f1")
        digest = vault.manifest()["digest"]
    assert verify(sealed, manifest=digest, looks=1).ok
    for name, step in ((LEDGER, 7), (MANIFEST, 3), (CONTAINER, 11)):
        path = sealed / "vault" / name
        whole = path.read_bytes()
        unseen = []
        for at in range(0, len(whole), step):
            path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x20]) + whole[at + 1 :])
            if verify(sealed, manifest=digest, looks=1).ok:
                unseen.append(at)
        path.write_bytes(whole)
        if name == MANIFEST:  # another spelling of the same JSON value is the same manifest
            unseen = [at for at in unseen if json.loads(whole) != json.loads(whole[:at] + bytes([whole[at] ^ 0x20]) + whole[at + 1 :])]
        assert unseen == []


def test_a_changed_container_is_refused_and_no_look_is_spent(sealed):
    path = sealed / "vault" / CONTAINER
    data = bytearray(path.read_bytes())
    data[40] ^= 1
    path.write_bytes(bytes(data))
    with Vault(sealed) as vault:
        vault.freeze("f1", {})
        with pytest.raises(StorageError, match="changed"):
            vault.open_container("", "f1")
        assert vault.ledger.looks() == 0


def test_a_ledger_cut_back_as_a_whole_is_found_by_the_journal(sealed):
    before = (sealed / "vault" / LEDGER).read_bytes()
    with Vault(sealed) as vault:
        digest = vault.manifest()["digest"]
        vault.freeze("f1", {})
        vault.open_container("", "f1")
    (sealed / "vault" / LEDGER).write_bytes(before)
    assert verify(sealed).ok  # the chain alone cannot tell
    assert not verify(sealed, looks=1).ok
    assert not verify(sealed, manifest="other", looks=0).ok
    assert verify(sealed, manifest=digest, looks=0).ok


@pytest.mark.parametrize("cut", ["before ledger", "before rename", "before manifest"])
def test_a_sealing_that_was_cut_is_all_or_nothing(sealed, cut, monkeypatch):
    vault = Vault(sealed)
    old = vault.manifest()["digest"]

    class Cut(BaseException):
        pass

    def stop(*_a, **_k):
        raise Cut

    if cut == "before ledger":
        monkeypatch.setattr(vault.ledger, "append", stop)
    elif cut == "before rename":
        monkeypatch.setattr(atomic, "publish", stop)
    else:
        real = atomic.replace
        monkeypatch.setattr(atomic, "replace", lambda path, data, **k: stop() if path.name == MANIFEST else real(path, data, **k))
    with pytest.raises(Cut):
        vault.seal(b"other rows", manifest(seed=4))
    vault.close()
    monkeypatch.undo()
    with Vault(sealed) as again:
        assert verify(sealed).ok
        assert not (sealed / "vault" / NEXT).exists()
        again.freeze("f1", {})
        rows = again.open_container("", "f1").data
        assert (rows == ROWS) == (again.manifest()["digest"] == old) == (cut == "before ledger")


def test_the_manifest_must_not_list_test_rows(tmp_path):
    hashes = row_hashes([b"%d" % i for i in range(20)], "salt")
    with Vault(tmp_path) as vault:
        with pytest.raises(ValueError, match="Merkle"):
            vault.seal(b"x", manifest(parts={"test": {"rows": 20, "hashes": hashes}}))
        vault.seal(b"x", manifest(parts={"test": {"rows": 20, "merkle_root": merkle_root(hashes)}}))


def test_merkle_root_commits_to_every_row_and_its_order():
    hashes = row_hashes([b"a", b"b", b"c"], "s")
    root = merkle_root(hashes)
    assert root != merkle_root([hashes[1], hashes[0], hashes[2]])
    assert root != merkle_root(hashes[:2]) != merkle_root(hashes[:1])
    assert root != merkle_root(row_hashes([b"a", b"b", b"c"], "t"))
    assert merkle_root([]) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_two_vault_jobs_at_once_are_refused(sealed):
    with Vault(sealed), pytest.raises(StorageError, match="in use"):
        Vault(sealed)


def test_a_changed_ledger_is_not_written_on(sealed):
    path = sealed / "vault" / LEDGER
    with Vault(sealed) as vault:
        vault.freeze("f1", {})
    lines = path.read_bytes().split(b"\n")
    path.write_bytes(b"\n".join([lines[0][:50] + b"X" + lines[0][51:], *lines[1:]]))
    with pytest.raises(StorageError, match="changed"):
        Vault(sealed)
    with pytest.raises(StorageError):
        Ledger(sealed / "vault", writable=False)
