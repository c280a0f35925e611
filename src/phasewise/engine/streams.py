"""Random streams per member, keyed by (seed, purpose, epoch): no member's draws depend on another's (engine design, Randomness)."""

import numpy as np
import torch
from torch import Tensor

_PURPOSE = {"init": 1, "order": 2, "dropout": 3, "sample": 4, "module": 5, "augment": 6}


def sequence(seed: int, purpose: str, epoch: int = 0) -> np.random.SeedSequence:
    """The seed sequence of one stream."""
    return np.random.SeedSequence([seed & 0xFFFFFFFF, (seed >> 32) & 0xFFFFFFFF, _PURPOSE[purpose], epoch])


def generator(seed: int, purpose: str, epoch: int = 0) -> np.random.Generator:
    """A NumPy generator over SFC64 for one stream."""
    return np.random.Generator(np.random.SFC64(sequence(seed, purpose, epoch)))


def torch_seed(seed: int, purpose: str, epoch: int = 0) -> int:
    """A 63-bit seed for a torch generator of one stream."""
    return int(sequence(seed, purpose, epoch).generate_state(1, np.uint64)[0] >> np.uint64(1))


def permutation(n: int, seed: int, epoch: int, device: torch.device) -> Tensor:
    """A permutation of n row numbers (int64 [n]) on a device, drawn where it is needed."""
    if device.type == "cpu":
        return torch.from_numpy(generator(seed, "order", epoch).permutation(n))
    source = torch.Generator(device).manual_seed(torch_seed(seed, "order", epoch))
    return torch.rand(n, generator=source, device=device, dtype=torch.float64).argsort()
