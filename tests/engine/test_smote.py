"""SMOTE rows (D12, D13): equal to a hand-written reference, from training rows only, and what they do beside controls."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from tests.engine.helpers import Record, members, mixed, same

from phasewise.engine import Dataset, InputInfo, fit, smote, streams
from phasewise.engine.dense.module import DenseNet


def by_hand(num: np.ndarray, cat: np.ndarray, flags: list[int], made: smote.Made) -> tuple[np.ndarray, np.ndarray]:
    """Chawla's SMOTE-NC in plain loops, given which base row, which neighbour and which gap were drawn."""
    smooth = [j for j in range(num.shape[1]) if j not in flags]
    penalty = np.median(num[:, smooth].std(0))
    rows, codes = [], []
    for base, mate, gap in zip(made.base, made.mate, made.gap, strict=True):
        far = []
        for other in range(len(num)):
            square = ((num[base, smooth].astype(float) - num[other, smooth]) ** 2).sum()
            square += penalty**2 * ((num[base, flags] != num[other, flags]).sum() + (cat[base] != cat[other]).sum())
            far.append((square if other != base else np.inf, other))
        near = [other for _, other in sorted(far)[:5]]
        assert mate in near
        row = num[base] + np.float32(gap) * (num[mate] - num[base])
        for j in flags:
            values, counts = np.unique(num[near, j], return_counts=True)
            row[j] = values[counts.argmax()]
        rows.append(row)
        codes.append([np.unique(cat[near, j])[np.unique(cat[near, j], return_counts=True)[1].argmax()] for j in range(cat.shape[1])])
    return np.stack(rows), np.array(codes)


def test_made_rows_equal_a_hand_written_reference():
    g = torch.Generator().manual_seed(0)
    num = torch.randn(60, 5, generator=g)
    num[:, 3] = (num[:, 3] > 0).float()
    cat = torch.randint(0, 4, (60, 2), generator=g).int()
    made = smote.between(num, cat, 200, streams.generator(3, "sample"))
    rows, codes = by_hand(num.numpy(), cat.numpy(), [3], made)
    assert np.allclose(made.num.numpy(), rows, atol=1e-6)
    assert made.cat is not None and (made.cat.numpy() == codes).all()
    assert set(made.num[:, 3].tolist()) <= {0.0, 1.0}, "a two-valued column keeps its values"
    again = smote.between(num, cat, 200, streams.generator(3, "sample"))
    assert torch.equal(made.num, again.num) and torch.equal(made.cat, again.cat)


def test_classes_are_filled_up_from_training_rows_only():
    data, _ = mixed(1500, "multiclass", 3)
    spoiled = replace(data, inputs=data.inputs | {"num": data.inputs["num"].clone()})
    spoiled.inputs["num"][1000:] = 1e9  # rows outside the training part
    (member,) = members(1, sampling="smote")
    member = replace(member, train=torch.arange(1000), validation=torch.arange(1000, 1500))
    whole, made, notes = smote.extended([member], spoiled)
    counts = torch.bincount(spoiled.y[member.train], minlength=3)
    assert not notes and len(made["m0"]) == int(3 * counts.max() - counts.sum())
    drawn = torch.cat([member.train, made["m0"]])
    assert torch.bincount(whole.y[drawn]).unique().numel() == 1
    assert float(whole.inputs["num"][made["m0"]].abs().max()) < 10
    assert torch.equal(whole.inputs["num"][: data.rows], spoiled.inputs["num"]), "rows that exist are untouched"


@pytest.mark.parametrize("case", ["no numbers", "one row"])
def test_where_it_cannot_work_this_is_said(case):
    data, info = mixed(600, "binary", 2)
    (member,) = members(1, rows=600, sampling="smote", epochs=1)
    if case == "no numbers":
        data, info = replace(data, inputs={"cat": data.inputs["cat"]}), InputInfo(cardinalities=info.cardinalities, outputs=1)
        assert any("over-sampling" in n for n in fit([member], data, info, DenseNet).fallbacks)
        return
    keep = torch.cat([(data.y[:500] == 0).nonzero().flatten(), (data.y[:500] == 1).nonzero().flatten()[:1]])
    result = fit([replace(member, train=keep)], data, info, DenseNet)
    assert any("only copy" in n for n in result.fallbacks) and result.members[0].train_outputs.shape[0] == len(keep)


def test_a_member_is_the_same_alone_and_among_others():
    data, info = mixed()
    crew = [*members(3, sampling="smote", network={"dropout": []}), *[replace(m, id=f"p{m.id}") for m in members(2, network={"dropout": []})]]
    together = fit(crew, data, info, DenseNet, plan="stacked").members
    for i in (0, 2, 4):
        assert same(fit([crew[i]], data, info, DenseNet, plan="stacked").members[0], together[i])


def test_made_rows_lift_the_recall_of_the_rare_class_beside_its_controls():
    g = torch.Generator().manual_seed(5)
    y = (torch.arange(4000) % 25 == 0).long()
    x = torch.randn(4000, 6, generator=g) + 1.1 * y[:, None] * torch.tensor([1.0, -1.0, 0.5, 0, 0, 0])
    data, info = Dataset(inputs={"num": x}, y=y, task="binary", classes=2), InputInfo(numbers=6, outputs=1)
    recall, area = {}, {}
    for kind in ("none", "over", "smote"):
        crew = members(3, rows=4000, network={"dropout": [], "batch_norm": False}, lr=3e-3, epochs=6, sampling=kind, weight_decay=0.0)
        found = fit(crew, data, info, DenseNet, Record(), objective="roc_auc").members
        held, positive = crew[0].validation, data.y[crew[0].validation] == 1
        recall[kind] = float(np.mean([float((m.outputs[positive, 0] > 0).double().mean()) for m in found]))
        area[kind] = float(np.mean([m.best for m in found]))
        assert len(held) == len(found[0].outputs)
    assert recall["smote"] > recall["none"] + 0.2 and abs(recall["smote"] - recall["over"]) < 0.2, (recall, area)
