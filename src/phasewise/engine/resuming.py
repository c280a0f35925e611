"""From a run to a checkpoint and back."""

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from phasewise.engine.native.build import library
from phasewise.engine.state import EngineState
from phasewise.records.base import fingerprint
from phasewise.records.errors import StorageError

if TYPE_CHECKING:
    from phasewise.engine.run import Run


def identity(run: "Run") -> str:
    """What must be the same for a checkpoint to fit: members, seeds, configs, rows."""
    parts: list[Any] = [
        [t.member.id, t.member.seed, t.member.config.model_dump(mode="json"), len(t.member.train), int(t.member.train.sum()), int(t.member.validation.sum())]
        for t in run.tracks
    ]
    if run.setting.stream is not None:
        parts.append(run.setting.stream.spans())  # other windows would give other steps in another order
    return fingerprint(parts)


def capture(run: "Run", epoch: int) -> EngineState:
    """All state of a run; `epoch` is the one to go on with, groups that are inside it carry their position."""
    tensors: dict[str, Tensor] = {}
    groups = []
    for group in run.groups:
        inside = group.epoch == epoch
        for slot, t in enumerate(group.tracks):
            tensors |= {f"{t.member.id}/{n}": x for n, x in group.population.slot(slot).items()}
            tensors[f"{t.member.id}/losses"] = group.population.losses[: group.done, slot].clone() if inside else torch.zeros(0)
        groups.append({"members": [t.member.id for t in group.tracks], "done": group.done if inside else 0, "inside": inside, "frozen": sorted(group.frozen)})
    for result in run.results.values():
        tensors |= {f"result/{result.id}/{n}": x for n, x in result.state.items()}
    meta = {
        "epoch": epoch, "identity": identity(run), "groups": groups, "tracks": {t.member.id: t.state() for t in run.tracks}, "factor": run.factor,
        "lr_events": run.lr_events, "rungs": run.rungs, "last_rung": run.last_rung, "steps_done": run.steps_done, "fallbacks": run.fallbacks, "notes": run.notes,
        "finished": {i: r.stopped for i, r in run.results.items()}, "torch": torch.__version__, "device": run.setting.device.type, "plan": run.plan,
        "threads": torch.get_num_threads(), "cpu": torch.backends.cpu.get_cpu_capability(), "compiler": not isinstance(library(), str),
    }
    return EngineState(tensors=tensors, meta=meta)


def restore(run: "Run", state: EngineState) -> None:
    """Puts a fresh run where the checkpoint was taken; a checkpoint of other members raises StorageError."""
    meta = state.meta
    if meta.get("identity") != identity(run):
        raise StorageError("the checkpoint belongs to another run", "Members, seeds, settings or rows differ.", "Start the run again, or resume the run it belongs to.")
    here = {"torch": torch.__version__, "device": run.setting.device.type, "threads": torch.get_num_threads(), "cpu": torch.backends.cpu.get_cpu_capability()}
    if "compiler" in meta:  # the layers of TabM and RealMLP are compiled too, whatever the plan
        here["compiler"] = not isinstance(library(), str)
    for name, value in here.items():
        if meta.get(name) != value:
            why = "rows and dropout are drawn by another generator from here on, so the result is as good but not the same" if name == "device" else "equal up to rounding, not bit for bit"
            run.fallbacks.append(f"resumed with {name} {value} instead of {meta.get(name)}: {why}")
    by_id = {t.member.id: t for t in run.tracks}
    for name, saved in meta["tracks"].items():
        by_id[name].load(saved)
    from phasewise.engine import plan, reporting

    first = {t.member.id: g for g in run.groups for t in g.tracks}
    held = _held(state.tensors)
    for name, why in meta["finished"].items():
        by_id[name].stopped = why
        (run.results[name],) = reporting.results_of(run, first[name], [(by_id[name], held["result"][name])])
    run.groups = []
    for saved in meta["groups"]:
        group = plan.regroup(first[saved["members"][0]], [by_id[m] for m in saved["members"]])
        for slot, name in enumerate(saved["members"]):
            group.population.load(slot, held["member"][name])
        group.frozen = set(saved["frozen"])
        if saved["inside"]:
            group.begin(meta["epoch"], meta["factor"])
            group.population.done = group.shown = saved["done"]
            for slot, name in enumerate(saved["members"]):
                group.population.losses[: saved["done"], slot] = held["member"][name]["losses"].to(run.setting.device)
        run.groups.append(group)
    run.epoch, run.factor = meta["epoch"], meta["factor"]
    run.lr_events, run.rungs = [(int(s), float(f)) for s, f in meta["lr_events"]], meta["rungs"]
    run.last_rung, run.steps_done = meta["last_rung"], meta["steps_done"]
    run.notes[:0] = meta.get("notes", [])
    run.fallbacks[:0] = [f for f in meta["fallbacks"] if f not in run.fallbacks]


def _held(tensors: dict[str, Tensor]) -> dict[str, dict[str, dict[str, Tensor]]]:
    out: dict[str, dict[str, dict[str, Tensor]]] = {"member": {}, "result": {}}
    for name, tensor in tensors.items():
        place = "result" if name.startswith("result/") else "member"
        member, key = name.removeprefix("result/").split("/", 1)
        out[place].setdefault(member, {})[key] = tensor
    return out
