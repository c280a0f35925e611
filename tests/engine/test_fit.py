"""The loop itself: best weights, patience, averaging, sampling, weights, objectives, curves, folds, and what the hooks are told."""

import time

import numpy as np
import pytest
import torch
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.utils.class_weight import compute_class_weight
from tests.engine.helpers import Record, members, mixed, same

from phasewise.engine import Control, Halving, evaluate, fit, halving, losses, sampling
from phasewise.engine.dense.module import DenseNet
from phasewise.engine.native.build import library


@pytest.mark.parametrize("plan", ["stacked", "one"])
def test_patience_stops_a_member_and_its_best_weights_are_kept(plan):
    data, info = mixed(300)
    crew = members(3, 300, network={"hidden": [64, 64], "dropout": []}, lr=1e-2, epochs=40, patience=3, batch_size=50)
    hooks = Record()
    result = fit(crew, data, info, DenseNet, hooks, plan=plan)
    for m in result.members:
        curve = m.curves["validation_loss"]
        assert m.stopped == "early" and len(curve) == m.best_epoch + 3 < 40
        assert m.best == min(curve) == curve[m.best_epoch - 1]
        again = float(evaluate.plain_loss("multiclass", m.outputs, data.y[crew[0].validation]))
        assert again == pytest.approx(m.best, abs=1e-5)
    assert hooks.epochs[-1][4] >= 1


def test_every_kind_of_plan_learns_and_says_what_it_did():
    data, info = mixed()
    result = fit(members(3, lr=1e-2), data, info, DenseNet)
    bucket = result.plan["buckets"][0]
    assert bucket["plan"] == ("stacked" if isinstance(library(), str) else "compiled") and "too short to probe" in bucket["why"] and not bucket["measured_ms"] and result.plan["device"] in ("cpu", "cuda")
    assert all(m.curves["train_eval_loss"][-1] < m.curves["train_eval_loss"][0] for m in result.members)
    assert all(m.steps == 40 and m.seconds > 0 for m in result.members)


def test_running_loss_and_eval_loss_are_told_apart_by_dropout():
    data, info = mixed(2000)
    crew = members(1, 2000, network={"hidden": [64, 64], "dropout": [0.5, 0.5], "batch_norm": False}, lr=3e-3, epochs=15)
    curves = fit(crew, data, info, DenseNet).members[0].curves
    assert curves["train_loss"][-1] > curves["validation_loss"][-1] > curves["train_eval_loss"][-1]


def test_points_carry_the_debiased_average_and_the_rate():
    data, info = mixed()
    hooks = Record()
    fit(members(1, schedule="cosine"), data, info, DenseNet, hooks, plan="stacked")
    steps, raw = [p["step"] for p in hooks.points], [p["loss"] for p in hooks.points]
    assert steps == sorted(steps) and steps[-1] == 40 and len(steps) == 40
    average, weight = 0.0, 0.0
    for point, loss in zip(hooks.points, raw, strict=True):
        average, weight = 0.98 * average + 0.02 * loss, 0.98 * weight + 0.02
        assert point["smooth"] == pytest.approx(average / weight)
    assert hooks.points[0]["lr"] == pytest.approx(1e-3) and hooks.points[-1]["lr"] < 1e-5
    assert [e[0] for e in hooks.epochs] == [1, 2, 3, 4] and set(hooks.epochs[0][3]) == {"m0"}


def test_averaged_weights_are_what_is_evaluated_and_kept():
    data, info = mixed()
    crew = lambda e: members(2, network={"dropout": []}, optimizer="sgd", lr=3e-2, epochs=6, ema=e)  # noqa: E731
    plain, zero, averaged = (fit(crew(e), data, info, DenseNet, plan="stacked") for e in (None, 0.0, 0.9))
    one = fit(crew(0.9), data, info, DenseNet, plan="one")
    for a, b, c, d in zip(plain.members, zero.members, averaged.members, one.members, strict=True):
        assert all(torch.allclose(a.state[k].float(), b.state[k].float(), atol=1e-6) for k in a.state)
        assert not torch.allclose(a.state["head.weight"], c.state["head.weight"], atol=1e-4)
        assert all(torch.allclose(c.state[k].float(), d.state[k].float(), atol=1e-4) for k in c.state if "num_batches" not in k)
        assert c.best == pytest.approx(min(c.curves["validation_loss"])) and c.best < 1.0


def test_class_weights_equal_scikit_learn_and_the_example_of_the_method():
    y = np.repeat([0, 1], [1000, 50])
    ours = losses.weights("balanced", torch.tensor([1000, 50]))
    assert np.allclose(ours.numpy(), compute_class_weight("balanced", classes=np.array([0, 1]), y=y))
    assert ours.tolist() == [pytest.approx(0.525), pytest.approx(10.5)]


@pytest.mark.parametrize("kind", ["over", "under"])
def test_sampling_evens_the_classes_and_is_drawn_anew_each_epoch(kind):
    y = torch.tensor([0] * 900 + [1] * 90 + [2] * 10).repeat(3)
    rows = torch.arange(0, 2700)
    plan = sampling.batch_plan(members(1, sampling=kind, batch_size=10)[0].config.train, 2700, torch.bincount(y[rows]))
    assert plan.rows == (2700 if kind == "over" else 60)
    drawn = [sampling.draw(rows, y, kind, plan, 3, epoch) for epoch in (0, 0, 1)]
    assert torch.equal(drawn[0], drawn[1]) and not torch.equal(drawn[0], drawn[2])
    assert int(drawn[0].max()) < 2700
    counts = torch.bincount(y[drawn[0]], minlength=3).double()
    n = counts.sum()
    spread = 3 * (n * (1 / 3) * (2 / 3)).sqrt()
    assert ((counts - n / 3).abs() <= spread).all()
    if kind == "under":
        assert len(set(drawn[0].tolist())) == len(drawn[0])
        seen = set()
        for epoch in range(60):
            seen |= set(sampling.draw(rows, y, kind, plan, 3, epoch).tolist())
        assert len(seen) > 60 * 10


def test_sampling_never_leaves_the_training_rows_and_helps_the_rare_class():
    g = torch.Generator().manual_seed(0)
    data, info = mixed(3000, "binary", 2)
    rare = torch.ones(3000, dtype=torch.bool)
    positives = data.y.nonzero().flatten()
    rare[positives[40:-300]] = False
    keep = rare.nonzero().flatten()
    keep = keep[torch.randperm(len(keep), generator=g)]
    train, validation = keep[: len(keep) * 2 // 3], keep[len(keep) * 2 // 3 :]
    recalls = {}
    for kind in ("none", "over", "under"):
        crew = [m.__class__(**{**m.__dict__, "train": train, "validation": validation}) for m in members(3, network={"dropout": []}, lr=3e-3, epochs=8, sampling=kind, batch_size=32)]
        result = fit(crew, data, info, DenseNet)
        hits = [(m.outputs[:, 0] > 0)[data.y[validation] == 1].double().mean() for m in result.members]
        recalls[kind] = float(torch.stack(hits).mean())
    assert recalls["over"] > recalls["none"] and recalls["under"] > recalls["none"], recalls


def test_equal_batches_whatever_the_rows():
    spec = members(1, batch_size=256)[0].config.train
    counts = torch.zeros(0)
    assert (sampling.batch_plan(spec, 25_600, counts).batch, sampling.batch_plan(spec, 25_600, counts).steps) == (256, 100)
    for n in (1, 2, 255, 256, 257, 513, 1000, 2047, 2048, 2049, 100_001):
        plan = sampling.batch_plan(spec, n, counts)
        assert 1 <= plan.batch <= 256 and plan.batch * plan.steps <= n and n - plan.batch * plan.steps < max(plan.steps, plan.batch)
        assert n < 2 or plan.batch >= 2


def test_objectives_equal_scikit_learn():
    g = torch.Generator().manual_seed(1)
    out, y = torch.randn(500, 1, generator=g).round(decimals=1), torch.randint(0, 2, (500,), generator=g)
    assert float(evaluate.objective("roc_auc", "binary", out, y)) == pytest.approx(roc_auc_score(y, out[:, 0]))
    assert float(evaluate.plain_loss("binary", out, y)) == pytest.approx(log_loss(y, torch.sigmoid(out[:, 0].double())))
    many, z = torch.randn(500, 4, generator=g), torch.randint(0, 4, (500,), generator=g)
    assert float(evaluate.plain_loss("multiclass", many, z)) == pytest.approx(log_loss(z, many.double().softmax(1)), abs=1e-6)
    assert float(evaluate.objective("accuracy", "multiclass", many, z)) == pytest.approx(float((many.argmax(1) == z).double().mean()))


def test_maximised_objective_keeps_the_epoch_with_the_largest_value():
    data, info = mixed(1200, "binary", 2)
    (m,) = fit(members(1, epochs=6, lr=1e-2), data, info, DenseNet, objective="roc_auc").members
    assert m.best == max(m.curves["objective"]) and m.curves["objective"][m.best_epoch - 1] == m.best


def test_folds_of_different_length_are_members_of_one_population():
    data, info = mixed(1003)
    fold = torch.arange(1003) % 5
    base = members(1, 1003)[0]
    crew = [base.__class__(**{**base.__dict__, "id": f"fold{k}", "train": (fold != k).nonzero().flatten(), "validation": (fold == k).nonzero().flatten()}) for k in range(5)]
    result = fit(crew, data, info, DenseNet, plan="stacked", tile=5)
    assert len(result.plan["buckets"]) == 1 and [len(m.outputs) for m in result.members] == [201, 201, 201, 200, 200]
    alone = fit([crew[3]], data, info, DenseNet, plan="stacked").members[0]
    assert same(alone, result.members[3])


def test_members_without_validation_rows_train_to_the_end():
    data, info = mixed()
    crew = [m.__class__(**{**m.__dict__, "validation": torch.arange(0)}) for m in members(2)]
    result = fit(crew, data, info, DenseNet)
    assert [m.stopped for m in result.members] == ["done", "done"] and result.members[0].outputs.shape == (0, 3)


def test_stop_after_epoch_pause_and_progress():
    data, info = mixed()

    class Steer(Record):
        paused = 0
        total = (0, 0)

        def poll(self):
            if self.epochs and self.paused < 2:
                self.paused += 1
                return Control(paused=True)
            return Control(stop="epoch" if len(self.epochs) >= 2 else None)

        def on_progress(self, done, total):
            self.total = (done, total)

    hooks = Steer()
    began = time.perf_counter()
    result = fit(members(2), data, info, DenseNet, hooks, plan="stacked")
    assert time.perf_counter() - began > 0.05 and hooks.paused == 2
    assert [m.stopped for m in result.members] == ["asked"] * 2 and len(hooks.epochs) == 3
    assert hooks.total == (60, 80)


def test_halving_by_hand_and_rank_correlation():
    h = halving.even(27, 9)
    assert (h.rungs, h.keep) == ((1, 3), (9, 3))
    values = {"a": 1.0, "b": 2.0, "c": float("inf"), "d": 0.5}
    pick = Halving(rungs=(1,), keep=(1,), group={"a": "x", "c": "x", "b": "y", "d": "y"})
    assert halving.survivors(values, pick, 1) == {"b", "d"} and halving.survivors(values, pick, 2) == set(values)
    assert halving.rank_correlation([1, 2, 3, 4], [10, 20, 30, 40]) == 1.0 and halving.rank_correlation([1, 2, 3], [3, 2, 1]) == -1.0


def test_observers_see_gradients_and_activations_every_k_steps():
    data, info = mixed()

    class Watch:
        every = 3

        def __init__(self):
            self.seen = []

        def observe(self, population, tracks, epoch, step):
            layer = next(v for v in population.layers() if v.name == "layers.0.weight")
            self.seen.append((epoch, step, layer.grad is not None, None if layer.activation is None else tuple(layer.activation.shape)))

    watch = Watch()
    fit(members(2, epochs=2), data, info, DenseNet, plan="stacked", observers=[watch])
    assert [s[:2] for s in watch.seen] == [(e, s) for e in (0, 1) for s in (3, 6, 9)]
    assert watch.seen[0][2:] == (True, (2, 100, 16))


@pytest.mark.slow
@pytest.mark.parametrize("dropout", [0.0, 0.25])
def test_stacked_and_one_at_a_time_reach_the_same_loss_over_16_seeds(dropout):
    data, info = mixed(6000)
    base = members(1, 6000, network={"hidden": [32, 32], "dropout": [dropout] * 2, "batch_norm": False}, lr=3e-3, epochs=6)[0]
    crew = [base.__class__(**{**base.__dict__, "id": f"s{i}", "seed": i}) for i in range(16)]
    a, b = (torch.tensor([m.best for m in fit(crew, data, info, DenseNet, plan=p, watch=False).members]) for p in ("stacked", "one"))
    gap, error = float((a - b).mean()), float((a - b).std()) / 4
    assert abs(gap) <= 3 * error + 1e-3 and abs(float(a.mean() - b.mean())) < float(b.std()) + 1e-3
