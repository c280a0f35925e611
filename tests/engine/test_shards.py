"""Tables larger than memory: windows cover every row once, and training through them equals training on the same rows in memory."""

import numpy as np
import pytest
import torch
from tests.engine.helpers import Record, members, mixed

from phasewise.engine import fit
from phasewise.engine.dense.module import DenseNet
from phasewise.engine.shards import Shards, ShardWriter, hold
from phasewise.records.errors import StorageError, UsageError


@pytest.fixture
def sharded(tmp_path):
    data, info = mixed(5000)
    writer = ShardWriter(tmp_path / "s", data.task, data.classes)
    for at in range(0, 5000, 700):
        part = slice(at, at + 700)
        writer.add({n: x[part].numpy() for n, x in data.inputs.items()}, data.y[part].numpy())
    return writer.close(), data, info


def test_windows_hold_every_row_once_in_another_order_each_epoch(sharded):
    shards, data, _ = sharded
    stream, _, _ = hold(shards, train=(0, 4000), validation=np.arange(4000, 5000), memory_mb=0.1)
    assert len(stream.spans()) == 4 and stream.shuffled(0) != stream.shuffled(2)
    seen = [(d.rows, d.inputs["num"].clone()) for _, d in stream.windows(0, 100, 0, torch.device("cpu"))]
    together = torch.cat([x for _, x in seen])
    assert len(together) == 4000
    rows = {tuple(r) for r in together[:, :3].tolist()}
    assert rows == {tuple(r) for r in data.inputs["num"][:4000, :3].tolist()}
    assert max(rows for rows, _ in seen) <= 1024
    orders = stream.orders([1, 2], stream.plan(100), 0, torch.device("cpu"))[:, :]
    assert orders.shape == (2, 4000) and orders.max() < 1024 and not torch.equal(orders[0], orders[1])


def test_sharded_training_learns_and_resumes_where_it_was(sharded):
    shards, data, info = sharded
    stream, train, validation = hold(shards, train=(0, 4000), validation=np.arange(4000, 5000), memory_mb=0.1)
    crew = [m.__class__(**{**m.__dict__, "train": train, "validation": validation}) for m in members(3, lr=1e-2, epochs=5)]
    hooks = Record()
    result = fit(crew, stream, info, DenseNet, hooks)
    assert result.plan["plan"] in ("stacked", "compiled")
    resident = fit([m.__class__(**{**m.__dict__, "train": torch.arange(4000), "validation": torch.arange(4000, 5000)}) for m in crew], data, info, DenseNet)
    for a, b in zip(result.members, resident.members, strict=True):
        assert a.curves["validation_loss"][-1] < a.curves["validation_loss"][0]
        assert abs(a.best - b.best) < 0.08
    with pytest.raises(UsageError):
        fit([crew[0].__class__(**{**crew[0].__dict__, "config": crew[0].config.model_copy(update={"train": crew[0].config.train.model_copy(update={"sampling": "over"})})})], stream, info, DenseNet)


def test_damaged_description_is_a_clear_error(tmp_path):
    (tmp_path / "shards.json").write_text("{")
    with pytest.raises(StorageError, match="cannot be opened"):
        Shards.open(tmp_path)
