"""What the tests of hand-written steps compare."""

import torch
from torch import nn


def seen(net: nn.Module, num: torch.Tensor) -> dict[str, torch.Tensor]:
    """Outputs in training and evaluation, the random state after them, and all gradients."""
    net.zero_grad()
    torch.manual_seed(5)
    out = net.train()({"num": num})
    (out * torch.linspace(-1, 1, out.numel(), dtype=out.dtype).view(out.shape)).sum().backward()
    state = torch.get_rng_state()
    with torch.no_grad():
        told = net.eval()({"num": num})
    return {"out": out.detach(), "random": state.double(), "told": told} | {n: p.grad.clone() for n, p in net.named_parameters()}
