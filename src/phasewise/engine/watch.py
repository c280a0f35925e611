"""The watch (V03, V11, V12): looks at every layer of running members every k steps, for less than 3 % of the time.

An observer of `fit`: it has `every` and `observe(population, tracks, epoch, done)`. A look takes two visits: weights are copied at a
multiple of k, and one step later the update they got is measured; so the update ratio is that of a single step, whatever the optimiser.
"""

import math
import time
from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from phasewise.engine.clip import suggested
from phasewise.engine.member import Hooks
from phasewise.engine.watch_bounds import BOUNDS, Bound, LayerStats, Violation, judge, unit_shares

SHARE = 0.02
"""Largest share of the running time the watch takes; it skips looks to stay below (F2)."""
LOOKS = 20
FIRST, EARLY = 10, 60
"""Step of the first look; weights that start at zero have moved often enough by then."""
FREE = 6
"""Looks that are taken whatever they cost, so that what the watch finds early does not depend on the load of the machine."""
VANISH_RATIO, VANISH_UPDATE, VANISH_STEPS = 1e-3, 1e-7, 50
NORM_JUMP, LOSS_JUMP = 100.0, 10.0
TINY = 1e-30
APART, SAMPLE = 1.25, 4096
"""Histograms are taken a quarter further on each time, so that a run of any length has some tens of them; of a layer so many numbers at most."""
WORDS = {
    "activation_std": "outputs of {layer} have a spread of {value:.2g}", "dead_share": "{value:.0%} of the units of {layer} never fire",
    "saturated_share": "{value:.0%} of the units of {layer} are saturated", "update_ratio": "a step changes {layer} by {value:.2g} of its size",
    "input_mean": "inputs of {layer} have a mean of {value:.2g}", "input_std": "inputs of {layer} have a spread of {value:.2g}", "logit_size": "raw outputs reach {value:.3g}",
    "not finite": "values of {layer} are no longer finite", "gradient norm": "the gradient jumped to {value:.3g}, most of it in {layer}", "loss": "the loss jumped to {value:.3g}",
    "gradient ratio": "the gradient is lost on its way to {layer}",
}
"""What is said of a quantity of a layer, before the advice."""
STRIP = ("step", "grad_norm", "least_update", "update_ratio", "largest_update", "member")


class MemberWatch:
    """The memory of one member: gradient ratios, norms, lowest loss, and what was said already."""

    def __init__(self) -> None:
        self.ratios: deque[float] = deque(maxlen=LOOKS)
        self.norms: deque[float] = deque(maxlen=100)
        self.lowest = math.inf
        self.first = math.nan
        self.said: set[tuple[str, str]] = set()
        self.looks = 0
        self.quiet_since: dict[str, int] = {}


class Watch:
    """Judges members as they train and tells `hooks.on_finding`, each fault once per member and layer."""

    def __init__(
        self, hooks: Hooks, *, every: int = 50, bounds: Sequence[Bound] = BOUNDS, share: float = SHARE, clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.hooks, self.look_every, self.bounds, self.share, self.clock = hooks, max(2, every), tuple(bounds), share, clock
        self.members: dict[str, MemberWatch] = defaultdict(MemberWatch)
        self.violations: list[dict[str, Any]] = []
        self.norms: dict[str, list[float]] = defaultdict(list)
        """Total gradient norms seen per member, for a suggested clipping threshold (T27)."""
        self.spent, self.began = 0.0, clock()
        self._held: tuple[int, int, list[Tensor]] | None = None
        """An open measurement: which population, after which step, its weights then."""
        self._seen = False
        self._pictured = 0.0
        """Step of the last histograms."""

    def closing(self, tracks: Sequence[Any]) -> None:
        """After a run: a clipping threshold from the norms of its first healthy, unclipped member (T27)."""
        for track in tracks:
            found = suggested(self.norms.get(track.member.id, ()))
            if found is not None and track.stopped in ("done", "early", "asked") and track.member.config.train.clip_norm is None:
                self.hooks.on_finding(
                    "clip-threshold", "info", f"Gradient norms: nine of ten looks were below {found:.3g}",
                    f"If spikes trouble the training, {found:.3g} is the threshold to clip at: it touches the largest tenth only.", {"clip_norm": found},
                )
                return

    @property
    def every(self) -> int:
        """Steps to the next visit: one while a measurement is open, ten before the first look, else k."""
        return 1 if self._held else self.look_every if self._seen else min(FIRST, self.look_every)

    def observe(self, population: Any, tracks: Sequence[Any], epoch: int, done: int) -> None:
        """A visit after step `done` of an epoch."""
        began = self.clock()
        held, self._held = self._held, None  # a population that was halved or joined meanwhile leaves nothing open
        if held is not None and held[:2] == (id(population), done - 1):
            self._measure(population, tracks, epoch, done, held[2])
        elif self._due(done, len(population.losses)) and self._affordable(began):
            self._held = (id(population), done, [view.weight.detach().clone() for view in population.layers()])
        self.spent += self.clock() - began

    def _due(self, done: int, steps: int) -> bool:
        """Every k steps, but never after the last one of an epoch: its measurement would have no step left to end with."""
        return done < steps and done % (self.look_every if self._seen else min(FIRST, self.look_every)) == 0

    def _affordable(self, now: float) -> bool:
        looks = max((m.looks for m in self.members.values()), default=0)
        return looks < FREE or self.spent < self.share * max(now - self.began, 1e-9)

    def _measure(self, population: Any, tracks: Sequence[Any], epoch: int, done: int, before: list[Tensor]) -> None:
        self._seen = True
        views = population.layers()
        rows = [[_rms(v.weight), _rms(v.weight - old), _rms(v.grad) if v.grad is not None else torch.full_like(_rms(v.weight), math.nan)] for v, old in zip(views, before, strict=True)]
        table = torch.stack([torch.stack(r) for r in rows]).double().tolist()  # [layers][weight, update, gradient][slot]
        losses = population.losses[:done].double()
        low, last = losses.min(0).values.tolist(), losses[max(0, done - 10) :].median(0).values.tolist()
        start = losses[0].tolist()
        sizes = [math.sqrt(v.weight[0].numel()) for v in views]
        shares = _shares(views, tracks[0].member.config.network.activation)
        self._strip(tracks[0], epoch * len(population.losses) + done, [(v.name, *row, size) for v, row, size in zip(views, table, sizes, strict=True)])
        self._histograms(tracks[0], epoch * len(population.losses) + done, views)
        for slot, track in enumerate(tracks):
            member = self.members[track.member.id]
            figures = [(v.name, table[i][0][slot], table[i][1][slot], table[i][2][slot], sizes[i]) for i, v in enumerate(views)]
            stats = self._stats(views, figures, shares, slot, track)
            for seen in judge(stats, track.steps, self.bounds, start=member.looks == 0):
                self._say_bound(track, member, seen)
            self._exploding(track, member, figures, start[slot], low[slot], last[slot])
            train = track.member.config.train
            ending = train.schedule != "constant" and track.steps > 0.9 * train.epochs * len(population.losses)
            if not ending:  # a rate that comes to its planned end is no vanishing gradient
                self._vanishing(track, member, figures)
            member.looks += 1

    def _strip(self, track: Any, step: int, layers: list[tuple[str, list[float], list[float], list[float], float]]) -> None:
        """The figures of the first member, for the eye: total gradient norm; least, middle and largest update ratio of its weights."""
        gradients = [gradient[0] * size for *_, gradient, size in layers if math.isfinite(gradient[0])]
        ratios = sorted(update[0] / weight[0] for name, weight, update, *_ in layers if name.endswith("weight") and weight[0] > TINY and math.isfinite(update[0]))
        if not ratios:
            return
        norm = math.sqrt(sum(g * g for g in gradients)) if gradients else None
        self.hooks.on_metrics(STRIP, [[float(step), norm, ratios[0], ratios[(len(ratios) - 1) // 2], ratios[-1], float(track.position)]])

    def _histograms(self, track: Any, step: int, views: Sequence[Any]) -> None:
        """What each layer of the first member holds now, every time the run has got a quarter further."""
        if track.position or step < APART * self._pictured:
            return
        self._pictured = float(step)
        found = {f"{kind}/{v.name}": tensor[0] for v in views for kind, tensor in (("weights", v.weight), ("gradients", v.grad), ("activations", v.activation)) if tensor is not None}
        self.hooks.on_histograms(step, {name: _sampled(x) for name, x in found.items()})

    def _stats(self, views: Sequence[Any], figures: list[tuple[str, float, float, float, float]], shares: dict[str, dict[str, list[float]]], slot: int, track: Any) -> list[LayerStats]:
        out = []
        ratios = sorted(u / w for n, w, u, _, _ in figures if w > TINY and n.endswith("weight"))
        usual = ratios[(len(ratios) - 1) // 2] if ratios else 0.0
        for view, (name, weight, update, _grad, _size) in zip(views, figures, strict=True):
            values: dict[str, float] = {}
            if view.weight.dim() > 2 and weight > TINY and name.endswith("weight"):
                # A head or table that starts near zero grows by large factors at first: early on the usual layer decides.
                values["update_ratio"] = update / weight if track.steps > EARLY else min(usual, update / weight)
            values |= {quantity: each[slot] for quantity, each in shares.get(name, {}).items() if slot < len(each)}
            out.append(LayerStats(layer=name, values=values))
        return out

    def _exploding(self, track: Any, member: MemberWatch, figures: list, start: float, low: float, last: float) -> None:
        bad = next((n for n, w, u, g, _ in figures if not (math.isfinite(w) and math.isfinite(u)) or g == math.inf), None)
        if bad is not None or not math.isfinite(last):
            self._say(track, member, "exploding", "block", bad or "loss", "not finite", math.inf, "weights or gradients are no longer finite (V12): roll back, lower the learning rate, clip (T27)")
            return
        total = math.sqrt(sum((g * size) ** 2 for _, _, _, g, size in figures if g == g))
        usual = sorted(member.norms)[len(member.norms) // 2] if len(member.norms) >= 5 else None
        if usual is not None and total > NORM_JUMP * max(usual, TINY) and last > 0.5 * start:
            largest = max(figures, key=lambda f: f[3] * f[4] if f[3] == f[3] else 0.0)
            self._say(track, member, "exploding", "warn", largest[0], "gradient norm", total, f"{total / usual:.0f} times the usual norm (V12): clip, for example at {usual * 2:.2g} (T27)")
        member.norms.append(total)
        self.norms[track.member.id].append(total)
        member.lowest = min(member.lowest, low)
        if member.first != member.first:  # a run that was taken up again is not at its start: guessing has a loss of about 1
            member.first = start if track.steps <= max(EARLY, 2 * FIRST) else max(start, 1.0)
        if last > LOSS_JUMP * member.lowest and last > member.first:
            self._say(track, member, "exploding", "warn", "loss", "loss", last, f"more than 10 times its lowest value {member.lowest:.3g} and above its start (V12): lower the learning rate")

    def _vanishing(self, track: Any, member: MemberWatch, figures: list) -> None:
        weights = [(n, w, u, g) for n, w, u, g, _ in figures if n.endswith("weight") and g == g]
        if len(weights) < 2:
            return
        first, final = weights[0], weights[-1]
        member.ratios.append(first[3] / max(final[3], TINY) if final[3] > 0 else 0.0)
        middle = sorted(member.ratios)[len(member.ratios) // 2]
        if track.steps >= VANISH_STEPS and len(member.ratios) >= 2 and middle < VANISH_RATIO:
            self._say(track, member, "vanishing", "warn", first[0], "gradient ratio", middle, "the first layer's gradient is lost against the last one's (V11): initialisation (T26), ReLU, batch norm, fewer layers")
        for name, weight, update, _grad in weights:
            quiet = weight > TINY and update / weight < VANISH_UPDATE and track.member.config.train.lr > 0
            if not quiet:
                member.quiet_since.pop(name, None)
            elif track.steps - member.quiet_since.setdefault(name, track.steps) >= VANISH_STEPS:
                self._say(track, member, "vanishing", "warn", name, "update ratio", update / weight, "this layer no longer moves (V11): its gradient vanishes or the learning rate is far too small")

    def _say_bound(self, track: Any, member: MemberWatch, seen: Violation) -> None:
        self._say(track, member, f"bound-{seen.quantity.replace('_', '-')}", seen.bound.severity, seen.layer, seen.quantity, seen.value, seen.line())

    def _say(self, track: Any, member: MemberWatch, id: str, severity: str, layer: str, quantity: str, value: float, detail: str) -> None:
        if (id, quantity) in member.said:
            return
        member.said.add((id, quantity))
        data = {"member": track.member.id, "layer": layer, "quantity": quantity, "step": int(track.steps), "value": float(value), "finding": id}
        self.violations.append(data)
        words = WORDS.get(quantity, "{quantity} of {layer} is {value:.3g}").format(layer=layer, value=float(value), quantity=quantity.replace("_", " "))
        self.hooks.on_finding(id, severity, f"{track.member.id}: {words}", detail, data)


def interval(steps_per_epoch: int) -> int:
    """Steps between two looks: 50, or half an epoch where that is shorter (a look needs one more step in the same epoch)."""
    return max(2, min(50, steps_per_epoch // 2))


def _shares(views: Sequence[Any], kind: str) -> dict[str, dict[str, list[float]]]:
    """Layer -> quantity -> its value per slot, all brought to the host at once."""
    found = [(v.name, quantity, each) for v in views if v.activation is not None and v.activation.dim() == 3 for quantity, each in unit_shares(v.activation, kind).items()]
    numbers = torch.stack([each for *_, each in found]).tolist() if found else []
    return {name: {quantity: row} for (name, quantity, _), row in zip(found, numbers, strict=True)}


def _sampled(x: Tensor) -> Tensor:
    """At most `SAMPLE` numbers spread evenly over a tensor, flat, on the host."""
    flat = x.detach().reshape(-1)
    return flat[:: max(1, -(-len(flat) // SAMPLE))].float().cpu().clone()  # the weights go on changing


def _rms(x: Tensor) -> Tensor:
    """Root mean square per slot `[N]` of `[N, ...]`."""
    return x.detach().reshape(len(x), -1).float().square().mean(1).sqrt() if x[0].numel() else torch.zeros(len(x), device=x.device)
