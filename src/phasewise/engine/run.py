"""A run in progress: everything the fit loop's one screen leaves out."""

import math
import time
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from phasewise.engine import evaluate, faults, halving, plan, reporting
from phasewise.engine.group import Group
from phasewise.engine.halving import share as share_of_work
from phasewise.engine.member import Control, Halving, Hooks, Member, MemberResult, PopulationResult
from phasewise.engine.population import Setting
from phasewise.engine.state import EngineState
from phasewise.engine.tracking import Track

SAMPLE_ROWS, SAMPLE_LEAST, SAMPLE_PART = 2048, 512, 8
"""Training rows every epoch looks at in evaluation mode; of pictures an eighth, because a look costs a third of learning from them."""


class Run:
    """Groups, tracks, control and results of one call of `fit`."""

    def __init__(
        self, members: Sequence[Member], setting: Setting, hooks: Hooks, *, asked_plan: str, halving: Halving | None, objective: str,
        observers: Sequence[Any], fallbacks: list[str], tile: int | None = None, look_every: float | None = None, before: Sequence[dict[str, Any]] = (),
    ) -> None:
        self.setting, self.hooks, self.halving, self.objective = setting, hooks, halving, objective
        self.observers, self.fallbacks = list(observers), fallbacks
        self.tracks = [Track.of(m, i) for i, m in enumerate(members)]
        shared = {id(m.train): m.train for m in members}
        samples = {key: _sample(rows, pictures=setting.info.image is not None) for key, rows in shared.items()}
        self.samples = {m.id: samples[id(m.train)] for m in members}
        work = share_of_work(halving, [m.id for m in members], max(m.config.train.epochs for m in members))
        self.groups, self.plan = plan.assemble(self.tracks, setting, asked_plan, fallbacks, tile=tile, share=work, before=before)
        self.results: dict[str, MemberResult] = {}
        self.epoch = 0
        self.control = Control()
        self.lr_events: list[tuple[int, float]] = []
        self.rungs: list[dict[str, Any]] = []
        self.notes: list[str] = []
        self.last_rung: dict[str, float] = {}
        self.pace = reporting.Pace(setting.device, look_every)
        self.factor = 1.0
        self.scarce = False
        """Memory ran out: groups give back what they need in their turn only."""
        self.steps_done = 0

    # -- the loop's words ------------------------------------------------------------------------------------------

    def epochs(self) -> Iterator[int]:
        """Epoch numbers until nobody is left or the person stops."""
        while self.groups and self.control.stop is None:
            yield self.epoch
            self.epoch += 1

    def due(self) -> Iterator[Group]:
        """Groups that still have steps to do in the present epoch."""
        for group in list(self.groups):
            if group.epoch != self.epoch:
                faults.begin(self, group)
        met: set[int] = set()
        while self.control.stop != "now":
            group = next((g for g in self.groups if id(g) not in met and g.epoch == self.epoch), None)
            if group is None:
                return
            met.add(id(group))
            yield group
            if self.scarce and group in self.groups:
                group.rest()

    def blocks(self, group: Group) -> Iterator[int]:
        """Ends of blocks of steps: short enough to stay steerable, long enough to cost nothing."""
        while group.done < group.limit and self.control.stop != "now":
            stop = self.pace.next_stop(group)
            for observer in self.observers:
                stop = min(stop, group.done - group.done % observer.every + observer.every)
            yield stop

    def look(self, group: Group, seconds: float) -> None:
        """Between two blocks: let observers look; then, a few times a second, report, find members that broke down, obey the person."""
        self.pace.took(group, seconds)
        for observer in self.observers:
            if group.done % observer.every == 0:
                observer.observe(group.population, group.tracks, self.epoch, group.done)
        if group.done < group.plan.steps and not self.pace.due():
            return
        reporting.news(self, group)
        reporting.points(self, group)
        faults.freeze_diverged(self, group)
        self.obey()

    def obey(self) -> None:
        """Polls the control: change the learning rate, take a checkpoint, pause here, or stop."""
        self.control = self.hooks.poll()
        self._follow_rate()
        if self.control.checkpoint_now or self.control.paused:
            self.hooks.on_checkpoint(self.state)
        while self.control.paused and self.control.stop is None:
            time.sleep(0.05)
            self.control = self.hooks.poll()
        self._follow_rate()

    def _follow_rate(self) -> None:
        """The factor a person asked for holds from the next step on; a checkpoint of this moment has it."""
        if self.control.lr_factor != self.factor:
            self.factor = self.control.lr_factor
            self.lr_events.append((self.step(), self.factor))
            for group in self.groups:
                if group.epoch == self.epoch:
                    group.set_rates(self.factor)

    def close_epoch(self) -> None:
        """Validate, keep the best weights, stop early, halve, report; a stop in mid-epoch skips the validation."""
        if self.control.stop == "now":
            return
        for group in self.groups:
            self.judge(group)
            if self.scarce:
                group.rest()
        leaving = self.leaving()
        reporting.epoch(self)
        self.drop(leaving)
        self.hooks.on_checkpoint(self.state_after_epoch)

    # -- judging ---------------------------------------------------------------------------------------------------

    def judge(self, group: Group) -> None:
        """Objective of every member of a group after an epoch; one transfer to the host."""
        data, task = self.setting.data, self.setting.data.task
        shown = evaluate.second_metric(task) if self.objective == "loss" else self.objective
        losses = group.population.losses
        rows: list[Tensor] = []
        seen: list[Tensor] = []
        for kind in ("validation", "sample"):
            chosen = [t.member.validation if kind == "validation" else self.samples[t.member.id] for t in group.tracks]
            y, of = data.y[chosen[0]], chosen[0]
            for out, index in zip(group.population.outputs(data, chosen), chosen, strict=True):
                if index is not of and not torch.equal(index, of):
                    y, of = data.y[index], index
                pair = [evaluate.objective(n, task, out, y).double() for n in ("loss", shown)]
                rows += pair
                if kind == "validation":
                    rows.append(pair[0] if self.objective == "loss" else pair[1])
                    seen.append(out)
        table = torch.stack([*rows, *losses.double().mean(0)]).tolist()
        n = group.size
        for slot, t in enumerate(group.tracks):
            v_loss, v_metric, value = table[3 * slot : 3 * slot + 3]
            s_loss, s_metric = table[3 * n + 2 * slot : 3 * n + 2 * slot + 2]
            t.add(**{
                "train_loss": table[5 * n + slot], "train_eval_loss": s_loss, f"train_{shown}": s_metric, "validation_loss": v_loss,
                f"validation_{shown}": v_metric, "objective": value, "lr": float(group.table[-1, slot]),
            })
            if t.judge(evaluate.signed(self.objective, value), value, self.epoch + 1):
                group.population.remember([slot])
                t.outputs = seen[slot].clone()
            if t.plateau and t.plateau.step(evaluate.signed(self.objective, value)):
                self.hooks.on_finding("lr-lowered", "info", f"plateau: learning rate of {t.member.id} lowered to {t.plateau.lr * t.plateau.factor:g}")

    def leaving(self) -> dict[str, str]:
        """Members that stop after this epoch, with the reason."""
        out: dict[str, str] = {}
        living: dict[str, float] = {}
        for group in self.groups:
            for slot, t in enumerate(group.tracks):
                now = evaluate.signed(self.objective, t.curves["objective"][-1])
                if slot in group.frozen or not math.isfinite(now) and len(t.member.validation):
                    out[t.member.id] = "diverged"
                elif self.epoch + 1 >= t.member.config.train.epochs:
                    out[t.member.id] = "done"
                elif t.out_of_patience():
                    out[t.member.id] = "early"
                living[t.member.id] = math.inf if slot in group.frozen else now
        if self.halving and self.epoch + 1 in self.halving.rungs:
            kept = halving.survivors(living, self.halving, self.epoch + 1)
            both = [m for m in living if m in self.last_rung and math.isfinite(living[m]) and math.isfinite(self.last_rung[m])]
            agreement = halving.rank_correlation([self.last_rung[m] for m in both], [living[m] for m in both])
            self.rungs.append({"epoch": self.epoch + 1, "kept": sorted(kept), "dropped": sorted(set(living) - kept), "rank_correlation": agreement})
            self.last_rung = living
            out |= {m: "halved" for m in living if m not in kept and m not in out}
        return out

    def drop(self, leaving: dict[str, str]) -> None:
        """Harvests members that stop and closes the gaps they leave."""
        for group in list(self.groups):
            staying = [s for s, t in enumerate(group.tracks) if t.member.id not in leaving]
            going = [s for s in range(group.size) if s not in staying]
            for slot in going:
                group.tracks[slot].stopped = leaving[group.tracks[slot].member.id]
            self.results |= {r.id: r for r in reporting.harvest(self, group, going)}
            if not staying:
                self.groups.remove(group)
            elif len(staying) < group.size:
                group.keep(staying)
        self.groups = plan.retile(self.groups)

    # -- results and state -----------------------------------------------------------------------------------------

    def step(self) -> int:
        """Steps done by the first living group, the x of every curve."""
        return self.groups[0].tracks[0].steps if self.groups else self.steps_done

    def state(self) -> EngineState:
        """Everything needed to go on from here."""
        from phasewise.engine import resuming

        return resuming.capture(self, self.epoch)

    def state_after_epoch(self) -> EngineState:
        """The same at an epoch end, when the next epoch has not begun."""
        from phasewise.engine import resuming

        return resuming.capture(self, self.epoch + 1)

    def result(self) -> PopulationResult:
        """All results in the order the members were given."""
        for group in self.groups:
            for t in group.tracks:
                t.stopped = "asked"
            self.results |= {r.id: r for r in reporting.harvest(self, group, range(group.size))}
        ordered = [self.results[t.member.id] for t in self.tracks]
        return PopulationResult(members=ordered, plan=self.plan, fallbacks=self.fallbacks, lr_events=self.lr_events, rungs=self.rungs, notes=self.notes)


def _sample(rows: Tensor, *, pictures: bool) -> Tensor:
    most = min(SAMPLE_ROWS, max(SAMPLE_LEAST, len(rows) // SAMPLE_PART)) if pictures else SAMPLE_ROWS
    return rows[:: max(1, -(-len(rows) // most))]
