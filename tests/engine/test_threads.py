"""Members on several threads: the same bits, every piece of work done once, errors raised."""

import threading

import pytest
import torch
from tests.engine.helpers import members, mixed, same

from phasewise.engine import Halving, fit
from phasewise.engine.dense.module import DenseNet
from phasewise.engine.native import build, threads


@pytest.mark.skipif(isinstance(build.library(), str), reason=str(build.library()))
@pytest.mark.parametrize("network", [{}, {"batch_norm": False, "embeddings": False}])
def test_the_number_of_cores_changes_no_bit(monkeypatch, network):
    data, info = mixed()
    crew = members(7, network=network, ema=0.9, clip_norm=1.0)
    halving = Halving(rungs=(1, 2), keep=(5, 3))
    found = []
    for cores in ("1", "2", "5"):
        monkeypatch.setenv(threads.VARIABLE, cores)
        found.append(fit(crew, data, info, DenseNet, plan="compiled", halving=halving))
        assert found[-1].plan["buckets"][0]["cores"] == int(cores)
    assert all(same(a, b) for other in found[1:] for a, b in zip(found[0].members, other.members, strict=True))


def test_every_item_is_done_once_by_the_threads_asked_for():
    done, names, both = [], set(), threading.Barrier(3)

    def work(k: int, item: int) -> None:
        if item < 3:
            both.wait(timeout=30)  # three threads must be at it
        names.add((k, threading.get_ident()))
        done.append(item)

    threads.share(work, range(40), 3)
    assert sorted(done) == list(range(40)) and len(names) == 3


def test_an_error_ends_the_work_and_is_raised():
    def work(k: int, item: int) -> None:
        if item == 1:
            raise ValueError("planted")

    for count in (1, 2):
        with pytest.raises(ValueError, match="planted"):
            threads.share(work, range(100), count)


def test_cores_are_asked_for_or_as_many_as_torch_has_threads(monkeypatch):
    monkeypatch.delenv(threads.VARIABLE, raising=False)
    assert threads.cores(64) == min(64, torch.get_num_threads()) and threads.cores(1) == 1
    for asked, given in [("3", 3), ("0", torch.get_num_threads()), ("many", torch.get_num_threads())]:
        monkeypatch.setenv(threads.VARIABLE, asked)
        assert threads.cores(64) == min(64, given)
