"""Loss and update of a single network in C are torch's own up to rounding, and step aside where they are not."""

import pytest
import torch

from phasewise.engine import losses
from phasewise.engine.losses import make
from phasewise.engine.modules import clip_gradients
from phasewise.engine.native import build, single

pytestmark = pytest.mark.skipif(isinstance(build.library(), str), reason=str(build.library()))


def outputs(shape: tuple[int, ...], layout: str) -> torch.Tensor:
    """Raw outputs, rows first or class-major in memory, with some far from 0."""
    z = 3 * torch.randn(shape, generator=torch.Generator().manual_seed(0))
    z.view(-1)[0] = 300.0
    return z if layout == "rows" else z.movedim(-1, 0).transpose(-1, -2).contiguous().transpose(-1, -2).movedim(0, -1) if z.dim() == 3 else z.t().contiguous().t()


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("layout", ["rows", "class-major"])
@pytest.mark.parametrize(("task", "shape"), [
    ("multiclass", (300, 7)), ("multiclass", (13, 3)), ("multiclass", (70, 5, 3)), ("binary", (300, 1)), ("binary", (70, 5, 1)), ("regression", (31, 1)), ("regression", (31, 4, 1)),
])
def test_the_mean_loss_is_that_of_torch(task, shape, layout, smoothing, weighted):
    classes = max(2, shape[-1])
    y = torch.arange(shape[0]) % classes if task != "regression" else torch.linspace(-3, 3, shape[0])
    weights = torch.linspace(0.5, 2, classes) if weighted and task != "regression" else None
    loss = make("auto", task, smoothing=0.0 if task == "regression" else smoothing, class_weights=weights)
    ours, theirs = (outputs(shape, layout).detach().requires_grad_() for _ in range(2))
    found = single.mean_loss(loss.name, ours, y, smoothing=smoothing, weights=weights)
    if found is None:  # three dimensions rows first: nobody has them so
        assert len(shape) == 3 and layout == "rows" and shape[-1] > 0
        return
    flat, t = (theirs, y) if len(shape) == 2 else (theirs.transpose(0, 1).flatten(0, 1), y.repeat(shape[1]))
    want = loss(flat, t)
    (2 * found).backward()
    (2 * want).backward()
    assert found.item() == pytest.approx(want.item(), rel=1e-5)
    assert torch.allclose(ours.grad, theirs.grad, rtol=1e-4, atol=1e-7)


def test_a_target_that_is_no_class_is_refused_and_what_is_not_for_c_is_left():
    z, y = torch.zeros(4, 3, requires_grad=True), torch.tensor([0, 1, 2, 3])
    with pytest.raises(IndexError, match="1 targets are no class"):
        single.mean_loss("cross_entropy", z, y, smoothing=0.0, weights=None)
    fine = y.clamp_max(2)
    assert single.mean_loss("cross_entropy", z, fine, smoothing=0.0, weights=None) is not None
    for name, out, t in (("focal", z, fine), ("cross_entropy", z.double(), fine), ("cross_entropy", z, fine.int()), ("bce", z, fine), ("cross_entropy", z[:3], fine)):
        assert single.mean_loss(name, out, t, smoothing=0.0, weights=None) is None
    with torch.no_grad():
        assert single.mean_loss("cross_entropy", z, fine, smoothing=0.0, weights=None) is None


def test_a_number_that_is_none_shows_in_the_loss():
    for name, shape in (("cross_entropy", (5, 3)), ("bce", (5, 1)), ("mse", (5, 1))):
        z = torch.zeros(shape)
        z[3, 0] = float("nan")
        y = torch.zeros(5, dtype=torch.int64)
        assert torch.isnan(single.mean_loss(name, z.requires_grad_(), y, smoothing=0.0, weights=None))


def parameters() -> list[torch.nn.Parameter]:
    """Odd sizes, one of them a single number."""
    g = torch.Generator().manual_seed(3)
    return [torch.nn.Parameter(torch.randn(shape, generator=g)) for shape in ((17, 5), (33,), (1,), (2, 3, 4))]


@pytest.mark.parametrize("kind", [torch.optim.Adam, torch.optim.AdamW])
@pytest.mark.parametrize(("norm", "value"), [(None, None), (0.5, None), (None, 0.1), (1.0, 0.2)])
def test_an_update_is_that_of_torch(kind, norm, value):
    both = [parameters() for _ in range(2)]
    optimisers = [kind([{"params": p[:2], "weight_decay": 0.05}, {"params": p[2:], "weight_decay": 0.0, "lr": 3e-3}], lr=1e-2, fused=True) for p in both]
    updater, g = single.Updater(optimisers[0]), torch.Generator().manual_seed(1)
    for step in range(6):
        slopes = [torch.randn(p.shape, generator=g) for p in both[0]]
        for ps in both:
            for i, (p, slope) in enumerate(zip(ps, slopes, strict=True)):
                p.grad = None if step in (2, 3) and i == 1 else slope.clone()  # one that is frozen for a while
        if step == 4:
            optimisers[0].load_state_dict(optimisers[0].state_dict())
            updater.loaded()
        done = updater(norm=norm, value=value)
        assert done == (step > 0)
        for ps, optimiser in list(zip(both, optimisers, strict=True))[int(done) :]:
            clip_gradients(ps, norm, value)
            optimiser.step()
    for a, b in zip(*both, strict=True):
        assert torch.allclose(a, b, rtol=1e-5, atol=1e-6) and torch.allclose(a.grad, b.grad, rtol=1e-5, atol=1e-7)
    states = [[o.state[p] for p in ps] for o, ps in zip(optimisers, both, strict=True)]
    assert all(torch.equal(a["step"], b["step"]) and torch.allclose(a["exp_avg_sq"], b["exp_avg_sq"], rtol=1e-5) for a, b in zip(*states, strict=True))


def test_other_optimisers_and_settings_are_left_to_torch():
    for make_one in (lambda p: torch.optim.SGD(p, lr=0.1), lambda p: torch.optim.Adam(p, lr=0.1, amsgrad=True), lambda p: torch.optim.AdamW(p, lr=0.1, betas=(0.9, 0.95))):
        ps = parameters()
        optimiser = make_one(ps)
        for p in ps:
            p.grad = torch.ones_like(p)
        optimiser.step()
        before = [p.detach().clone() for p in ps]
        assert not single.Updater(optimiser)(norm=1.0, value=None) and all(torch.equal(a, b) for a, b in zip(ps, before, strict=True))


def test_only_names_that_the_menu_has_are_computed():
    assert set(single.KINDS) <= set(losses.CLASS_LOSSES + losses.VALUE_LOSSES)
