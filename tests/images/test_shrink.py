"""Ranking, removal and lesions of picture networks (X09-X12)."""

import pytest
import torch

from phasewise.kinds.images import shrinking
from phasewise.kinds.images.networks.conv2 import Conv2
from phasewise.kinds.images.networks.mobilenet import MobileNetV1Quarter
from phasewise.kinds.images.networks.mobilenet_v2 import MobileNetV2
from phasewise.kinds.images.networks.residual_photos import ResNet18, ResNet50
from phasewise.kinds.images.networks.resnet import cifar_resnet, resnet18
from phasewise.kinds.images.shrink import coupling, lesion, ranking, removal


class _Basic(ResNet18):
    DEPTHS = (2, 2, 1, 1)


class _Bottleneck(ResNet50):
    DEPTHS = (2, 1, 1, 1)


BACKBONES = {"mobilenet_v1_025": lambda: MobileNetV1Quarter(5), "mobilenet_v2": lambda: MobileNetV2(5), "photo_resnet18": lambda: _Basic(5), "photo_resnet50": lambda: _Bottleneck(5)}


def _net(kind):
    torch.manual_seed(0)
    model = {"conv2": lambda: Conv2(3, 5, 8), "conv2_bn": lambda: Conv2(3, 5, 8, batch_norm=True), "resnet20": lambda: cifar_resnet(20, 3, 5, width=8), "resnet18": lambda: resnet18(3, 5, width=8), **BACKBONES}[kind]()
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                module.running_mean.normal_(0, 0.2)
                module.running_var.uniform_(0.5, 1.5)
                module.bias.normal_(0, 0.2)
    return model.eval()


@pytest.mark.parametrize("kind", ["conv2", "conv2_bn", "resnet20", "resnet18"])
def test_removed_equals_masked_and_is_smaller(kind):
    model = _net(kind)
    drop = removal.choose(ranking.scores(model, "l1"), 12)
    small, quiet = removal.remove(model, drop), removal.mask(model, drop)
    x = torch.rand(4, 3, 16, 16)
    assert torch.allclose(small(x), quiet(x), atol=1e-5)
    assert not torch.allclose(small(x), model(x), atol=1e-5)
    assert sum(p.numel() for p in small.parameters()) < sum(p.numel() for p in model.parameters())
    assert sum(len(d) for d in drop.values()) == 12


@torch.no_grad()
def _alive(model):
    """Statistics of real inputs, so that signals reach the last layer of a deep network with random weights."""
    norms = [m for m in model.modules() if isinstance(m, torch.nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = 1.0
    model.train()(torch.rand(8, 3, 64, 64))
    return model.eval()


@pytest.mark.parametrize("kind", BACKBONES)
def test_channels_of_a_backbone_are_removed_everywhere_at_once(kind):
    """Every group loses channels, in whole blocks; the smaller network answers as the masked one, and is built again from its shapes alone."""
    model = _alive(_net(kind))
    parts = coupling.groups(model)
    assert len({g.name for g in parts}) == len(parts)
    touched = {n for g in parts for n in (*g.producers, *g.norms)}
    assert {n for n, m in model.named_modules() if isinstance(m, torch.nn.Conv2d | torch.nn.BatchNorm2d)} == touched
    found = ranking.scores(model, "l1")
    each = {n: s.argsort()[: max(1, len(s) // 4)].sort().values.tolist() for n, s in found.items()}
    some = removal.choose(found, 200, block=shrinking.block)
    widths = {g.name: g.channels for g in parts}
    assert all((widths[n] - len(d)) % shrinking.block(widths[n]) == 0 for n, d in some.items())
    x = torch.rand(2, 3, 64, 64)
    with torch.inference_mode():
        assert float((model(x)[0] - model(x)[1]).abs().max()) > 1e-2
        for drop in (each, some):
            small, quiet = removal.remove(model, drop), removal.mask(model, drop)
            assert torch.allclose(small(x), quiet(x), atol=1e-4, rtol=1e-4)
            assert not torch.allclose(small(x), model(x), atol=1e-4, rtol=1e-4)
            assert sum(p.numel() for p in small.parameters()) < sum(p.numel() for p in model.parameters())
            again = removal.reshaped(type(model)(5), removal.shapes(small)).eval()
            again.load_state_dict(small.state_dict())
            assert torch.equal(again(x), small(x))


def test_channels_go_in_blocks_by_their_mean_and_one_by_one_without():
    found = {"a": torch.tensor([5.0, 1.0, 4.0, 2.0, 3.0, 6.0]), "b": torch.tensor([2.5, 2.6, 9.0, 9.0])}
    assert removal.choose(found, 3, floor=0.0) == {"a": [1, 3], "b": [0]}
    assert removal.choose(found, 3, floor=0.0, block=lambda c: 4) == {"a": [1, 3]}  # of b nothing would be left
    assert removal.choose(found, 2, floor=0.5, block=lambda c: 2) == {"a": [1, 3]}


def test_coupled_stage_channels_go_together_only_where_shortcuts_allow():
    assert {"stages.0", "stages.1", "stages.2", "stages.3"} <= {g.name for g in coupling.groups(_net("resnet18"))}
    assert all(".conv1" in g.name for g in coupling.groups(_net("resnet20")))


def test_weight_order_equals_torchs_structured_pruning():
    import torch.nn.utils.prune as prune

    model = Conv2(3, 5, 8)
    for criterion, norm in (("l1", 1), ("l2", 2)):
        ours = ranking.scores(model, criterion, normaliser="none")["body.0"]
        layer = torch.nn.Conv2d(3, 8, 3)
        layer.load_state_dict(model.body[0].state_dict())
        prune.ln_structured(layer, "weight", amount=3, n=norm, dim=0)
        theirs = {i for i in range(8) if layer.weight_mask[i].sum() == 0}
        assert set(ours.argsort()[:3].tolist()) == theirs


def test_nonzero_rate_is_exact_on_a_hand_made_net():
    model = Conv2(1, 2, 2)
    with torch.no_grad():
        model.body[0].weight.zero_()
        model.body[0].bias.copy_(torch.tensor([1.0, -1.0]))
    got = ranking.scores(model, "nonzero", normaliser="none", forward=lambda m: m(torch.rand(3, 1, 8, 8)))["body.0"]
    assert got.tolist() == [1.0, 0.0]


def test_raw_global_sums_would_empty_early_layers_and_the_floor_prevents_it():
    torch.manual_seed(0)
    model = resnet18(3, 10, width=8)
    for m in model.modules():
        if isinstance(m, torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(m.weight)
    raw = ranking.scores(model, "l1", normaliser="none")
    total = sum(len(s) for s in raw.values())
    no_floor = removal.choose(raw, int(0.3 * total), floor=0.0)
    floored = removal.choose(raw, int(0.3 * total), floor=0.5)
    worst = max(len(d) / len(raw[n]) for n, d in no_floor.items())
    assert worst > 0.85
    assert max(len(d) / len(raw[n]) for n, d in floored.items()) <= 0.5


def test_lesion_of_a_dead_block_changes_nothing_and_of_a_live_one_does():
    model = _net("resnet20")
    with torch.no_grad():
        dead = model.stages[0][1]
        dead.conv2.weight.zero_()
        dead.bn2.bias.zero_()
        dead.bn2.running_mean.zero_()
    x = torch.rand(4, 3, 16, 16)
    base = model(x)
    out = lesion.lesions(model, lambda m: float((m(x) - base).detach().abs().max()))
    assert out[""] == 0 and out["stages.0.1"] == 0 and out["stages.0.0"] > 0 and len(out) == 10


def test_a_network_without_shortcuts_gives_its_shape_keeping_blocks_and_removals_add_up():
    from phasewise.kinds.images.networks.mobilenet import MobileNetV1Quarter

    torch.manual_seed(0)
    model = MobileNetV1Quarter(5).eval()
    x = torch.rand(2, 3, 64, 64)
    names = lesion.removable(model, lambda m: m(x))
    assert "stage2.1" in names and "stage1.1" not in names and "stage2.0" not in names
    assert lesion.removable(_net("conv2"), lambda m: m(torch.rand(1, 3, 16, 16))) == []
    res = _net("resnet20")
    curve = lesion.together(res, lambda m: sum(isinstance(b, lesion._Shortcut) for b in m.modules()), lesion.removable(res, lambda m: None)[:4])
    assert curve == [0, 1, 2, 3, 4]
