"""Event files read back by a reader written here from the format's description, not from our writer (V06)."""

import math
import struct
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from bench_project import Jobs, moons_csv, small_config  # noqa: E402

from phasewise.worker.event_files import EventFile  # noqa: E402


def crc32c(data: bytes) -> int:
    """CRC-32C bit by bit (Castagnoli, reflected)."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def unmask(masked: int) -> int:
    rotated = (masked - 0xA282EAD8) & 0xFFFFFFFF
    return (rotated >> 17 | rotated << 15) & 0xFFFFFFFF


def records(raw: bytes):
    """Every record of a TFRecord file; both checks of each must hold."""
    at = 0
    while at < len(raw):
        head = raw[at : at + 8]
        (size,) = struct.unpack("<Q", head)
        assert unmask(struct.unpack("<I", raw[at + 8 : at + 12])[0]) == crc32c(head)
        data = raw[at + 12 : at + 12 + size]
        assert len(data) == size and unmask(struct.unpack("<I", raw[at + 12 + size : at + 16 + size])[0]) == crc32c(data)
        yield data
        at += 16 + size


def fields(data: bytes) -> list[tuple[int, object]]:
    """A protobuf message as (field number, value): integers, floats, doubles or bytes."""
    out, at = [], 0

    def varint():
        nonlocal at
        value, shift = 0, 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                return value

    while at < len(data):
        key = varint()
        number, wire = key >> 3, key & 7
        if wire == 0:
            out.append((number, varint()))
        elif wire == 1:
            out.append((number, struct.unpack("<d", data[at : at + 8])[0]))
            at += 8
        elif wire == 5:
            out.append((number, struct.unpack("<f", data[at : at + 4])[0]))
            at += 4
        else:
            size = varint()
            out.append((number, data[at : at + size]))
            at += size
    return out


def summaries(path: Path):
    """(step, tag, fields of the value) of every value; the first record must be the version."""
    first, *rest = (fields(r) for r in records(path.read_bytes()))
    assert dict(first)[3] == b"brain.Event:2"
    for event in rest:
        named = dict(event)
        for number, value in fields(named[5]):
            assert number == 1
            yield named.get(2, 0), dict(fields(value))[1].decode(), dict(fields(value))


def test_a_histogram_holds_the_numbers_it_was_made_of(tmp_path):
    values = np.random.default_rng(0).normal(3, 2, 5000)
    file = EventFile(tmp_path, clock=lambda: 7.0)
    file.histogram(12, "weights/a", values.tolist())
    file.histogram(13, "weights/flat", [2.0] * 4 + [math.nan])
    file.histogram(14, "weights/none", [])
    file.close()
    (step, tag, one), (_, _, flat), (_, _, none) = summaries(file.path)
    found = dict(fields(one[5]))
    limits, counts = (np.array(struct.unpack(f"<{len(found[k]) // 8}d", found[k])) for k in (6, 7))
    assert (step, tag) == (12, "weights/a") and found[3] == 5000 == counts.sum()
    assert (found[1], found[2]) == (values.min(), values.max()) and found[4] == pytest.approx(values.sum()) and found[5] == pytest.approx((values**2).sum())
    expected, _ = np.histogram(values, np.concatenate([[values.min() - 1e-9], limits]))
    assert np.array_equal(expected, counts) and (np.diff(limits) > 0).all()
    assert dict(fields(flat[5]))[3] == 4.0 and dict(fields(none[5]))[3] == 0.0


def test_hyper_parameters_are_three_values_of_the_plugin(tmp_path):
    file = EventFile(tmp_path, clock=lambda: 50.0)
    file.hparams({"train.lr": 0.01, "network.batch_norm": True, "network.family": "mlp"}, {"hparam/accuracy": 0.9})
    file.close()
    found = {tag: value for _, tag, value in summaries(file.path)}
    assert set(found) == {"_hparams_/experiment", "_hparams_/session_start_info", "_hparams_/session_end_info", "hparam/accuracy"}
    content = {}
    for tag in (t for t in found if t.startswith("_hparams_")):
        plugin = dict(fields(dict(fields(found[tag][9]))[1]))
        assert plugin[1] == b"hparams"
        content[tag.split("/")[1]] = dict(fields(plugin[2]))
    start = fields(content["session_start_info"][3])
    chosen = {dict(fields(v))[1].decode(): fields(dict(fields(v))[2])[0] for n, v in start if n == 1}
    assert chosen == {"train.lr": (2, 0.01), "network.batch_norm": (4, 1), "network.family": (3, b"mlp")} and (5, 50.0) in start
    experiment = fields(content["experiment"][2])
    assert [dict(fields(v))[4] for n, v in experiment if n == 4] == [3, 2, 1]
    assert [dict(fields(dict(fields(v))[1]))[2] for n, v in experiment if n == 5] == [b"hparam/accuracy"]
    assert dict(fields(content["session_end_info"][4]))[1] == 1 and found["hparam/accuracy"][2] == pytest.approx(0.9, abs=1e-7)


def test_a_fit_leaves_curves_weights_and_settings(tmp_path):
    made = Jobs(tmp_path / "p", moons_csv(tmp_path / "moons.csv", rows=300), "label", "accuracy", task="binary", positive="yes")
    made.split()
    found = made.run("fit", config=small_config(epochs=3).model_dump(), seeds=[0])
    run = made.folder / "runs" / found.model.ref.split("/")[0]
    tags = [(tag, step) for path in run.glob("events.out.tfevents.*") for step, tag, _ in summaries(path)]
    names = {t for t, _ in tags}
    assert {"validation/predictions", "hparam/accuracy", "_hparams_/experiment"} <= names
    assert any(t.startswith("epoch/") for t in names) and sum(t.startswith("weights/") for t in names) >= 4
    looked = {step for t, step in tags if t.startswith("weights/")}
    assert max(looked) == found.steps and min(looked) > 0, "while it trains, and at the end"


def test_tensorboard_reads_them(tmp_path):
    loader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    file = EventFile(tmp_path)
    file.histogram(3, "weights/a", [0.0, 1.0, 2.0])
    file.hparams({"train.lr": 0.01}, {"hparam/accuracy": 0.9})
    file.close()
    read = loader.EventAccumulator(str(file.path))
    read.Reload()
    assert read.Tags()["histograms"] == ["weights/a"] and read.Histograms("weights/a")[0].histogram_value.num == 3
    from tensorboard.plugins.hparams import metadata

    content = read.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
    assert metadata.parse_session_start_info_plugin_data(content).hparams["train.lr"].number_value == 0.01
    assert metadata.parse_experiment_plugin_data(read.SummaryMetadata("_hparams_/experiment").plugin_data.content).hparam_infos[0].name == "train.lr"
