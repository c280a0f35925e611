"""The journal: torn tails at every byte, every flipped byte, chain, durability, clocks that jump (T3, T11, T13)."""

import errno
import os

import pytest

from phasewise.project import atomic, lines
from phasewise.project.journal import START, Journal
from phasewise.records.errors import StorageError


def filled(path, count=4):
    journal = Journal(path, writable=True, clock=lambda: 1000.0)
    for i in range(count):
        journal.append("note", {"i": i, "text": f"tab\t line\n snow \u2603 {i}"})
    journal.close()
    return path.read_bytes()


def test_entries_come_back_in_order_with_an_unbroken_chain(tmp_path):
    filled(tmp_path / "j")
    entries = Journal(tmp_path / "j", writable=False).entries()
    assert [e.seq for e in entries] == [1, 2, 3, 4]
    assert [e.prev for e in entries] == [START, *(e.digest for e in entries[:-1])]
    assert entries[2].data["text"] == "tab\t line\n snow \u2603 2"


def test_a_tail_torn_at_every_byte_is_cut_kept_and_reported(tmp_path):
    whole = filled(tmp_path / "j")
    keep = whole[: whole.rstrip(b"\n").rfind(b"\n") + 1]
    for length in range(len(keep), len(whole)):
        path = tmp_path / f"t{length}"
        path.write_bytes(whole[:length])
        reader = Journal(path, writable=False)
        assert len(reader.entries()) == 3 and not reader.damage and path.stat().st_size == length
        journal = Journal(path, writable=True)
        assert len(journal.entries()) == 3
        torn = whole[len(keep) : length]
        assert bool(journal.repaired) == bool(torn)
        if torn:
            assert path.with_name(f"{path.name}.torn-{len(keep)}").read_bytes() == torn
        assert journal.append("note", {"after": True}).seq == 4
        journal.close()
        assert [e.data.get("after") for e in Journal(path, writable=False).entries()] == [None, None, None, True]


def test_every_flipped_bit_is_seen(tmp_path):
    whole = filled(tmp_path / "j", 3)
    good = [e.digest for e in Journal(tmp_path / "j", writable=False).entries()]
    path = tmp_path / "flipped"
    for at in range(len(whole)):
        for bit in (0x01, 0x20, 0x80):
            path.write_bytes(whole[:at] + bytes([whole[at] ^ bit]) + whole[at + 1 :])
            journal = Journal(path, writable=False)
            found = [e.digest for e in journal.entries()]
            assert len(found) < 3 and found == good[: len(found)], at
            assert bool(journal.damage) == (at < whole.rstrip(b"\n").rfind(b"\n") + 1), at


def test_damage_in_the_middle_refuses_writing_and_keeps_what_is_before(tmp_path):
    whole = filled(tmp_path / "j")
    (tmp_path / "j").write_bytes(whole.replace(b'"i":1', b'"i":7'))
    journal = Journal(tmp_path / "j", writable=True)
    assert "Line 2 is damaged" in journal.damage and len(journal.entries()) == 1 and not journal.writable
    with pytest.raises(StorageError, match="read-only"):
        journal.append("note", {})
    assert not list(tmp_path.glob("*.torn*"))


@pytest.mark.parametrize("change", ["removed", "swapped", "doubled", "forged"])
def test_lines_that_are_valid_alone_but_not_in_the_chain_are_damage(tmp_path, change):
    path = tmp_path / "j"
    a, b, c, d, _ = filled(path).split(b"\n")
    forged = lines.encode({**lines.decode(b), "data": {"i": 99}})
    order = {"removed": [a, c, d], "swapped": [a, c, b, d], "doubled": [a, b, b, c, d], "forged": [a, forged, c, d]}[change]
    path.write_bytes(b"\n".join([*order, b""]))
    assert "does not continue" in Journal(path, writable=True).damage


def test_lines_of_the_quick_class_may_tear_together_but_never_a_durable_one(tmp_path):
    path = tmp_path / "j"
    journal = Journal(path, writable=True)
    journal.append("note", {"i": 0})
    journal.append("note", {"i": 1}, durable=False)
    journal.append("note", {"i": 2}, durable=False)
    journal.close()
    a, b, c, _ = path.read_bytes().split(b"\n")
    path.write_bytes(b"\n".join([a, bytes(len(b)), c, b""]))  # the first page was lost, the second came through
    again = Journal(path, writable=True)
    assert not again.damage and again.repaired and len(again.entries()) == 1
    again.close()
    path.write_bytes(b"\n".join([bytes(len(a)), b, c, b""]))
    assert len(Journal(path, writable=False).entries()) == 0


def test_order_does_not_hang_on_the_clock(tmp_path):
    times = iter([1e9, 1e9 - 86400, 1e9 + 3e8, 0.0])
    journal = Journal(tmp_path / "j", writable=True, clock=lambda: next(times))
    for i in range(4):
        journal.append("note", {"i": i})
    journal.close()
    assert [e.data["i"] for e in Journal(tmp_path / "j", writable=False).entries()] == [0, 1, 2, 3]


def test_a_reader_follows_the_writer(tmp_path):
    writer = Journal(tmp_path / "j", writable=True)
    reader = Journal(tmp_path / "j", writable=False)
    assert reader.entries() == []
    writer.append("note", {"i": 0})
    assert [e.data["i"] for e in reader.entries()] == [0]
    with open(tmp_path / "j", "ab") as file:
        file.write(b'{"half":')
    assert len(reader.entries()) == 1


def test_a_failed_sync_is_never_tried_again(tmp_path, monkeypatch):
    journal = Journal(tmp_path / "j", writable=True)
    monkeypatch.setattr(atomic.os, "fdatasync", lambda fd: (_ for _ in ()).throw(OSError(errno.EIO, "I/O error")))
    with pytest.raises(StorageError):
        journal.append("note", {})
    monkeypatch.undo()
    with pytest.raises(StorageError, match="cannot be written any more"):
        journal.append("note", {})


def test_a_journal_deleted_or_exchanged_under_the_app_is_noticed(tmp_path):
    journal = Journal(tmp_path / "j", writable=True)
    journal.append("note", {})
    os.rename(tmp_path / "j", tmp_path / "k")
    with pytest.raises(StorageError, match="not there"):
        journal.append("note", {})
    (tmp_path / "j").write_bytes(b"")
    with pytest.raises(StorageError, match="exchanged"):
        journal.append("note", {})


def test_a_linked_journal_is_refused(tmp_path):
    filled(tmp_path / "real")
    (tmp_path / "j").symlink_to(tmp_path / "real")
    with pytest.raises(StorageError, match="symbolic link"):
        Journal(tmp_path / "j", writable=True)


@pytest.mark.parametrize("evil", [b"[" * 100_000, b"\x00" * 64, b"{}" * 20, b'{"seq":"1"}'])
def test_hostile_lines_never_raise(tmp_path, evil):
    import zlib

    (tmp_path / "j").write_bytes(evil + b"\t%08x\n" % zlib.crc32(evil))
    journal = Journal(tmp_path / "j", writable=False)
    assert journal.entries() == []
