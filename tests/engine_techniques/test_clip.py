"""Gradient clipping (T27): the finite check first, both modes, and the suggested threshold."""

import math

import pytest
import torch
from torch import nn

from phasewise.engine import clip
from phasewise.records.errors import UsageError


def with_grads(*values):
    out = []
    for v in values:
        p = nn.Parameter(torch.zeros(len(v)))
        p.grad = torch.tensor(v)
        out.append(p)
    return out


def test_norm_five_becomes_one_in_the_same_direction():
    params = with_grads([3.0], [4.0])
    seen = clip.clip(params, norm=1.0)
    assert seen.norm == pytest.approx(5) and seen.cut and seen.finite
    assert params[0].grad.item() == pytest.approx(0.6, abs=1e-5) and params[1].grad.item() == pytest.approx(0.8, abs=1e-5)
    small = with_grads([0.3, 0.4])
    assert not clip.clip(small, norm=1.0).cut and small[0].grad.tolist() == pytest.approx([0.3, 0.4])


def test_equal_to_torch():
    torch.manual_seed(0)
    for limit in (0.1, 1.0, 100.0):
        a, b = with_grads(list(torch.randn(50)), list(torch.randn(9))), None
        b = with_grads(a[0].grad.tolist(), a[1].grad.tolist())
        clip.clip(a, norm=limit)
        nn.utils.clip_grad_norm_(b, limit)
        assert all(torch.allclose(x.grad, y.grad, atol=1e-7) for x, y in zip(a, b, strict=True))
        a = with_grads(b[0].grad.tolist())
        clip.clip(a, value=0.05)
        assert torch.equal(a[0].grad, b[0].grad.clamp(-0.05, 0.05))


def test_value_mode_changes_the_direction():
    params = with_grads([3.0, 4.0])
    clip.clip(params, value=1.0)
    assert params[0].grad.tolist() == [1.0, 1.0]


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_single_bad_number_is_found_before_it_spreads(bad):
    params = with_grads([bad, 1.0], [2.0])
    seen = clip.clip(params, norm=1.0)
    assert not seen.finite and not seen.cut and params[1].grad.item() == 2.0
    reference = with_grads([math.nan, 1.0], [2.0])
    nn.utils.clip_grad_norm_(reference, 1.0)
    assert math.isnan(reference[1].grad.item())  # why the check comes first


def test_suggested_threshold_is_the_ninetieth_percentile():
    assert clip.suggested([float(i) for i in range(101)]) == pytest.approx(90)
    assert clip.suggested([1.0] * 5) is None
    assert clip.suggested([math.nan] * 50 + [2.0] * 20) == 2.0
    for bad in (0, -1.0):
        with pytest.raises(UsageError):
            clip.clip(with_grads([1.0]), norm=bad)


def test_clipping_trains_a_recurrent_net_that_diverges_without_it():
    """A recurrent net with too large a rate: without clipping the loss leaves the numbers, with it it falls."""

    def run(limit):
        torch.manual_seed(0)
        cell, head = nn.RNN(2, 32, batch_first=True, nonlinearity="relu"), nn.Linear(32, 1)
        with torch.no_grad():
            cell.weight_hh_l0.mul_(3.5)  # spectral radius above 1: gradients explode through 30 steps
        params = [*cell.parameters(), *head.parameters()]
        opt = torch.optim.SGD(params, lr=0.02)
        generator, history = torch.Generator().manual_seed(1), []
        for _ in range(300):
            x = torch.rand(32, 30, 2, generator=generator)
            y = x[:, :, 0].sum(1) / 5
            value = ((head(cell(x)[0][:, -1])[:, 0] - y) ** 2).mean()
            history.append(float(value.detach()))
            if not math.isfinite(history[-1]) or history[-1] > 1e6:
                return history
            opt.zero_grad()
            value.backward()
            if not clip.clip(params, norm=limit).finite:
                return [*history, math.inf]
            opt.step()
        return history

    free, clipped = run(None), run(1.0)
    assert free[-1] > 1e6 or not math.isfinite(free[-1])
    assert len(clipped) == 300 and sum(clipped[-10:]) / 10 < clipped[0] / 10


def test_a_healthy_run_ends_with_a_threshold_and_a_clipped_one_without():
    from types import SimpleNamespace

    from tests.engine.helpers import Record, members, mixed

    from phasewise.engine import fit
    from phasewise.engine.dense.module import DenseNet
    from phasewise.engine.watch import Watch

    data, info = mixed()
    for settings, expected in (({}, 1), ({"clip_norm": 0.5}, 0)):
        heard, crew = Record(), members(2, epochs=20, **settings)
        watch = Watch(heard, every=4, share=10.0)  # looks whatever they cost, so that there are enough
        done = fit(crew, data, info, DenseNet, watch=False, observers=[watch]).members
        watch.closing([SimpleNamespace(member=m, stopped=d.stopped) for m, d in zip(crew, done, strict=True)])
        found = [f for f in heard.findings if f[0] == "clip-threshold"]
        assert len(found) == expected
        if found:
            assert min(watch.norms["m0"]) < found[0][4]["clip_norm"] < max(watch.norms["m0"]) and f"{found[0][4]['clip_norm']:.3g}" in found[0][2]
