"""SWATS: start with Adam, switch to SGD with momentum at a learning rate read off Adam's own steps (T08; Keskar & Socher, arXiv 1712.07628)."""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

K, LAMBDA, HITS, SWITCHED, SGD_LR, LR_THEN = range(6)


class SWATS(torch.optim.Optimizer):
    """Adam until the projected SGD rate has settled, SGD afterwards.

    With Adam's step p: gamma = (p.p) / (-p.g), lambda = b2 lambda + (1 - b2) gamma, Lambda = lambda / (1 - b2^k); SGD phase
    v = b1 v + g, w -= (1 - b1) Lambda v with v from 0. The paper switches when |Lambda - gamma| < 1e-9, which never happens on
    minibatches (measured here); so: relative `tolerance`, `hits` times in a row, after `burn_in` steps (one epoch or more), over the
    whole parameter vector (`scope="all"`) or per group. `absolute` restores the paper's test. A schedule goes on acting: the SGD rate
    is scaled by lr now over lr at the switch. The switch's numbers live in the state of each group's first parameter, as float64 under the
    name `step`, the one entry `load_state_dict` does not round to the parameter's type.
    """

    def __init__(
        self, params: Any, lr: float = 1e-3, betas: tuple[float, float] = (0.9, 0.999), eps: float = 1e-8, weight_decay: float = 0.0, *,
        burn_in: int = 200, tolerance: float = 0.05, hits: int = 5, scope: str = "all", absolute: float | None = None,
    ) -> None:
        if not lr >= 0 or not 0 <= betas[0] < 1 or not 0 <= betas[1] < 1 or scope not in ("all", "group"):
            raise ValueError(f"lr {lr}, betas {betas}, scope {scope!r}: lr >= 0, betas in [0, 1) and scope all or group are needed")
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay})
        self.burn_in, self.tolerance, self.hits, self.scope, self.absolute = burn_in, tolerance, hits, scope, absolute

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """One step of whichever phase each group is in; groups without gradients are left alone."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        live = [g for g in self.param_groups if any(p.grad is not None for p in g["params"])]
        products: list[tuple[float, float]] = []
        for group in live:
            products.append((0.0, 0.0) if self._switch(group)[SWITCHED] else self._adam(group))
            if self._switch(group)[SWITCHED]:
                self._sgd(group)
        whole = (sum(p for p, _ in products), sum(g for _, g in products))
        for group, own in zip(live, products, strict=True):
            if not self._switch(group)[SWITCHED]:
                self._project(group, *(whole if self.scope == "all" else own))
        return loss

    def switch(self, lr: float | None = None) -> None:
        """Switches by hand, now: to `lr` as the plain SGD rate (from a new finder run), or to the projected one."""
        for group in self.param_groups:
            s = self._switch(group)
            rate = lr / (1 - group["betas"][0]) if lr is not None else self._projected(group)
            s[SWITCHED], s[SGD_LR], s[LR_THEN] = 1.0, rate, group["lr"]

    def report(self) -> list[dict[str, float | bool]]:
        """Per group: steps, the projected rate Lambda, whether it has switched and to which rate."""
        out: list[dict[str, float | bool]] = []
        for group in self.param_groups:
            s = self._switch(group)
            out.append({"steps": float(s[K]), "projected": self._projected(group), "switched": bool(s[SWITCHED]), "lr": float(s[SGD_LR])})
        return out

    def _switch(self, group: dict[str, Any]) -> Tensor:
        state = self.state[group["params"][0]]
        if "step" not in state:
            state["step"] = torch.zeros(6, dtype=torch.float64)
        return state["step"]

    def _projected(self, group: dict[str, Any]) -> float:
        s = self._switch(group)
        return float(s[LAMBDA] / (1 - group["betas"][1] ** s[K])) if s[K] else group["lr"]

    def _adam(self, group: dict[str, Any]) -> tuple[float, float]:
        b1, b2 = group["betas"]
        s = self._switch(group)
        k = int(s[K]) + 1
        s[K] = k
        sums: list[Tensor] = []
        for p, g, state in self._gradients(group):
            m, v = self._buffer(state, "exp_avg", p), self._buffer(state, "exp_avg_sq", p)
            m.lerp_(g, 1 - b1)
            v.mul_(b2).addcmul_(g, g, value=1 - b2)
            step = m / (v.sqrt() / math.sqrt(1 - b2**k) + group["eps"])
            step.mul_(-group["lr"] / (1 - b1**k))
            p.add_(step)
            sums += [(step.double() * step.double()).sum(), (step.double() * g.double()).sum()]
        numbers = torch.stack(sums).tolist() if sums else []  # a GPU is waited for once a step, not twice a tensor
        return sum(numbers[::2]), sum(numbers[1::2])

    def _project(self, group: dict[str, Any], pp: float, pg: float) -> None:
        s, b2 = self._switch(group), group["betas"][1]
        if pg == 0 or not math.isfinite(pp) or not math.isfinite(pg):
            return
        gamma = pp / -pg
        s[LAMBDA] = b2 * s[LAMBDA] + (1 - b2) * gamma
        k = int(s[K])
        value = float(s[LAMBDA]) / (1 - b2**k)
        gap = abs(value - gamma)
        limit = self.absolute if self.absolute is not None else self.tolerance * value
        s[HITS] = s[HITS] + 1 if value > 0 and k > 1 and gap < limit else 0
        if s[HITS] >= self.hits and k > self.burn_in:
            s[SWITCHED], s[SGD_LR], s[LR_THEN] = 1.0, value, group["lr"]

    def _sgd(self, group: dict[str, Any]) -> None:
        b1 = group["betas"][0]
        s = self._switch(group)
        scale = group["lr"] / float(s[LR_THEN]) if s[LR_THEN] else 1.0
        rate = (1 - b1) * float(s[SGD_LR]) * scale
        for p, g, state in self._gradients(group):
            p.add_(self._buffer(state, "momentum_buffer", p).mul_(b1).add_(g), alpha=-rate)

    def _gradients(self, group: dict[str, Any]):
        for p in group["params"]:
            if p.grad is not None:
                g = p.grad if not group["weight_decay"] else p.grad.add(p, alpha=group["weight_decay"])
                yield p, g, self.state[p]

    def _buffer(self, state: dict[str, Any], name: str, p: Tensor) -> Tensor:
        if name not in state:
            state[name] = torch.zeros_like(p)
        return state[name]
