"""The dense family as an ordinary module: embeddings and numbers in, [Linear, batch norm, activation, dropout] per layer, linear head."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from phasewise.engine import init
from phasewise.engine.data import InputInfo
from phasewise.records.errors import UsageError
from phasewise.records.models import NetworkSpec

ACTIVATIONS = {"relu": nn.ReLU, "gelu": nn.GELU, "silu": nn.SiLU, "mish": nn.Mish, "selu": nn.SELU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid}
FAMILIES = ("linear", "one_hidden", "mlp")
DEFAULT_HIDDEN = (256, 128)


def embedding_size(cardinality: int, rule: str) -> int:
    """Columns of an embedding: `fastai` min(600, round(1.6 n^.56)), `half` min(50, (n+1)//2) (N04)."""
    if rule == "half":
        return max(1, min(50, (cardinality + 1) // 2))
    return max(1, min(600, round(1.6 * cardinality**0.56)))


def hidden_sizes(spec: NetworkSpec, inputs: int, outputs: int) -> list[int]:
    """Units per hidden layer: none, one at the midpoint of inputs and outputs (A10-A12), or the spec's."""
    if spec.family == "linear":
        return []
    if spec.family == "one_hidden":
        return list(spec.hidden[:1]) or [max(2, round((inputs + outputs) / 2))]
    if spec.family == "mlp":
        return list(spec.hidden) or list(DEFAULT_HIDDEN)
    raise UsageError(f"{spec.family!r} is not of the dense family", "", f"Use one of {', '.join(FAMILIES)}.")


class DenseNet(nn.Module):
    """Inputs `num` float [b, d] and `cat` int [b, c] (either may be absent) to raw outputs float [b, outputs]."""

    def __init__(self, spec: NetworkSpec, info: InputInfo) -> None:
        super().__init__()
        self.spec, self.info = spec, info
        widths = [embedding_size(c, spec.embedding_rule) if spec.embeddings else c for c in info.cardinalities]
        self.embeddings = nn.ModuleList(nn.Embedding(c, w) for c, w in zip(info.cardinalities, widths, strict=True)) if spec.embeddings else nn.ModuleList()
        inputs = info.numbers + sum(widths)
        sizes = hidden_sizes(spec, inputs, info.outputs)
        if len(spec.dropout) not in (0, len(sizes)) and sizes:
            raise UsageError(f"{len(spec.dropout)} dropout rates for {len(sizes)} hidden layers", "One per hidden layer is needed.")
        self.rates = list(spec.dropout) or [0.0] * len(sizes)
        self.layers = nn.ModuleList(nn.Linear(a, b, bias=not spec.batch_norm) for a, b in zip([inputs, *sizes], sizes, strict=False))
        self.norms = nn.ModuleList(nn.BatchNorm1d(b) for b in sizes) if spec.batch_norm else nn.ModuleList()
        self.activation = ACTIVATIONS[spec.activation]()
        self.head = nn.Linear([inputs, *sizes][-1], info.outputs)
        self.initialise()

    def initialise(self) -> None:
        """Hidden weights by the spec's initialisation (T26, T28), head LeCun normal, biases zero."""
        init.initialise(self, self.spec.init, activation=self.spec.activation)

    def features(self, inputs: dict[str, Tensor]) -> Tensor:
        """Numbers and embedded (or one-hot) categories side by side: float [b, d]."""
        parts = [inputs["num"]] if self.info.numbers else []
        if self.info.cardinalities:
            codes = inputs["cat"].long()
            if len(self.embeddings):
                parts += [table(codes[:, i]) for i, table in enumerate(self.embeddings)]
            else:
                parts += [F.one_hot(codes[:, i], c).to(torch.float32) for i, c in enumerate(self.info.cardinalities)]
        return torch.cat([p.to(self.head.weight.dtype) for p in parts], dim=1)

    def forward(self, inputs: dict[str, Tensor]) -> Tensor:
        """Raw outputs."""
        h = self.features(inputs)
        for i, layer in enumerate(self.layers):
            h = layer(h)
            h = self.norms[i](h) if len(self.norms) else h
            h = F.dropout(self.activation(h), self.rates[i], self.training)
        return self.head(h)
