"""Gradient maps: equal to autograd by hand and, for a linear network, to its weights (Smilkov et al. 2017)."""

import pytest
import torch
from torch import nn

from phasewise.engine import InputInfo
from phasewise.kinds.images import gradient, networks, scoring
from phasewise.records.models import NetworkSpec


class _Linear(nn.Module):
    """Raw outputs are sums of pixels with given weights (classes, C, H, W)."""

    def __init__(self, weight):
        super().__init__()
        self.weight = weight

    def forward(self, image):
        return torch.einsum("nchw,kchw->nk", image, self.weight)


def _model(outputs=3):
    torch.manual_seed(0)
    info = InputInfo(outputs=outputs, image=(3, 16, 16), stats={"mean": torch.tensor([0.4, 0.5, 0.6]), "std": torch.tensor([0.2, 0.25, 0.3])})
    return networks.build(NetworkSpec(family="conv2", batch_norm=True), info).eval()


@pytest.mark.parametrize("task, outputs, top", [("multiclass", 3, 2), ("binary", 1, 1), ("binary", 1, 0)])
def test_the_plain_gradient_is_that_of_autograd_by_hand(task, outputs, top):
    model = _model(outputs)
    image = torch.randint(0, 256, (1, 3, 16, 16), dtype=torch.uint8)
    ours = gradient.saliency([(scoring.Pixels(model), 1.0)], image, top, task, draws=0)
    assert all(p.grad is None for p in model.parameters())
    by_hand = image.float().requires_grad_(True)
    out = model.body((by_hand / 255 - model.mean) / model.std)
    out[0, top if task == "multiclass" else 0].backward()
    assert torch.allclose(ours, by_hand.grad[0].abs().amax(0), atol=1e-7) and float(ours.max()) > 0


def test_noise_changes_nothing_for_a_linear_network_and_weights_of_members_add_up():
    weight = torch.randn(2, 3, 14, 14, generator=torch.Generator().manual_seed(1))
    image = torch.randint(0, 256, (1, 3, 14, 14), dtype=torch.uint8)
    smooth = gradient.saliency([(_Linear(weight), 1.0)], image, 1, "multiclass", draws=5)
    assert torch.allclose(smooth, weight[1].abs().amax(0), atol=1e-5)
    both = gradient.saliency([(_Linear(weight), 0.25), (_Linear(-weight), 0.75)], image, 1, "multiclass", draws=0)
    assert torch.allclose(both, 0.5 * weight[1].abs().amax(0), atol=1e-5)


def test_the_place_that_decides_is_the_brightest_cell_and_repeats_for_a_seed():
    weight = torch.zeros(2, 3, 14, 14)
    weight[1, :, 2:4, 10:12] = 1.0
    image = torch.full((1, 3, 14, 14), 128, dtype=torch.uint8)
    found = gradient.gridded(gradient.saliency([(_Linear(weight), 1.0)], image, 1, "multiclass"), 7)
    assert found[1][5] == 1.0 and sum(map(sum, found)) == 1.0
    model = [(scoring.Pixels(_model()), 1.0)]
    one, again, other = (gradient.saliency(model, torch.randint(0, 256, (1, 3, 16, 16), dtype=torch.uint8, generator=torch.Generator().manual_seed(2)), 0, "multiclass", seed=s) for s in (0, 0, 1))
    assert torch.equal(one, again) and not torch.equal(one, other)
    assert gradient.gridded(torch.zeros(14, 14), 7) == [[0.0] * 7] * 7
