"""The watch (V03, V11, V12, V15): planted faults are found and named, clean runs are left in peace, and it costs little."""

import math
import time

import pytest
import torch
from torch import nn

from phasewise.engine import Control, Dataset, Halving, Hooks, InputInfo, Member, fit, init
from phasewise.engine.dense.module import DenseNet
from phasewise.engine.group import Group
from phasewise.engine.watch import Watch
from phasewise.engine.watch_bounds import judge, module_stats
from phasewise.engine.watch_probe import first_bad_layer, stability
from phasewise.kinds.tabular import networks
from phasewise.records.models import ModelConfig, NetworkSpec, TrainSpec


class Listen(Hooks):
    def __init__(self):
        self.seen = []

    def on_finding(self, id, severity, title, detail="", data=None):
        self.seen.append((id, (data or {}).get("layer", ""), detail))


def digits(scale=1.0):
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    num = torch.tensor((x - x.mean(0)) / (x.std(0) + 1e-6), dtype=torch.float32) * scale
    data = Dataset(inputs={"num": num}, y=torch.tensor(y), task="multiclass", classes=10)
    return data, InputInfo(numbers=64, outputs=10, stats=networks.statistics(num))


def run(spec, train, scale=1.0, build=networks.build, epochs=12):
    data, info = digits(scale)
    config = ModelConfig(network=NetworkSpec(**spec), train=TrainSpec(**{"batch_size": 32, "epochs": epochs, **train}))
    hooks = Listen()
    fit([Member(id="m", config=config, train=torch.arange(1400), validation=torch.arange(1400, 1797))], data, info, build, hooks)
    return [s for s in hooks.seen if s[0] in ("vanishing", "exploding") or s[0].startswith("bound-")]


MLP = {"family": "mlp", "hidden": [64, 32]}
CLEAN = {
    "adam": (MLP, {"optimizer": "adam", "lr": 1e-3}),
    "sgd with momentum": (MLP, {"optimizer": "sgd", "lr": 0.05}),
    "batch norm and dropout": ({**MLP, "batch_norm": True, "dropout": [0.2, 0.2]}, {"optimizer": "adamw", "lr": 3e-3}),
    "tanh": ({**MLP, "activation": "tanh", "init": "xavier_normal"}, {"optimizer": "adam", "lr": 1e-3}),
    "one hidden": ({"family": "one_hidden", "hidden": [37]}, {"optimizer": "adam", "lr": 1e-3}),
    "four layers gelu": ({"family": "mlp", "hidden": [64] * 4, "activation": "gelu"}, {"optimizer": "adam", "lr": 1e-3}),
    "cosine": (MLP, {"optimizer": "adam", "lr": 3e-3, "schedule": "cosine"}),
    "rmsprop": (MLP, {"optimizer": "rmsprop", "lr": 1e-3}),
    "tabm": ({"family": "tabm", "hidden": [32, 32], "members": 4}, {"optimizer": "adamw", "lr": 1e-2}),
    "realmlp": ({"family": "realmlp", "hidden": [64, 64]}, {"optimizer": "adamw", "lr": 1e-2}),
}
FAULTS = {
    "adam, rate 100 times too large": (MLP, {"optimizer": "adam", "lr": 0.3}, 1.0, ("bound-update-ratio", "exploding", "bound-dead-share")),
    "sgd, rate 100 times too large": (MLP, {"optimizer": "sgd", "lr": 5.0}, 1.0, ("bound-update-ratio", "exploding", "bound-dead-share")),
    "twelve sigmoid layers": ({"family": "mlp", "hidden": [32] * 12, "activation": "sigmoid", "init": "torch"}, {"optimizer": "sgd", "lr": 0.01}, 1.0, ("vanishing",)),
    "sixteen tanh layers, inputs unscaled": ({"family": "mlp", "hidden": [32] * 16, "activation": "tanh", "init": "torch"}, {"optimizer": "sgd", "lr": 0.01}, 300.0, ("vanishing", "bound-saturated-share", "exploding")),
    "tanh saturated by unscaled inputs": ({"family": "mlp", "hidden": [64, 32], "activation": "tanh", "init": "xavier_normal"}, {"optimizer": "adam", "lr": 1e-3}, 300.0, ("bound-saturated-share",)),
    "rate of a million": (MLP, {"optimizer": "sgd", "lr": 1e6}, 1.0, ("exploding", "bound-update-ratio", "bound-dead-share")),
    "rate so small that nothing moves": (MLP, {"optimizer": "sgd", "lr": 1e-9, "momentum": 0.0}, 1.0, ("vanishing",)),
    "inputs 1000 times too large": (MLP, {"optimizer": "sgd", "lr": 0.05}, 1000.0, ("bound-update-ratio", "exploding", "bound-dead-share")),
}


@pytest.mark.parametrize("name", list(CLEAN))
def test_clean_runs_raise_no_alarm(name):
    spec, train = CLEAN[name]
    assert run(spec, train) == []


@pytest.mark.parametrize("name", list(FAULTS))
def test_planted_faults_are_found_and_the_layer_is_named(name):
    spec, train, scale, expected = FAULTS[name]
    seen = run(spec, train, scale)
    assert {s[0] for s in seen} & set(expected), seen
    assert all(layer for _, layer, _ in seen)


@pytest.mark.parametrize("plan", ["stacked", "one"])
def test_histograms_of_every_layer_come_a_quarter_further_apart_each_time(plan):
    class Pictured(Listen):
        def __init__(self):
            super().__init__()
            self.taken = {}

        def on_histograms(self, step, values):
            self.taken[step] = values

    data, info = digits()
    hooks = Pictured()
    config = ModelConfig(network=NetworkSpec(**MLP), train=TrainSpec(optimizer="adam", lr=1e-3, batch_size=32, epochs=6))
    watch = Watch(hooks, every=10, share=9.0)
    fit([Member(id="m", config=config, train=torch.arange(1400), validation=torch.arange(1400, 1797))], data, info, networks.build, hooks, plan=plan, watch=False, observers=[watch])
    steps = list(hooks.taken)
    assert len(steps) > 5 and all(b >= 1.25 * a for a, b in zip(steps, steps[1:], strict=False))
    last = hooks.taken[steps[-1]]
    layers = [n for n in ("layers.0.weight", "layers.1.weight", "head.weight") if f"weights/{n}" in last and f"gradients/{n}" in last]
    assert len(layers) == 3 and all(x.dim() == 1 and len(x) <= 4096 for x in last.values())
    assert ("activations/layers.0.weight" in last) == (plan == "stacked")
    assert not torch.equal(last["weights/layers.0.weight"], hooks.taken[steps[0]]["weights/layers.0.weight"])


ALARMS = {
    "gradient ratio": ({"family": "mlp", "hidden": [32] * 30, "activation": "tanh", "init": "torch"}, {"optimizer": "adam", "lr": 1e-3}, 1.0),
    "update ratio": (MLP, {"optimizer": "sgd", "lr": 1e-9, "momentum": 0.0}, 1.0),
    "loss": (MLP, {"optimizer": "sgd", "lr": 0.02}, 100.0),
}


@pytest.mark.parametrize("quantity", list(ALARMS))
def test_every_alarm_of_vanishing_and_exploding_goes_off_by_itself(quantity):
    spec, train, factor = ALARMS[quantity]

    class Jump(Listen):
        polls = 0

        def poll(self):
            self.polls += 1
            return Control(lr_factor=factor if self.polls > 150 else 1.0)

    data, info = digits()
    hooks = Jump()
    watch = Watch(hooks, every=10, share=9.0)
    config = ModelConfig(network=NetworkSpec(**spec), train=TrainSpec(**{"batch_size": 32, "epochs": 5, **train}))
    fit([Member(id="m", config=config, train=torch.arange(1400), validation=torch.arange(1400, 1797))], data, info, networks.build, hooks, watch=False, observers=[watch], look_every=0)
    first = next(v for v in watch.violations if v["finding"] in ("vanishing", "exploding"))
    assert first["quantity"] == quantity and (factor == 1.0 or 150 < first["step"] <= 171)


@pytest.mark.parametrize(("optimizer", "lr"), [("adam", 0.3), ("sgd", 5.0)])
def test_a_rate_100_times_too_large_is_reported_within_the_first_look(optimizer, lr):
    data, info = digits()
    hooks = Listen()
    config = ModelConfig(network=NetworkSpec(**MLP), train=TrainSpec(optimizer=optimizer, lr=lr, batch_size=32, epochs=1))
    watch = Watch(hooks, every=50)
    fit([Member(id="m", config=config, train=torch.arange(1400), validation=torch.arange(1400, 1797))], data, info, networks.build, hooks, watch=False, observers=[watch])
    assert any(v["step"] <= 11 for v in watch.violations)


class Plain(nn.Sequential):
    def forward(self, x):
        return super().forward(x["num"])


def deep(make_init):
    torch.manual_seed(0)
    layers = [m for _ in range(20) for m in (nn.Linear(256, 256), nn.ReLU())]
    net = Plain(*layers, nn.Linear(256, 10))
    for number, layer in enumerate([m for m in net if isinstance(m, nn.Linear)], start=1):
        with torch.no_grad():
            make_init(layer.weight, number)
            layer.bias.zero_()
    return net


def test_bounds_at_step_zero_pass_for_he_and_fail_for_the_misprint_the_tiny_and_the_unscaled():
    x = torch.randn(512, 256, generator=torch.Generator().manual_seed(0))

    def violations(net, x):
        return judge(module_stats(net, {"num": x}, x), 0, start=True)

    def he(w, i):
        init.fill(w, "he_normal")

    loose = [v for v in violations(deep(he), x) if v.quantity != "input_mean"]
    assert loose == [] or {v.layer for v in loose} == {"inputs"}
    assert any(v.quantity == "activation_std" for v in violations(deep(lambda w, i: w.normal_(0, math.sqrt(2 / max(i - 1, 0.5)))), x))
    tiny = violations(deep(lambda w, i: w.normal_(0, 0.01)), x)
    assert next(v for v in tiny if v.quantity == "activation_std").layer == "1"  # the first layer is named first
    assert {v.quantity for v in violations(deep(he), 50 * x + 3)} >= {"input_mean", "input_std"}


def test_instability_probe_on_a_quadratic_and_everything_is_put_back():
    def probe(rate):
        w = nn.Linear(1, 1, bias=False)
        with torch.no_grad():
            w.weight.fill_(1.0)
        opt = torch.optim.SGD(w.parameters(), lr=rate)
        before, state = w.weight.detach().clone(), torch.get_rng_state()
        noise = [torch.tensor([[0.3 * math.sin(7 * i)]]) for i in range(50)]
        found = stability(w, opt, lambda m, b: 0.5 * (m(torch.ones(1, 1)) - b).pow(2).sum() + 1.0, noise)
        assert torch.equal(before, w.weight) and opt.param_groups[0]["lr"] == rate and torch.equal(state, torch.get_rng_state())
        return found

    assert not probe(0.5).unstable
    assert probe(1.95).unstable


@pytest.mark.parametrize(("rate", "unstable"), [(0.005, False), (0.03, True)])
def test_the_probe_judges_by_how_much_the_loss_moves(rate, unstable):
    w = nn.Linear(1, 1, bias=False)
    with torch.no_grad():
        w.weight.fill_(1.0)
    found = stability(w, torch.optim.SGD(w.parameters(), lr=rate), lambda m, b: 0.5 * m(b).pow(2).sum(), [torch.ones(1, 1)] * 50)
    expected = [sum((1 - rate * f) ** (2 * t) for t in range(40, 50)) / 20 for f in (0.8, 1.0, 1.2)]  # the quadratic by hand
    assert found.losses == pytest.approx(expected, rel=1e-4)
    assert found.sensitivity == pytest.approx(max(abs(e - expected[1]) for e in expected) / expected[1], rel=1e-3)
    assert found.unstable is unstable and math.isfinite(found.sensitivity)


def test_the_first_bad_layer_is_named_and_bad_inputs_are_a_data_fault():
    net = Plain(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    x = torch.randn(5, 4)
    assert first_bad_layer(net, {"num": x}) == ""
    assert first_bad_layer(net, {"num": x * math.nan}) == "inputs:num"
    with torch.no_grad():
        net[2].weight[0, 0] = math.inf
    assert first_bad_layer(net, {"num": x}) == "2.weight"
    big = Plain(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    with torch.no_grad():
        big[0].weight.fill_(3e38)
    assert first_bad_layer(big, {"num": x.abs() + 1}) == "0"


@pytest.mark.slow
def test_the_watch_costs_less_than_three_per_cent():
    data, info = digits()
    config = ModelConfig(network=NetworkSpec(family="mlp", hidden=[128, 128]), train=TrainSpec(optimizer="adam", lr=1e-3, batch_size=256, epochs=60))

    def seconds(on):
        began = time.process_time()
        fit([Member(id="m", config=config, train=torch.arange(1400), validation=torch.arange(1400, 1797))], data, info, DenseNet, Hooks(), watch=on)
        return time.process_time() - began

    seconds(False)
    ratios = sorted(seconds(True) / seconds(False) for _ in range(7))
    assert ratios[3] <= 1.03, ratios


class Points(Listen):
    def __init__(self):
        super().__init__()
        self.strip = []

    def on_metrics(self, columns, rows):
        if "grad_norm" in columns:
            self.strip += [dict(zip(columns, row, strict=True)) for row in rows]


def strip(lr):
    data, info = digits()
    config = ModelConfig(network=NetworkSpec(**MLP), train=TrainSpec(batch_size=32, epochs=3, optimizer="sgd", momentum=0.0, lr=lr))
    hooks = Points()
    fit([Member(id="m", config=config, train=torch.arange(1400), validation=torch.arange(1400, 1797))], data, info, networks.build, hooks)
    return hooks.strip


def test_gradient_norms_and_update_ratios_are_told_while_training():
    slow, fast = strip(1e-5), strip(1e-4)
    assert len(slow) >= 3
    assert [p["step"] for p in slow] == sorted(p["step"] for p in slow) and slow[-1]["step"] <= 3 * 44
    for a, b in zip(slow[:2], fast[:2], strict=True):
        assert a["grad_norm"] == pytest.approx(b["grad_norm"], rel=0.05), "the gradient hardly depends on so small a rate"
        for name in ("least_update", "update_ratio", "largest_update"):
            assert b[name] == pytest.approx(10 * a[name], rel=0.1), "the update does, by the rate"
        assert 0 < a["least_update"] <= a["update_ratio"] <= a["largest_update"]


def test_a_halved_search_is_not_slowed_down_by_a_measurement_nobody_closes(monkeypatch):
    data, info = digits()
    net = NetworkSpec(family="mlp", hidden=[16])
    crew = [
        Member(id=f"t{i}", seed=i, config=ModelConfig(network=net, train=TrainSpec(lr=10 ** -(2 + i / 4), batch_size=32, epochs=4)), train=torch.arange(1280), validation=torch.arange(1280, 1797))
        for i in range(6)
    ]
    blocks, run = [], Group.run

    def counted(group, rows, stop):
        blocks.append(stop - group.population.done)
        return run(group, rows, stop)

    monkeypatch.setattr(Group, "run", counted)
    fit(crew, data, info, DenseNet, halving=Halving(rungs=(1, 2), keep=(3, 1)), tile=2, look_every=60.0)
    assert sum(blocks) >= 40 * (3 + 2 + 1 + 1), "three tiles, then two or one, then one"
    assert sum(b == 1 for b in blocks) <= len(blocks) / 2, "one step alone closes a look; all other blocks are long"
