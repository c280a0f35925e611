"""Networks and data for the check-up's proof: sound ones of every family, and the same small network with one planted bug each."""

import torch
import torch.nn.functional as F
from torch import nn

from phasewise.engine.checkup import Case
from phasewise.engine.data import Dataset, InputInfo
from phasewise.records.models import ModelConfig, NetworkSpec, TrainSpec


def table(task="multiclass", classes=3, rows=1600):
    g = torch.Generator().manual_seed(5)
    num = torch.randn(rows, 6, generator=g)
    cat = torch.randint(1, 5, (rows, 2), generator=g, dtype=torch.int32)
    score = num[:, 0] * 1.5 + num[:, 1] * num[:, 2] + 0.7 * (cat[:, 0] == 2) + 0.3 * torch.randn(rows, generator=g)
    if task == "regression":
        y = (score - score.mean()) / score.std()
    else:
        edges = torch.quantile(score, torch.linspace(0, 1, classes + 1)[1:-1])
        y = torch.bucketize(score, edges)
    outputs = classes if task == "multiclass" else 1
    data = Dataset(inputs={"num": num, "cat": cat}, y=y, task=task, classes=0 if task == "regression" else classes)
    return data, InputInfo(numbers=6, cardinalities=(5, 5), outputs=outputs)


def case(build, *, task="multiclass", classes=3, lr=1e-3, optimizer="adam", data=None, info=None, **kw):
    made = table(task, 2 if task == "binary" else classes) if data is None else (data, info)
    spec = kw.pop("spec", NetworkSpec(family="mlp"))
    config = ModelConfig(network=spec, train=TrainSpec(optimizer=optimizer, lr=lr))
    return Case(config=config, data=made[0], info=made[1], build=build, rows=torch.arange(1200), **kw)


class Net(nn.Module):
    """The sound small network every bug is planted in."""

    def __init__(self, spec, info):
        super().__init__()
        self.table = nn.Embedding(5, 3)
        self.a, self.norm, self.act, self.drop = nn.Linear(info.numbers + 6, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Dropout(0.1)
        self.b, self.head = nn.Linear(32, 32), nn.Linear(32, info.outputs)
        nn.init.normal_(self.head.weight, 0, 0.02)

    def features(self, x):
        return torch.cat([x["num"], self.table(x["cat"].long()).flatten(1)], 1)

    def body(self, h):
        return self.act(self.b(self.drop(self.act(self.norm(self.a(h))))))

    def forward(self, x):
        return self.head(self.body(self.features(x)))


class Detached(Net):
    def body(self, h):
        return self.act(self.b(self.act(self.norm(self.a(h))).detach()))


class SoftmaxOverRows(Net):
    def body(self, h):
        return super().body(h) * 0 + torch.softmax(super().body(h), dim=0)


class DoubleSoftmax(Net):
    def forward(self, x):
        return torch.softmax(super().forward(x), dim=1)


class LogSoftmaxTwice(Net):
    def forward(self, x):
        return torch.log_softmax(super().forward(x), dim=1)


class PlainList(Net):
    def __init__(self, spec, info):
        super().__init__(spec, info)
        self.hidden = [nn.Linear(32, 32)]

    def body(self, h):
        return self.act(self.hidden[0](super().body(h)))


class NoGradient(Net):
    def __init__(self, spec, info):
        super().__init__(spec, info)
        self.a.weight.requires_grad_(False)


class SharedByAccident(Net):
    def __init__(self, spec, info):
        super().__init__(spec, info)
        self.c = self.b

    def body(self, h):
        return self.act(self.c(super().body(h)))


class ViewInsteadOfPermute(Net):
    def features(self, x):
        h = super().features(x)
        return h.view(h.shape[1], h.shape[0]).t()


class InPlace(Net):
    def features(self, x):
        x["num"].mul_(0.5)
        return super().features(x)


class CentresOverBatch(Net):
    def features(self, x):
        h = super().features(x)
        return h - h.mean(0)


class NormLeftInTraining(Net):
    def eval(self):
        return self.train(True)

    def train(self, mode=True):
        super().train(mode)
        self.norm.train(True)
        return self


class FunctionalDropout(Net):
    def body(self, h):
        return F.dropout(super().body(h), 0.3)


class DropsByItself(Net):
    """Dropout without a layer of its own, off in evaluation: sound."""

    def body(self, h):
        return F.dropout(super().body(h), 0.1, self.training)


class DeadUnits(Net):
    def __init__(self, spec, info):
        super().__init__(spec, info)
        nn.init.constant_(self.b.bias, -50.0)


class Saturated(Net):
    def __init__(self, spec, info):
        super().__init__(spec, info)
        self.act = nn.Tanh()
        nn.init.normal_(self.b.weight, 0, 30.0)


class IgnoresInputs(Net):
    def features(self, x):
        return super().features(x) * 0 + 1


class NotFinite(Net):
    def forward(self, x):
        return torch.log(super().forward(x) * 0 - 1)


class OneOutputShort(Net):
    def __init__(self, spec, info):
        super().__init__(spec, info)
        self.head = nn.Linear(32, info.outputs - 1)


class HugeHead(Net):
    def __init__(self, spec, info):
        super().__init__(spec, info)
        nn.init.normal_(self.head.weight, 0, 20.0)


class NeverCalled(Net):
    def __init__(self, spec, info):
        super().__init__(spec, info)
        self.extra = nn.Linear(32, 32)


class SumsOverRows(Net):
    def forward(self, x):
        out = super().forward(x)
        return out + out.sum(0) / 100


class UnseededNoise(Net):
    def features(self, x):
        h = super().features(x)
        if self.training:
            g = torch.Generator()
            g.seed()
            h = h + 0.1 * torch.randn(h.shape, generator=g, dtype=h.dtype)
        return h


class Sigmoids(Net):
    """Eight sigmoid layers at torch's default initialisation: nothing reaches the first."""

    def __init__(self, spec, info):
        super().__init__(spec, info)
        self.deep = nn.Sequential(*[m for _ in range(14) for m in (nn.Linear(32, 32), nn.Sigmoid())])

    def body(self, h):
        return self.deep(super().body(h))


class KeepsItsPromise(Net):
    """Symmetric in the first two numbers by construction, and says so (R21)."""

    invariances = {"swapping the first two numbers": lambda x: {**x, "num": x["num"][:, [1, 0, 2, 3, 4, 5]]}}

    def features(self, x):
        a, b = x["num"][:, :1], x["num"][:, 1:2]
        return super().features({**x, "num": torch.cat([a + b, a * b, x["num"][:, 2:]], 1)})


class BreaksItsPromise(Net):
    invariances = KeepsItsPromise.invariances


def shuffled_labels():
    data, info = table()
    y = data.y[torch.randperm(len(data.y), generator=torch.Generator().manual_seed(1))]
    return Dataset(inputs=data.inputs, y=y, task=data.task, classes=3), info


class Conv(nn.Module):
    def __init__(self, spec, info):
        super().__init__()
        self.net = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(64, info.outputs))
        nn.init.normal_(self.net[-1].weight, 0, 0.02)

    def forward(self, x):
        return self.net(x["image"].to(self.net[0].weight.dtype) / 16)


class Recurrent(nn.Module):
    def __init__(self, spec, info):
        super().__init__()
        self.cell, self.head = nn.LSTM(8, 24, batch_first=True), nn.Linear(24, info.outputs)
        nn.init.normal_(self.head.weight, 0, 0.02)

    def forward(self, x):
        out, _ = self.cell(x["image"].to(self.head.weight.dtype).squeeze(1) / 16)
        return self.head(out[:, -1])


def pictures():
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    data = Dataset(inputs={"image": torch.tensor(x, dtype=torch.uint8).reshape(-1, 1, 8, 8)}, y=torch.tensor(y), task="multiclass", classes=10)
    return data, InputInfo(outputs=10, image=(1, 8, 8))
