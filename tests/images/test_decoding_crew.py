"""Decoding by processes gives what threads give; a file that brings a decoder down is named and no other is lost (D02)."""

import os
import signal
import threading
import time

import numpy as np
import pytest
from PIL import Image

from phasewise.kinds.images import cache, crew, decode, decoding, facts, files


def _folder(root, count=96, side=40):
    rng = np.random.default_rng(0)
    for i in range(count):
        place = root / "ab"[i % 2] / f"{i:03}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 255, (side, side + i % 7, 3), dtype=np.uint8)).save(place)
    (root / "a" / "text.png").write_text("no picture")
    return files.scan(root)


def _kill(band):
    for child in band._children:
        os.kill(child.pid, signal.SIGKILL)
        while not child.ended():
            time.sleep(0.01)


@pytest.fixture
def patient(monkeypatch):
    """Threads wait until the processes are up instead of doing the work meanwhile."""

    def grow(self, real=crew.Crew.grow):
        before = len(self._children)
        real(self)
        while len(self._children) > before and self._idle.qsize() < len(self._children):
            time.sleep(0.01)

    monkeypatch.setattr(crew.Crew, "grow", grow)


def test_threads_go_on_while_processes_start(tmp_path, monkeypatch):
    listing = _folder(tmp_path / "d", 8)
    monkeypatch.setattr(crew._Child, "ready", lambda self: threading.Event().wait())
    built = cache.build(listing, tmp_path / "c", 16, 3, workers=2, apart=0.0)
    assert sum(not f.error for f in built.facts) == 8


@pytest.mark.usefixtures("patient")
def test_processes_give_the_same_bytes_and_facts_as_threads(tmp_path, monkeypatch):
    listing = _folder(tmp_path / "d")
    started = []
    monkeypatch.setattr(crew, "_started", lambda count, real=crew._started: started.append(count) or real(count))
    threads = cache.build(listing, tmp_path / "t", 24, 3, workers=2, apart=1e9)
    assert not started
    processes = cache.build(listing, tmp_path / "p", 24, 3, workers=2, apart=0.0)
    assert started == [2]
    assert np.array_equal(threads.pixels, processes.pixels) and threads.facts == processes.facts
    assert [listing.items[i].path for i, f in enumerate(processes.facts) if f.error] == ["a/text.png"]


def _asked(tmp_path):
    """An order to decode a small folder into a file that is there, and the rows to read."""
    listing = _folder(tmp_path / "d", 8)
    place = tmp_path / "store"
    place.write_bytes(bytes(10 * 16 * 16 * 3))
    order = crew.Order(root=str(listing.root), place=str(place), start=0, size=16, channels=3, resize="crop")
    rows = [(i, item.path) for i, item in enumerate(listing.items)]
    return order, rows


@pytest.mark.usefixtures("patient")
def test_a_dead_process_is_replaced_and_its_rows_are_read(tmp_path):
    order, rows = _asked(tmp_path)
    with crew.Crew(order, 10_000_000, 2, apart=0.0) as band:
        first = band.fill(rows[:2])
        band.grow()
        old = [child.pid for child in band._children]
        _kill(band)
        assert decoding.parsed(first) + decoding.parsed(band.fill(rows[2:])) == decoding.parsed(decoding.fill(order, rows, band._store))
        assert all(pid > 0 for pid in old) and {child.pid for child in band._children} != set(old)
        processes = [process for child in band._children for process in child._processes]
    assert all(process.returncode is not None for process in processes)


@pytest.mark.usefixtures("patient")
def test_where_no_other_process_can_be_had_the_threads_read_the_rows(tmp_path, monkeypatch):
    order, rows = _asked(tmp_path)
    with crew.Crew(order, 10_000_000, 2, apart=0.0) as band:
        band.fill(rows[:1])
        band.grow()

        def none(count):
            raise OSError("no process")

        monkeypatch.setattr(crew, "_started", none)
        _kill(band)
        found = [fact for row in rows for _, fact in decoding.parsed(band.fill([row]))]
    assert [fact.error != "" for fact in found] == [path.endswith("text.png") for _, path in rows] and not any("crashed" in fact.error for fact in found)


def test_a_program_that_does_not_start_leaves_the_work_to_the_threads(tmp_path, monkeypatch):
    listing = _folder(tmp_path / "d", 40)
    monkeypatch.setattr(crew.sys, "executable", "/bin/false")
    built = cache.build(listing, tmp_path / "c", 16, 3, workers=2, apart=0.0)
    assert [listing.items[i].path for i, f in enumerate(built.facts) if f.error] == ["a/text.png"]


@pytest.mark.usefixtures("patient")
def test_the_file_that_kills_the_decoder_is_named_and_the_others_are_kept(tmp_path, monkeypatch):
    listing = _folder(tmp_path / "d")

    def deadly(self, rows):
        if any(path.endswith("095.png") for _, path in rows):
            raise BrokenPipeError
        return decoding.line([i for i, _ in rows], [facts.Facts(width=1).values] * len(rows))

    monkeypatch.setattr(crew._Child, "fill", deadly)
    monkeypatch.setattr(cache, "CHUNK", 8)
    built = cache.build(listing, tmp_path / "c", 16, 3, workers=2, apart=0.0)
    broken = {item.path: f.error for item, f in zip(listing.items, built.facts, strict=True) if f.error}
    assert broken["b/095.png"] == "broken: the decoder crashed on it" and set(broken) <= {"b/095.png", "a/text.png"}


@pytest.mark.parametrize("side", [28, 128, 200])
def test_facts_of_a_thinned_picture_are_those_of_the_whole(tmp_path, side):
    rng = np.random.default_rng(1)
    for i in range(6):
        rough = Image.fromarray(rng.integers(0, 255, (9, 9, 3), dtype=np.uint8)).resize((side, side), Image.Resampling.BICUBIC)
        rough.save(tmp_path / f"{i}.png")
        array, found = decode.decode(tmp_path / f"{i}.png", side, 3)
        grey = np.asarray(rough.convert("L"), dtype=float)
        inner = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:] - 4 * grey[1:-1, 1:-1]
        assert found.bright == pytest.approx(grey.mean(), abs=1.5) and found.contrast == pytest.approx(grey.std(), abs=1.5)
        assert found.sharpness == pytest.approx(np.log1p(inner.var()), abs=0.25)
        assert found.low == pytest.approx(np.quantile(grey, 0.05), abs=4) and found.high == pytest.approx(np.quantile(grey, 0.99), abs=4)
        top = array.max(2).astype(float)
        assert found.saturation == pytest.approx(((top - array.min(2)) / np.maximum(top, 1)).mean(), abs=0.03)
        edges = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
        assert found.border == pytest.approx(edges.mean(), abs=0.01)
