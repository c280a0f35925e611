"""The minimal-model ladder (B06) stops exactly at the planted suspect; the Adam trigger (T05) fires on slow training only."""

import math

import pytest
import torch
from torch import nn

from phasewise.engine import minimal
from phasewise.engine.trigger import advise_adam
from phasewise.records.models import ModelConfig, NetworkSpec, TrainSpec

FULL = ModelConfig(
    network=NetworkSpec(family="mlp", hidden=[32, 32], dropout=[0.1, 0.1]),
    train=TrainSpec(weight_decay=0.01, label_smoothing=0.1, augment={"mirror": True}, schedule="cosine", lr=3e-3, epochs=4),
)


def test_steps_come_in_order_and_end_at_the_full_config():
    steps = minimal.simplifications(FULL, 1000, 300)
    assert [s.id for s in steps] == ["rows", "hidden", "dropout", "weight_decay", "label_smoothing", "augment", "schedule"]
    simple, rows = minimal.applied(FULL, steps, 0)
    assert rows == 300 and simple.network.hidden == [32] and simple.network.dropout == [0.0] and simple.train.weight_decay == 0 and simple.train.augment == {}
    assert minimal.applied(FULL, steps, 1)[1] == 1000 and minimal.applied(FULL, steps, 1)[0] == simple
    assert minimal.applied(FULL, steps, 2)[0].network.dropout == [0.0, 0.0]
    assert minimal.applied(FULL, steps, len(steps))[0] == FULL
    changed = [minimal.applied(FULL, steps, i) for i in range(len(steps) + 1)]
    assert all(a != b for a, b in zip(changed, changed[1:], strict=False))
    assert minimal.simplifications(ModelConfig(network=NetworkSpec(family="one_hidden", hidden=[4])), 100) == []


def digits():
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    return torch.tensor(x / 16, dtype=torch.float32), torch.tensor(y)


def trainer(bug: str):
    """Trains a small network as the config says; with the bug `augment`, mirrored pictures get another label."""
    x, y = digits()

    def fit_once(config: ModelConfig, rows: int | None) -> list[float]:
        values = []
        for seed in (0, 1, 2):
            torch.manual_seed(seed)
            widths = [64, *config.network.hidden]
            layers = [m for a, b, p in zip(widths, widths[1:], config.network.dropout, strict=False) for m in (nn.Linear(a, b), nn.ReLU(), nn.Dropout(p))]
            net = nn.Sequential(*layers, nn.Linear(widths[-1], 10))
            opt = torch.optim.AdamW(net.parameters(), lr=5e-3, weight_decay=config.train.weight_decay)
            order = torch.randperm(1400)[: rows or 1400]
            for _ in range(15):
                for pick in order[torch.randperm(len(order))].split(64):
                    bx, by = x[pick], y[pick]
                    if config.train.augment:
                        flip = torch.rand(len(bx)) < 0.3
                        noisy = bx + 0.05 * torch.randn_like(bx)
                        bx = torch.where(flip[:, None], noisy, bx)
                        by = torch.where(flip, (by + 1) % 10, by) if bug == "augment" else by
                    opt.zero_grad()
                    nn.functional.cross_entropy(net(bx), by, label_smoothing=config.train.label_smoothing).backward()
                    opt.step()
            net.eval()
            with torch.no_grad():
                values.append(-float(nn.functional.cross_entropy(net(x[1400:]), y[1400:])))
        return values

    return fit_once


def test_a_bug_visible_only_with_augmentation_stops_the_ladder_exactly_there():
    config = FULL.model_copy(update={"train": FULL.train.model_copy(update={"label_smoothing": 0.0})})
    steps = minimal.simplifications(config, 1400, 400)
    found = minimal.climb(config, steps, trainer("augment"), maximize=True, least=0.12)
    assert found.suspect == "augment" and [s.id for s in found.steps][-1] == "augment" and "augmentation" in found.advice
    assert not any(s.worse for s in found.steps[:-1])
    sound = minimal.climb(config, steps, trainer(""), maximize=True, least=0.12)
    assert sound.suspect == "" and len(sound.steps) == len(steps)


def test_noise_is_not_a_suspect_and_a_breakdown_is():
    steps = minimal.simplifications(FULL, 1000, 300)
    calls = iter([[0.80, 0.82, 0.78]] + [[0.81, 0.79, 0.80], [0.80, 0.83, 0.78]] * 4)
    assert minimal.climb(FULL, steps, lambda c, r: next(calls), maximize=True).suspect == ""
    calls = iter([[0.80, 0.82], [math.nan, 0.8]])
    assert minimal.climb(FULL, steps, lambda c, r: next(calls), maximize=True).suspect == "rows"


def sgd(lr, scales, steps=200):
    torch.manual_seed(0)
    w = torch.ones(len(scales), requires_grad=True)
    opt, losses = torch.optim.SGD([w], lr=lr), []
    for _ in range(steps):
        opt.zero_grad()
        loss = (torch.tensor(scales) * w * w).sum() / 2
        losses.append(float(loss.detach()))
        loss.backward()
        opt.step()
    return losses


def test_an_ill_conditioned_quadratic_triggers_and_well_tuned_training_does_not():
    slow = sgd(0.0018, [1000.0] + [1.0] * 20_000)
    assert advise_adam(slow, 20, "sgd").find_again
    assert advise_adam(slow, 20, "adam") is None
    x, y = digits()
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(64, 37), nn.ReLU(), nn.Linear(37, 10))
    opt, losses = torch.optim.SGD(net.parameters(), lr=0.5), []
    for _ in range(10):
        for pick in torch.randperm(1400).split(32):
            opt.zero_grad()
            loss = nn.functional.cross_entropy(net(x[pick]), y[pick])
            losses.append(float(loss.detach()))
            loss.backward()
            opt.step()
    assert advise_adam(losses, 44, "sgd", train_error=0.02, goal_error=0.01) is None
    assert advise_adam(losses[:44], 44, "sgd") is None


@pytest.mark.parametrize("error", [0.3, 0.05])
def test_a_plateau_above_the_goal_triggers(error):
    losses = [2.0 * 0.9**i if i < 20 else 2.0 * 0.9**20 for i in range(200)]
    found = advise_adam(losses, 20, "sgd", train_error=error, goal_error=0.1)
    assert (found is not None) == (error > 0.1)
