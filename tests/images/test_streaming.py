"""Pictures that do not fit into memory are read from the file they were decoded into, with the same results bit for bit."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

sys.path.insert(0, str(Path(__file__).parent))
from pictures import project, shapes, small  # noqa: E402

from phasewise import engine  # noqa: E402
from phasewise.engine import Member  # noqa: E402
from phasewise.kinds.images import batches, development, networks, preparing  # noqa: E402
from phasewise.project.folder import Project  # noqa: E402


@pytest.fixture(scope="module")
def jobs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stream")
    made = project(folder / "p", shapes(folder / "data", each=30))
    made.split(folds=0, test_share=0.2, validation_share=0.25)
    return made


def _trained(jobs, monkeypatch, limit, remedies=None):
    view = jobs.data.model_copy(update={"remedies": remedies or {}})
    monkeypatch.setenv(batches.LIMIT, limit)
    with Project.open(jobs.folder, read_only=True) as opened:
        dev = development.load(opened, view)
    made = preparing.fit(dev, dev.train, view)
    data = batches.dataset(dev, made)
    config = small(options={"augment": {"crop": 2, "flip": 0.5}}, epochs=3)
    member = Member(id="m", config=config, seed=3, train=torch.from_numpy(dev.train), validation=torch.from_numpy(dev.validation))
    result = engine.fit([member], data, batches.info(made, data, dev.train), networks.build, watch=False, plan="one")
    return data, result.members[0], dev


def test_a_fit_from_the_file_equals_the_fit_from_memory(jobs, monkeypatch):
    resident, a, _ = _trained(jobs, monkeypatch, "100")
    streamed, b, _ = _trained(jobs, monkeypatch, "0")
    assert not resident.at_home and streamed.at_home == {"image"}
    assert torch.equal(resident.inputs["image"], streamed.inputs["image"]) and not streamed.inputs["image"].is_contiguous()
    assert a.state.keys() == b.state.keys() and all(torch.equal(a.state[k], b.state[k]) for k in a.state)
    assert torch.equal(a.outputs, b.outputs) and a.curves == b.curves


def test_pictures_left_out_by_a_remedy_are_left_out_of_the_stream(jobs, monkeypatch):
    with Project.open(jobs.folder, read_only=True) as opened:
        rows = development.load(opened, jobs.data).table["__row__"].to_list()[3:6]
    remedy = {"broken-file": "drop-rows?" + json.dumps({"rows": rows})}
    resident, a, dev = _trained(jobs, monkeypatch, "100", remedy)
    streamed, b, _ = _trained(jobs, monkeypatch, "0", remedy)
    assert resident.rows == streamed.rows == dev.listed.height - 3
    assert torch.equal(resident.inputs["image"], streamed.inputs["image"])
    assert torch.equal(a.outputs, b.outputs)


def test_rows_of_a_stream_move_to_the_device_of_the_targets():
    held = torch.from_numpy(np.arange(24, dtype=np.uint8).reshape(6, 1, 2, 2))
    data = engine.Dataset(inputs={"image": held}, y=torch.arange(6), task="multiclass", classes=6, at_home=frozenset({"image"}))
    moved = data.to(torch.device("cpu"))
    assert moved.inputs["image"] is held and moved.at_home == data.at_home
    inputs, y = moved.take(torch.tensor([4, 1]))
    assert torch.equal(inputs["image"], held[[4, 1]]) and y.tolist() == [4, 1]
