"""The dense family (linear, one hidden layer, MLP with embeddings and batch norm): the engine's own module, which it can train stacked."""

from torch import nn

from phasewise.engine.dense.module import DenseNet


def build(spec, info) -> nn.Module:
    """A `linear`, `one_hidden` or `mlp` network (A10, N04) for inputs described by `info`."""
    return DenseNet(spec, info)
