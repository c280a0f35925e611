"""The fit loop: one call trains a population of any size, by whatever plan executes it fastest here."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from phasewise.engine import device as devices
from phasewise.engine import faults, resuming, smote, state
from phasewise.engine.data import Dataset, InputInfo
from phasewise.engine.member import Halving, Hooks, Member, PopulationResult, moved
from phasewise.engine.population import Build, Setting
from phasewise.engine.run import Run
from phasewise.engine.shards import ShardedData
from phasewise.engine.watch import Watch, interval


def fit(
    members: Sequence[Member], data: Dataset | ShardedData, info: InputInfo, build: Build, hooks: Hooks | None = None, *, device: str = "auto", plan: str = "auto",
    halving: Halving | None = None, resume: "Path | state.EngineState | None" = None, watch: bool = True, objective: str = "loss",
    observers: Sequence[Any] = (), precision: str | None = None, tile: int | None = None, look_every: float | None = None,
) -> PopulationResult:
    """Trains every member on its own rows and returns best weights, outputs and curves per member.

    `plan` is `auto` (probed) or one of `plan.PLANS`; `objective` chooses best epochs and ranks rungs (`loss`, `accuracy`, `roc_auc`, `rmse`, `mae`).
    `look_every` is the time in seconds between two looks at the control (0: after every step; no effect on the numbers).
    Raises BadInputError or UsageError before any step where members or data cannot be trained on.
    """
    hooks = hooks or Hooks()
    fallbacks: list[str] = []
    place = devices.choose(device, fallbacks)
    stream = data if isinstance(data, ShardedData) else None
    data = data.held if isinstance(data, ShardedData) else data
    data.check()
    faults.check_members(members, data, hooks, fallbacks, sharded=stream is not None)
    fuller, made, notes = (data, {}, []) if stream is not None else smote.extended(members, data)
    fallbacks += notes
    members = moved(members, place)
    chosen = devices.precision_of(precision or members[0].config.train.precision, place)
    setting = Setting(data=fuller.to(place), made={n: r.to(place) for n, r in made.items()}, info=info, build=build, device=place, precision=chosen, stream=stream)
    held = state.load(resume) if isinstance(resume, Path) else resume
    with devices.numerics(chosen):
        run = Run(
            members, setting, hooks, asked_plan=plan, halving=halving, objective=objective, observers=observers, fallbacks=fallbacks, tile=tile,
            look_every=look_every, before=held.meta["plan"]["buckets"] if held else (),
        )
        watcher = Watch(hooks, every=interval(min(g.plan.steps for g in run.groups)))
        if watch:
            run.observers.append(watcher)
        if held is not None:
            resuming.restore(run, held)
        for _ in run.epochs():
            for group in run.due():
                try:
                    for rows in group.windows():
                        for stop in run.blocks(group):
                            seconds = group.run(rows, stop)
                            run.look(group, seconds)
                except (RuntimeError, MemoryError) as error:
                    faults.relieve(run, group, error)  # the halves of the group follow among those due
            run.close_epoch()
        result = run.result()
        watcher.closing(run.tracks)
        return result
