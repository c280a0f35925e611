"""Which members step together and what executes them: buckets, tiles, and the plan a short probe chose (anchors 2.3)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from phasewise.engine import losses, sampling
from phasewise.engine.dense.module import DenseNet
from phasewise.engine.dense.optimise import KINDS
from phasewise.engine.dense.population import DensePopulation
from phasewise.engine.group import Group
from phasewise.engine.modules import ModulePopulation
from phasewise.engine.native import threads
from phasewise.engine.population import Maker, Setting, initial_module
from phasewise.engine.sampling import BatchPlan
from phasewise.engine.tracking import Track
from phasewise.records.errors import UsageError

PLANS = ("auto", "one", "stacked", "compiled", "vmap")
STEPPED = ("stacked", "compiled")
"""Plans whose step was written by hand for the dense family."""
CPU_TILE, GPU_TILE = 16, 256


@dataclass(kw_only=True)
class Bucket:
    """Members whose arrays have the same shapes and whose steps are the same in number: they can step together."""

    tracks: list[Track]
    plan: BatchPlan
    example: nn.Module
    possible: tuple[str, ...]
    choice: str = "one"
    tile: int = 1
    why: str = ""
    measured: dict[str, float] = field(default_factory=dict)

    def record(self) -> dict[str, Any]:
        """What is shown and stored of the choice; times are milliseconds per member-step."""
        return {
            "plan": self.choice, "tile": self.tile, "cores": threads.cores(self.tile) if self.choice == "compiled" else 1, "members": len(self.tracks), "batch": self.plan.batch, "steps_per_epoch": self.plan.steps, "why": self.why,
            "measured_ms": {k: round(v * 1e3, 4) for k, v in self.measured.items()},
        }


def makers() -> dict[str, Maker]:
    """The populations a plan may name."""
    from phasewise.engine.dense.compiled import CompiledPopulation
    from phasewise.engine.vmapped import VmapPopulation

    return {"one": ModulePopulation, "stacked": stacked_maker, "compiled": CompiledPopulation, "vmap": VmapPopulation}


def stacked_maker(members: Sequence[Any], setting: Setting, plan: BatchPlan, *, blank: bool = False) -> DensePopulation:
    """A stacked population; on a GPU its step is captured in a CUDA graph."""
    if setting.device.type == "cuda":
        from phasewise.engine.dense.graph import GraphPopulation

        return GraphPopulation(members, setting, plan, blank=blank)
    return DensePopulation(members, setting, plan, blank=blank)


def batch_plan_of(track: Track, setting: Setting, example: nn.Module) -> BatchPlan:
    """The batch plan of a member; networks with batch norm need batches of two rows or more (R04)."""
    least = 2 if any(isinstance(m, nn.modules.batchnorm._BatchNorm) for m in example.modules()) else 1
    config = track.member.config
    if setting.stream is not None:
        if config.train.sampling != "none":
            raise UsageError("sharded tables cannot be over- or under-sampled", "", "Use class weights instead.")
        return setting.stream.plan(config.train.batch_size)
    rows = setting.drawn_from(track.member)
    counts = setting.data.class_counts(rows) if config.train.sampling == "under" else torch.zeros(0, dtype=torch.int64)
    return sampling.batch_plan(config.train, len(rows), counts, least=least)


def buckets_of(tracks: Sequence[Track], setting: Setting, notes: list[str]) -> list[Bucket]:
    """Members by bucket, in the order of their first member."""
    out: dict[Any, Bucket] = {}
    examples: dict[str, nn.Module] = {}
    for t in tracks:
        spec, train = t.member.config.network, t.member.config.train
        structure = spec.model_dump_json(exclude={"dropout", "init"})
        if structure not in examples:
            examples[structure] = initial_module(t.member, setting)
        example = examples[structure]
        plan = batch_plan_of(t, setting, example)
        if train.batch_size < plan.batch:  # a few rows less, so that all batches are equally large, stand in the plan only
            note = f"batches of {plan.batch} rows instead of {train.batch_size}: batch norm needs two rows or more"
            if note not in notes:
                notes.append(note)
        smooth = None if type(example) is DenseNet else train.label_smoothing
        key = (structure, plan.batch, plan.steps, train.optimizer, train.loss, repr(train.loss_options), train.class_weights == "none", smooth, train.ema is None)
        if key not in out:
            out[key] = Bucket(tracks=[], plan=plan, example=example, possible=possible_plans(example, t, setting))
        out[key].tracks.append(t)
    return list(out.values())


def possible_plans(example: nn.Module, track: Track, setting: Setting) -> tuple[str, ...]:
    """Plans that can execute a network at all."""
    from phasewise.engine import vmapped

    train, options = track.member.config.train, track.member.config.network.options
    if {"layer_lr", "freeze", "unfreeze_every"} & options.keys():
        return ("one",)
    if type(example) is DenseNet and train.optimizer in KINDS and setting.precision != "bf16":
        return ("one", "stacked", "compiled") if setting.device.type == "cpu" and compiled_fits(track, setting) else ("one", "stacked")
    return ("one", "vmap") if vmapped.fits(example, train) else ("one",)


def compiled_fits(track: Track, setting: Setting) -> bool:
    """Whether the compiled step knows the activation, the loss and the optimiser of a dense network, and this machine compiles."""
    from phasewise.engine.dense import compiled

    spec, train = track.member.config.network, track.member.config.train
    return compiled.fits(spec.activation, losses.loss_fn(train, setting.data, track.member.train[:1]).name, train.optimizer)


def assemble(
    tracks: Sequence[Track], setting: Setting, asked: str, notes: list[str], *, tile: int | None = None, share: float = 1.0, before: Sequence[dict[str, Any]] = (),
) -> tuple[list[Group], dict[str, Any]]:
    """Groups that cover all tracks, and the record of the plan; `share` is the part of their epochs that will be trained.

    `before` are the buckets of the record of a run that goes on: they keep their plan, so that a resumed run is the same bit for bit.
    """
    from phasewise.engine import probe

    if asked not in PLANS:
        raise UsageError(f"unknown plan {asked!r}", "", f"Use one of {', '.join(PLANS)}.")
    groups: list[Group] = []
    buckets = buckets_of(tracks, setting, notes)
    for number, bucket in enumerate(buckets):
        if asked != "auto" or not probe.keep(bucket, before[number : number + 1], notes):
            probe.choose(bucket, setting, asked, notes, tile, share)
        maker = makers()[bucket.choice]
        for part in tiles(bucket.tracks, bucket.tile):
            group = Group(part, setting, bucket.plan, maker, bucket.choice, bucket.tile)
            group.bucket = id(bucket)
            groups.append(group)
    records = [b.record() for b in buckets]
    names = sorted({b.choice for b in buckets})
    return groups, {"plan": names[0] if len(names) == 1 else "mixed", "device": setting.device.type, "precision": setting.precision, "asked": asked, "buckets": records, "not_tried": not_tried(setting), **({"stream": setting.stream.record()} if setting.stream is not None else {})}


def not_tried(setting: Setting) -> dict[str, str]:
    """Plans of the design that the probe leaves out here, with the reason; part of the record of every run."""
    gpu = setting.device.type == "cuda"
    return {
        **({} if gpu else {"cuda_graph": "needs a GPU; there a stacked step is captured in one"}),
        **uncompiled(setting),
        "grouped": "no family here gains: grouped convolutions were 1.24 times one at a time at best, small ones run by vmap",
    }


def uncompiled(setting: Setting) -> dict[str, str]:
    """Why no step is compiled here, if so."""
    from phasewise.engine.native.build import library

    if setting.device.type == "cuda":
        return {"compiled": "for CPUs; on a GPU a stacked step is captured in a graph"}
    found = library()
    return {"compiled": found} if isinstance(found, str) else {}


def tiles(tracks: Sequence[Track], size: int) -> list[list[Track]]:
    """Runs of at most `size`, as equal as they can be."""
    count = -(-len(tracks) // size)
    bounds = [round(i * len(tracks) / count) for i in range(count + 1)]
    return [list(tracks[a:b]) for a, b in zip(bounds, bounds[1:], strict=False)]


def retile(groups: list[Group]) -> list[Group]:
    """After members left: tiles of one bucket that fit together are joined, their members' state carried over bit for bit."""
    out: list[Group] = []
    for group in groups:
        mate = next((g for g in out if g.key() == group.key() and g.size + group.size <= g.tile), None)
        if mate is None:
            out.append(group)
            continue
        held = [(g.tracks[s], g.population.slot(s)) for g in (mate, group) for s in range(g.size)]
        joined = regroup(mate, [t for t, _ in held])
        for i, (_, slot) in enumerate(held):
            joined.population.load(i, slot)
        joined.bucket = mate.bucket
        out[out.index(mate)] = joined
    return out


def regroup(like: Group, tracks: Sequence[Track]) -> Group:
    """A group of other members of the same bucket, whose states are loaded next."""
    new = Group(tracks, like.setting, like.plan, like.maker, like.kind, like.tile, blank=True)
    new.bucket = like.bucket
    return new

