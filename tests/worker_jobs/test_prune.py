"""Pruning of dense networks: ranking like torch's, removal equal to masking, the loop with its scratch control."""

import sys
from pathlib import Path

import pytest
import torch
from torch.nn.utils import prune as reference

sys.path.insert(0, str(Path(__file__).parent))
from bench_project import Jobs, moons_csv, small_config  # noqa: E402

from phasewise.engine import InputInfo  # noqa: E402
from phasewise.kinds.tabular import networks, shrinking  # noqa: E402
from phasewise.records.models import NetworkSpec  # noqa: E402


def _network(batch_norm: bool = False):
    torch.manual_seed(0)
    spec = NetworkSpec(family="mlp", hidden=[20, 12], batch_norm=batch_norm)
    return spec, networks.build(spec, InputInfo(numbers=6, cardinalities=(4,), outputs=2)).eval()


def _inputs(n: int = 50) -> dict[str, torch.Tensor]:
    source = torch.Generator().manual_seed(1)
    return {"num": torch.randn(n, 6, generator=source), "cat": torch.randint(0, 4, (n, 1), generator=source, dtype=torch.int32)}


@pytest.mark.parametrize("criterion, power", [("l1", 1), ("l2", 2)])
def test_ranking_equals_torch(criterion, power):
    _, model = _network()
    found = shrinking.scores(model, criterion, _inputs(), normaliser="none")
    for i, layer in enumerate(model.layers):
        other = torch.nn.Linear(layer.in_features, layer.out_features)
        other.weight = torch.nn.Parameter(layer.weight.detach().clone())
        reference.ln_structured(other, "weight", amount=5, n=power, dim=0)
        dropped = set((other.weight_mask.sum(1) == 0).nonzero().flatten().tolist())
        assert dropped == set(found[f"layers.{i}"].argsort()[:5].tolist())


def test_non_zero_rate_is_exact_and_random_repeats():
    _, model = _network()
    with torch.no_grad():
        model.layers[0].bias[3] = -1e6
    found = shrinking.scores(model, "nonzero", _inputs(), normaliser="none")["layers.0"]
    hidden = torch.relu(model.layers[0](model.features(_inputs())))
    assert found[3] == 0 and torch.allclose(found, (hidden > 0).float().mean(0))
    assert torch.equal(shrinking.scores(model, "random", _inputs(), seed=4)["layers.1"], shrinking.scores(model, "random", _inputs(), seed=4)["layers.1"])
    with pytest.raises(ValueError):
        shrinking.scores(model, "magic", _inputs())


@pytest.mark.parametrize("batch_norm", [False, True])
def test_the_removed_network_equals_the_masked_one_and_is_smaller(batch_norm):
    spec, model = _network(batch_norm)
    drop = shrinking.choose(shrinking.scores(model, "l1", _inputs()), 14)
    assert sum(len(v) for v in drop.values()) == 14
    state, small = shrinking.remove(model, spec, drop)
    pruned = networks.build(small, InputInfo(numbers=6, cardinalities=(4,), outputs=2)).eval()
    pruned.load_state_dict(state)
    assert sum(small.hidden) == 32 - 14
    masked = shrinking.mask(model, drop)
    assert torch.allclose(pruned(_inputs()), masked(_inputs()), atol=1e-5)
    assert sum(p.numel() for p in pruned.parameters()) < sum(p.numel() for p in masked.parameters())


def test_every_layer_keeps_some_units():
    found = {"layers.0": torch.zeros(10), "layers.1": torch.ones(10)}
    drop = shrinking.choose(found, 18, floor=0.2)
    assert len(drop["layers.0"]) == 8 and len(drop["layers.1"]) == 8


def test_the_loop_prunes_with_a_scratch_control(tmp_path):
    jobs = Jobs(tmp_path / "p", moons_csv(tmp_path / "moons.csv"), "label", "accuracy", task="binary", positive="yes")
    jobs.split()
    wide = small_config(epochs=20)
    wide = wide.model_copy(update={"network": NetworkSpec(family="one_hidden", hidden=[60])})
    model = jobs.run("fit", config=wide.model_dump(), seeds=[0]).model
    found = jobs.run("prune", phase="strengthen", model=model.ref, options={"tolerance": 0.03, "epochs": 4})
    assert found.pruned.parameters < 0.8 * found.original.parameters and found.rounds[0]["hidden"] == [54]
    assert found.scratch.parameters == found.pruned.parameters and found.original.validation.value - found.pruned.validation.value <= 0.03
    assert any("scratch" in n for n in found.notes) and found.speed["size_mb"]["after"] < found.speed["size_mb"]["before"]
    jobs.run("prune", code=2, phase="strengthen", model=model.ref, options={"magic": 1})
    strong = jobs.run("fit", config=small_config("tabm", epochs=1).model_dump(), seeds=[0]).model
    jobs.run("prune", code=2, phase="strengthen", model=strong.ref)
