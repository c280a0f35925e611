"""Further heads on the last hidden layer while training; none of them outlives it (R20; Caruana 1997, Lee 1409.5185)."""

from collections.abc import Mapping
from dataclasses import replace

from torch import Tensor, nn

from phasewise.engine.dense.module import DenseNet
from phasewise.engine.losses import LearnedSum, WeightedSum
from phasewise.records.errors import UsageError

WEIGHT = 0.3
INPUT = "auxiliary"
INSIDE = "net."


class Auxiliary(nn.Module):
    """A dense network whose head has units for further targets: L = L_main + lambda L_aux, the mean squared error of known cells (A09).

    lambda is `auxiliary_weight`, or with `auxiliary_learned` both losses' weights train along.

    In evaluation, and for whoever reads its outputs, it is the network without them.
    """

    random_in_forward = True
    """A forward pass leaves something behind for the loss: no vmap."""

    def __init__(self, spec, info) -> None:
        super().__init__()
        if spec.family not in ("one_hidden", "mlp"):
            raise UsageError(f"{spec.family} learns no second target along", "It needs a hidden layer that both targets share and one head.", "Choose mlp or one_hidden, or leave approach.auxiliary out.")
        self.main = info.outputs
        learned = spec.options.get("auxiliary_learned", False)
        self.whole = LearnedSum(["main", INPUT]) if learned else WeightedSum(weights={INPUT: float(spec.options.get("auxiliary_weight", WEIGHT))})
        self.net = DenseNet(spec, replace(info, outputs=info.outputs + info.auxiliary, auxiliary=0))
        self._seen: tuple[Tensor, Tensor] | None = None

    def forward(self, inputs: dict[str, Tensor]) -> Tensor:
        """Raw outputs of the main target `[n, outputs]`."""
        out = self.net(inputs)
        self._seen = (out[:, self.main :], inputs[INPUT]) if self.training and INPUT in inputs else None
        return out[:, : self.main]

    def training_loss(self, out: Tensor, y: Tensor, loss) -> Tensor:
        """The main loss and the weighted auxiliary one of the same batch."""
        main = loss(out, y)
        if self._seen is None:
            return main
        said, block = self._seen
        truth, known = block.chunk(2, dim=1)
        return self.whole({"main": main, INPUT: (((said.float() - truth) ** 2) * known).sum() / known.sum().clamp_min(1.0)})


def removed(state: Mapping[str, Tensor], outputs: int) -> dict[str, Tensor]:
    """The weights of the network alone: what is shipped has `outputs` units and never heard of another target."""
    plain = {name.removeprefix(INSIDE): value for name, value in state.items() if name.startswith(INSIDE)}
    return plain | {name: plain[name][:outputs] for name in ("head.weight", "head.bias")}
