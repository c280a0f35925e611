"""One member of any nn.Module, trained by autograd: the plan that always works."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from phasewise.engine import device as devices
from phasewise.engine import losses, optimisers, streams
from phasewise.engine.data import Dataset
from phasewise.engine.groups import Unfreezer
from phasewise.engine.handover import Handover
from phasewise.engine.member import Member
from phasewise.engine.native import single
from phasewise.engine.pieces import Pieces
from phasewise.engine.population import LayerView, Setting, Slot, initial_module
from phasewise.engine.sampling import BatchPlan

EVAL_ROWS, EVAL_PIXELS, EVAL_LEAST = 1024, 2**17, 16
"""Rows evaluated at once; of pictures as many as have so many pixels: their maps then stay in the cache (1.5 to 2.9 times faster a row than 1,024 of them, measured)."""
EVAL_ROWS_CPU = 512
"""A TabM of 16 members and two layers of 128 takes 19 ms for 1,024 rows in blocks of 512 and 33 in one block: temporaries stay in the cache."""


class ModulePopulation:
    """A population of one; its random numbers (dropout) come from a private state, swapped in for each block of steps."""

    size = 1

    def __init__(self, members: Sequence[Member], setting: Setting, plan: BatchPlan, *, blank: bool = False) -> None:
        (self.member,) = members
        self.setting, self.plan = setting, plan
        train, self.device = self.member.config.train, setting.device
        self.module = initial_module(self.member, setting).to(self.device)
        self.optimiser = optimisers.make(train, optimisers.layer_groups(self.module, self.member.config), epoch_steps=plan.steps)
        self._parameters = list(self.module.parameters())
        self.handover = Handover(self.optimiser, self.member.config) if train.optimizer == "swats" else None
        every = self.member.config.network.options.get("unfreeze_every")
        self.unfreezer = None if every is None else Unfreezer(self.module, int(every))
        self.loss = losses.loss_fn(train, setting.data, self.member.train)
        self.updater = single.Updater(self.optimiser) if self.device.type == "cpu" and single.wanted(self.module) else None
        self.best: dict[str, Tensor] = {}
        self.shadow = None if train.ema is None else {n: t.detach().clone() for n, t in self.module.state_dict().items()}
        self._averaged = {n for n, _ in self.module.named_parameters()} | {n for n, _ in self.module.named_buffers() if n.endswith(("running_mean", "running_var"))}
        self.losses = torch.zeros(plan.steps, 1, device=self.device)
        self.done = 0
        self._orders = torch.zeros(0, dtype=torch.int64)
        self._lrs: list[float] = []
        self._random = self._first_random_state()
        self.pieces = Pieces()

    def begin(self, epoch: int, orders: Tensor, lrs: Tensor) -> None:
        """See Population."""
        self._orders, self._lrs, self.done = orders[0], lrs[:, 0].tolist(), 0
        if self.unfreezer is not None:
            self.unfreezer.begin(epoch)
        if self.handover is not None:
            rows = self._orders if self.setting.stream is None else self.member.train
            before = self._swap_random(self._random)
            self.handover.begin(epoch, self.module, self._batch_loss, rows.split(self.plan.batch)[: max(1, len(rows) // self.plan.batch)])
            self._swap_random(before)
        self.losses = torch.zeros(len(self._lrs), 1, device=self.device)

    def set_rates(self, lrs: Tensor) -> None:
        """See Population."""
        self._lrs = lrs[:, 0].tolist()

    def run(self, data: Dataset, start: int, stop: int) -> None:
        """See Population."""
        before = self._swap_random(self._random)
        self.module.train()
        freeze = getattr(self.module, "freeze_statistics", None)
        if freeze is not None:
            freeze()
        try:
            for step in range(start, stop):
                self._step(data, step)
        finally:
            self._random = self._swap_random(before)

    def _batch_loss(self, module: nn.Module, rows: Tensor) -> Tensor:
        inputs, y = self.setting.data.take(rows)
        return self.training_loss(module(inputs).float(), y)

    def _step(self, data: Dataset, step: int) -> None:
        b, train = self.plan.batch, self.member.config.train
        inputs, y = data.take(self._orders[step * b : (step + 1) * b])
        optimisers.set_lr(self.optimiser, self._lrs[step])
        loss = self.pieces(self._forget, lambda count: self._gradients(inputs, y, count), b, self.module)
        if self.updater is None or not self.updater(norm=train.clip_norm, value=train.clip_value):
            clip_gradients(self._parameters, train.clip_norm, train.clip_value)
            self.optimiser.step()
        self.losses[step, 0] = loss.detach()
        if self.shadow is not None:
            self._average(float(train.ema or 0.0))
        self.done = step + 1

    def _forget(self) -> None:
        for p in self._parameters:  # what `zero_grad` does, at a tenth of its price
            p.grad = None

    def _gradients(self, inputs: dict[str, Tensor], y: Tensor, count: int) -> Tensor:
        """Gradients of the mean loss of a batch, computed in `count` parts that are weighted by their share of it and added up."""
        if count == 1:
            loss = self._part_loss(inputs, y)
            loss.backward()
            return loss.detach()
        weights = getattr(self.loss, "class_weights", None)
        each = torch.ones(len(y), device=y.device) if weights is None else weights.to(y.device)[y.long()]
        total = torch.zeros((), device=y.device)
        for part in torch.arange(len(y), device=y.device).chunk(count):
            loss = self._part_loss({n: x[part] for n, x in inputs.items()}, y[part]) * (each[part].sum() / each.sum())
            loss.backward()
            total = total + loss.detach()
        return total

    def _part_loss(self, inputs: dict[str, Tensor], y: Tensor) -> Tensor:
        if self.setting.precision != "bf16":
            return self.training_loss(self.module(inputs).float(), y)
        with torch.autocast(self.device.type, torch.bfloat16):
            out = self.module(inputs)
        return self.training_loss(out.float(), y)

    @property
    def fallback(self) -> str:
        """What was given up to stay within memory."""
        return self.pieces.said

    def news(self) -> list[tuple[str, str]]:
        """Title and detail of what happened since the last call and a person should know."""
        return self.handover.news() if self.handover is not None else []

    def training_loss(self, out: Tensor, y: Tensor) -> Tensor:
        """The mean loss; outputs [b, k, o] of a network that holds k implicit members are scored member by member (TabM)."""
        own = getattr(self.module, "training_loss", None)
        if own is not None:  # networks that mix samples score a batch against two labels (mixup, cutmix)
            return own(out, y, self.loss)
        if self.updater is not None:
            found = single.mean_loss(self.loss.name, out, y, smoothing=self.member.config.train.label_smoothing, weights=self.loss.class_weights)
            if found is not None:
                return found
        if out.dim() == 3:
            return self.loss(out.transpose(0, 1).flatten(0, 1), y.repeat(out.shape[1]))  # member after member: as TabM has them in memory
        return self.loss(out, y)

    def outputs(self, data: Dataset, rows: Sequence[Tensor]) -> list[Tensor]:
        """See Population."""
        if self.shadow is None:
            return [module_outputs(self.module, data, rows[0])]
        held = {n: t.detach().clone() for n, t in self.module.state_dict().items()}
        self.module.load_state_dict(self.shadow)
        out = module_outputs(self.module, data, rows[0])
        self.module.load_state_dict(held)
        return [out]

    def remember(self, slots: Sequence[int]) -> None:
        """See Population."""
        if slots:
            self.best = self.state_dict(0, best=False)

    def state_dict(self, slot: int, *, best: bool = True) -> dict[str, Tensor]:
        """See Population."""
        if best and self.best:
            return {n: t.clone() for n, t in self.best.items()}
        source = self.module.state_dict() if self.shadow is None else self.shadow
        return {n: t.detach().clone() for n, t in source.items()}

    def slot(self, index: int) -> Slot:
        """See Population."""
        out = {f"param/{n}": t.detach().clone() for n, t in self.module.state_dict().items()}
        out |= {f"best/{n}": t.clone() for n, t in self.best.items()}
        out |= {f"shadow/{n}": t.clone() for n, t in (self.shadow or {}).items()}
        for i, state in self.optimiser.state_dict()["state"].items():
            out |= {f"opt/{i}/{key}": torch.as_tensor(value).clone() for key, value in state.items() if value is not None}
        out["random"] = self._random[0].clone()
        if self.device.type == "cuda":
            out["random_cuda"] = self._random[1].clone()
        return out

    def load(self, index: int, slot: Slot) -> None:
        """See Population."""
        part = _under(slot, self.device)
        self.module.load_state_dict(part("param/"))
        self.best = part("best/")
        if self.shadow is not None:
            self.shadow = part("shadow/")
        state: dict[int, dict[str, Tensor]] = {}
        for name, value in part("opt/").items():
            number, key = name.split("/", 1)
            state.setdefault(int(number), {})[key] = value
        self.optimiser.load_state_dict({"state": state, "param_groups": self.optimiser.state_dict()["param_groups"]})
        if self.updater is not None:
            self.updater.loaded()
        if self.handover is not None:
            self.handover.loaded()
        self._random = [slot["random"].cpu()] + ([slot["random_cuda"].cpu()] if "random_cuda" in slot else self._random[1:])

    def show(self, index: int, state: dict[str, Tensor]) -> None:
        """See Population."""
        self.module.load_state_dict(state)
        if self.shadow is not None:
            self.shadow = {n: t.detach().clone() for n, t in self.module.state_dict().items()}

    def layers(self) -> list[LayerView]:
        """See Population."""
        return [
            LayerView(name=n, weight=p.detach()[None], grad=None if p.grad is None else p.grad[None], activation=None)
            for n, p in self.module.named_parameters()
        ]

    def _average(self, decay: float) -> None:
        assert self.shadow is not None
        for name, value in self.module.state_dict().items():
            if name in self._averaged:
                self.shadow[name].lerp_(value.detach(), 1 - decay)
            else:  # counters, and what the data fixed: bins that reach to infinity have no average
                self.shadow[name].copy_(value)

    def _first_random_state(self) -> list[Tensor]:
        seed = streams.torch_seed(self.member.seed, "module")
        states = [torch.Generator().manual_seed(seed).get_state()]
        if self.device.type == "cuda":
            states.append(torch.Generator(self.device).manual_seed(seed).get_state())
        return states

    def _swap_random(self, new: list[Tensor]) -> list[Tensor]:
        old = [torch.get_rng_state()]
        torch.set_rng_state(new[0])
        if self.device.type == "cuda":
            old.append(torch.cuda.get_rng_state(self.device))
            torch.cuda.set_rng_state(new[1], self.device)
        return old


def _under(slot: Slot, device: torch.device):
    return lambda prefix: {n.removeprefix(prefix): t.to(device, copy=True) if prefix != "opt/" else t.clone() for n, t in slot.items() if n.startswith(prefix)}


def clip_gradients(parameters: list[nn.Parameter], norm: float | None, value: float | None) -> None:
    """Clips by element and by global norm (T27); a non-finite norm is left for the loss check to find."""
    if value is not None:
        nn.utils.clip_grad_value_(parameters, value)
    if norm is not None:
        nn.utils.clip_grad_norm_(parameters, norm)


@torch.no_grad()
def module_outputs(module: nn.Module, data: Dataset, rows: Tensor, block: int | None = None) -> Tensor:
    """Raw outputs of a module in evaluation mode on some rows, float32 [rows, outputs]; a single output column is kept."""
    if block is None:
        pixels = max((x.shape[-1] * x.shape[-2] for x in data.inputs.values() if x.dim() == 4), default=0)
        block = min(EVAL_ROWS, max(EVAL_LEAST, EVAL_PIXELS // pixels)) if pixels and data.device.type == "cpu" else EVAL_ROWS_CPU if data.device.type == "cpu" else EVAL_ROWS
    was = module.training
    module.eval()
    while True:
        try:
            parts = [module(data.take(part)[0]).float() for part in rows.split(block)]
            break
        except (RuntimeError, MemoryError) as error:
            if not devices.out_of_memory(error) or block == 1:
                raise
            block = max(1, block // 2)
    module.train(was)
    return torch.cat([p if p.dim() > 1 else p[:, None] for p in parts]) if parts else torch.zeros(0, 1, device=data.device)
