"""What can go wrong while training, and what is done about it: bad members, breakdowns, memory."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch

from phasewise.engine import device
from phasewise.engine.data import Dataset
from phasewise.engine.group import Group
from phasewise.engine.member import Hooks, Member
from phasewise.engine.population import initial_module
from phasewise.engine.watch_probe import first_bad_layer
from phasewise.records.errors import BadInputError, RunError, UsageError

if TYPE_CHECKING:
    from phasewise.engine.run import Run


def check_members(members: Sequence[Member], data: Dataset, hooks: Hooks, fallbacks: list[str], *, sharded: bool = False) -> None:
    """Refuses members that cannot train; reports those that can but will surprise (lr 0, huge lr, class absent, batch cut)."""
    if not members:
        raise UsageError("nothing to train", "The population has no members.")
    ids = [m.id for m in members]
    if len(set(ids)) < len(ids):
        raise UsageError("two members have the same id", f"Ids: {', '.join(sorted({i for i in ids if ids.count(i) > 1}))}.")
    for m in members:
        train = m.config.train
        if not len(m.train):
            raise BadInputError(f"{m.id} has no training rows", "Its index tensor is empty.", "Check the split or the folds.")
        for rows in (m.train, m.validation):
            if rows.dtype != torch.int64:
                raise UsageError(f"the rows of {m.id} are {str(rows.dtype).removeprefix('torch.')} numbers", "Rows are named by their places.", "Give an int64 tensor.")
            if len(rows) and not 0 <= int(rows.min()) <= int(rows.max()) < data.rows:
                raise BadInputError(f"{m.id} names rows that do not exist", f"The data have {data.rows} rows; it names {int(rows.min())} to {int(rows.max())}.")
        if train.lr == 0:
            hooks.on_finding("lr-zero", "warn", f"{m.id}: the learning rate is 0", "Nothing will be learned; fine as a control.")
        if train.lr > 100:
            hooks.on_finding("lr-huge", "warn", f"{m.id}: the learning rate is {train.lr:g}", "Training will almost surely diverge.")
        if sharded and train.class_weights != "none":
            _note(fallbacks, f"class weights come from a sample of {len(m.train)} training rows of the sharded table")
        if train.batch_size > len(m.train) and not sharded:
            _note(fallbacks, f"batch size {train.batch_size} is larger than the {len(m.train)} training rows; one batch of all rows is used")
        counts = data.class_counts(m.train)
        if len(counts) and int(counts.min()) == 0:
            absent = (counts == 0).nonzero().flatten().tolist()
            name = f"{data.names[absent[0]]!r}" if data.names else absent[0]
            hooks.on_finding("class-absent", "warn", f"{m.id}: class {name} is absent from its training rows", "It gets weight 0 and will not be predicted. Give it more rows, or leave its rows out.")


def _note(fallbacks: list[str], text: str) -> None:
    if text not in fallbacks:
        fallbacks.append(text)


def freeze_diverged(run: "Run", group: Group) -> None:
    """Stops members whose loss is no longer finite: learning rate 0 from here, batch and place reported, roll-back offered."""
    done = group.done
    bad = ~torch.isfinite(group.population.losses[:done])
    if not bool(bad.any()):
        return
    for slot in bad.any(0).nonzero().flatten().tolist():
        if slot in group.frozen:
            continue
        group.frozen.add(slot)
        step, b = int(bad[:, slot].nonzero()[0]), group.plan.batch
        track = group.tracks[slot]
        rows = group.orders(run.epoch)[slot, step * b : (step + 1) * b].cpu()
        best = f"best weights are those of epoch {track.best_epoch}" if track.best_epoch else "no epoch was finished: the initial weights are all there is"
        run.hooks.on_finding(
            "loss-not-finite", "block", f"{track.member.id}: the loss is not finite",
            f"Epoch {run.epoch + 1}, step {step + 1} of it, learning rate {float(group.table[step, slot]):g}; {best}.{_culprit(run, group, slot, rows)}",
            {"member": track.member.id, "epoch": run.epoch + 1, "step": step, "rows": rows, "roll_back_to": track.best_epoch},
        )
    group.set_rates(run.factor)


def _culprit(run: "Run", group: Group, slot: int, rows: torch.Tensor) -> str:
    """Whether the batch or the step was at fault: the batch is put through the last good weights and its first bad layer named (V12)."""
    data = run.setting.data
    if not hasattr(data, "take"):
        return ""
    module = initial_module(group.tracks[slot].member, run.setting).to(run.setting.device)
    state = group.population.state_dict(slot)
    if all(bool(torch.isfinite(t).all()) for t in state.values() if t.is_floating_point()):
        module.load_state_dict(state)  # the best so far; else the initial weights, which were whole
    bad = first_bad_layer(module, data.take(rows.to(run.setting.device))[0])
    return f" With the last whole weights this batch is not finite from {bad} on." if bad else " With the last whole weights this batch is finite in every layer: the step was too large."


def begin(run: "Run", group: Group) -> None:
    """Begins an epoch of a group; when memory runs out the tile is halved and the halves run in turn (same members, same batches)."""
    at = run.groups.index(group)
    run.groups[at : at + 1] = _begun(run, group)


def relieve(run: "Run", group: Group, error: BaseException) -> None:
    """Memory ran out in the middle of an epoch: the tile is halved and both halves go on from the last whole step."""
    if not device.out_of_memory(error):
        raise error
    at, place = run.groups.index(group), (group.done, group.shown, group.population.losses.cpu())
    run.groups[at : at + 1] = _halved(run, group, error, place, "memory ran out in mid-epoch with a tile of {} members; tiles of {} go on in turn, dropout of one step drawn anew")


Place = tuple[int, int, torch.Tensor]
"""Steps done in the epoch, those that were shown, and the losses [steps, members] on the host."""


def _begun(run: "Run", group: Group, place: Place | None = None) -> list[Group]:
    """The group at the start of the epoch, or where it stood in it; in halves, and halves of these, where memory runs out."""
    try:
        group.begin(run.epoch, run.factor)
    except (RuntimeError, MemoryError) as error:
        if not device.out_of_memory(error):
            raise
        return _halved(run, group, error, place, "memory ran out with a tile of {} members; tiles of {} are run in turn")
    if place is not None:
        done, group.shown, losses = place
        group.population.done = done
        group.population.losses[:done] = losses[:done].to(group.population.losses.device)
    if run.scarce:
        group.rest()
    return [group]


def _halved(run: "Run", group: Group, error: BaseException, place: Place | None, words: str) -> list[Group]:
    if group.size == 1:
        raise RunError("memory ran out", f"One member with batches of {group.plan.batch} rows does not fit.", "Take a smaller batch size or network, or a device with more memory.") from error
    frozen, out, at, run.scarce = group.frozen, [], 0, True
    said = words.format(group.size, -(-group.size // 2))
    if place is None or said not in run.fallbacks:
        run.fallbacks.append(said)
    for half in split(group, error):
        half.frozen = {s - at for s in frozen if at <= s < at + half.size}
        out += _begun(run, half, None if place is None else (*place[:2], place[2][:, at : at + half.size]))
        at += half.size
    return out


def split(group: Group, error: BaseException) -> list[Group]:
    """Two groups with the members of one, their state carried over by way of the host: the old population and what its failed step holds are freed before new ones are made."""
    device.let_go(error)
    held = [{name: t.cpu() for name, t in group.population.slot(s).items()} for s in range(group.size)]
    middle = -(-group.size // 2)
    group.release()
    device.let_go(error)
    out = []
    for part in (slice(0, middle), slice(middle, None)):
        half = Group(group.tracks[part], group.setting, group.plan, group.maker, group.kind, max(1, middle), blank=True)
        half.bucket = group.bucket
        for i, slot in enumerate(held[part]):
            half.population.load(i, slot)
        out.append(half)
    return out
