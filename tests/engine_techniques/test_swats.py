"""SWATS (T08): step by step equal to the formulas, switch by burn-in, tolerance and hits, by hand, and through a saved state."""

import copy

import pytest
import torch
from torch import nn

from phasewise.engine.swats import SWATS


def quadratic(w, scale=(1.0, 3.0, 10.0)):
    return (torch.tensor(scale) * w * w).sum() / 2


def walk(opt, w, steps, f=quadratic):
    for _ in range(steps):
        opt.zero_grad()
        f(w).backward()
        opt.step()


def test_before_the_switch_it_is_adam():
    a, b = nn.Parameter(torch.tensor([1.0, -2.0, 3.0])), nn.Parameter(torch.tensor([1.0, -2.0, 3.0]))
    walk(SWATS([a], lr=0.01, burn_in=10**9), a, 50)
    walk(torch.optim.Adam([b], lr=0.01), b, 50)
    assert torch.allclose(a, b, atol=1e-6)


def test_projection_and_sgd_phase_follow_the_paper_step_by_step():
    w = nn.Parameter(torch.tensor([1.0, -2.0, 3.0]))
    opt = SWATS([w], lr=0.01, burn_in=20, tolerance=1e9, hits=1)
    x = torch.tensor([1.0, -2.0, 3.0], dtype=torch.float64)
    scale = torch.tensor([1.0, 3.0, 10.0], dtype=torch.float64)
    m, v, lam, vel, big = torch.zeros(3, dtype=torch.float64), torch.zeros(3, dtype=torch.float64), 0.0, None, 0.0
    for k in range(1, 41):
        g = scale * x
        if vel is None:
            m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
            p = -0.01 * (m / (1 - 0.9**k)) / ((v / (1 - 0.999**k)).sqrt() + 1e-8)
            x = x + p
            gamma = float(p @ p / -(p @ g))
            lam = 0.999 * lam + 0.001 * gamma
            big = lam / (1 - 0.999**k)
            if k > 20 and big > 0:
                vel = torch.zeros(3, dtype=torch.float64)
        else:
            vel = 0.9 * vel + g
            x = x - 0.1 * big * vel
        walk(opt, w, 1)
        assert torch.allclose(w.detach().double(), x, atol=1e-5), k
        assert opt.report()[0]["projected"] == pytest.approx(big, rel=1e-4)
    assert opt.report()[0]["switched"]


def test_switch_needs_burn_in_and_hits_in_a_row_and_the_papers_test_never_fires_on_batches():
    generator = torch.Generator().manual_seed(0)
    data = torch.randn(512, 10, generator=generator)
    target = data @ torch.randn(10, generator=generator)

    def run(**kw):
        torch.manual_seed(0)
        net = nn.Linear(10, 1)
        opt, order, switched = SWATS(net.parameters(), lr=1e-2, **kw), torch.Generator().manual_seed(1), None
        for step in range(1500):
            rows = torch.randint(0, 512, (32,), generator=order)
            opt.zero_grad()
            ((net(data[rows])[:, 0] - target[rows]) ** 2).mean().backward()
            opt.step()
            if switched is None and opt.report()[0]["switched"]:
                switched = step
        return switched

    assert run(absolute=1e-9) is None  # the paper's epsilon
    loose = run(burn_in=50, tolerance=0.5, hits=5)
    assert loose is not None and loose >= 50
    early = run(burn_in=0, tolerance=0.5, hits=1)
    assert early < loose


def test_manual_switch_sets_the_plain_sgd_rate_and_a_schedule_goes_on_acting():
    w = nn.Parameter(torch.tensor([1.0, 1.0, 1.0]))
    opt = SWATS([w], lr=0.01, burn_in=10**9)
    walk(opt, w, 5)
    opt.switch(lr=0.05)
    before = w.detach().clone()
    walk(opt, w, 1)
    assert torch.allclose(w, before - 0.05 * torch.tensor([1.0, 3.0, 10.0]) * before, atol=1e-6)
    for group in opt.param_groups:
        group["lr"] = 0.001  # a schedule lowered Adam's rate to a tenth: SGD follows
    momentum = opt.state[w]["momentum_buffer"].clone()
    before = w.detach().clone()
    walk(opt, w, 1)
    grad = torch.tensor([1.0, 3.0, 10.0]) * before
    assert torch.allclose(w, before - 0.005 * (0.9 * momentum + grad), atol=1e-6)


@pytest.mark.parametrize("at", [5, 60])
def test_saved_state_goes_on_bitwise(at):
    torch.manual_seed(0)
    w = nn.Parameter(torch.randn(3))
    opt = SWATS([w], lr=0.01, burn_in=20, tolerance=1e9)
    walk(opt, w, at)
    copy_w = nn.Parameter(w.detach().clone())
    other = SWATS([copy_w], lr=0.01, burn_in=20, tolerance=1e9)
    other.load_state_dict(copy.deepcopy(opt.state_dict()))
    walk(opt, w, 50)
    walk(other, copy_w, 50)
    assert torch.equal(w, copy_w) and opt.report() == other.report()


def test_per_group_switching_and_bad_settings():
    a, b = nn.Parameter(torch.ones(2)), nn.Parameter(torch.ones(2))
    opt = SWATS([{"params": [a]}, {"params": [b], "lr": 1e-4}], lr=1e-2, scope="group", burn_in=5, tolerance=1e9, hits=1)
    for _ in range(30):
        opt.zero_grad()
        ((a**2).sum() + (b**2).sum()).backward()
        opt.step()
    rates = [r["lr"] for r in opt.report()]
    assert all(r["switched"] for r in opt.report()) and rates[0] > 5 * rates[1]
    with pytest.raises(ValueError):
        SWATS([a], lr=-1)
