"""Does it learn at all: loss at the start, one batch by heart, and worse without inputs (B05)."""

import math

import torch
from torch import Tensor, nn

from phasewise.engine import losses
from phasewise.engine.checkup import reference
from phasewise.engine.checkup.apart import apart
from phasewise.engine.checkup.case import Case, copied, verdict
from phasewise.records.results.baseline import CheckVerdict

TOLERANCE = 0.10
UNDECIDED = 0.1
"""Share of the loss that inputs may still be worth, two standard errors up, before the control counts as failed."""
GOAL = 0.01
STEPS = 500
FEWEST = 4
OTHER_RATES = (3e-3, 1e-2, 3e-2, 1e-1)
CONTROL_STEPS, LOOK = 240, 20
HEAVY = 3 * 64 * 64
"""Numbers of a row from which on fewer rows are taken at a time."""
SETTLED, STILL = 0.999, 3
"""Without inputs: over when this many looks in a row stay above this share of the best loss."""
CLEAR = 5.0
"""With inputs: standard errors of a gap that no later look can take back."""


def loss_at_start(case: Case) -> CheckVerdict:
    """An untrained network's loss is that of knowing nothing: ln C, ln 2, the mean squared target; within 10 %."""
    inputs, y = case.batch(1024)
    name = "custom" if case.loss or case.config.train.loss == losses.PLUGIN else case.config.train.loss
    expected = None
    if name != "custom":
        variance = float(y.double().square().mean()) if case.data.task == "regression" else 1.0
        expected = losses.start_value(name, case.data.task, case.data.classes, variance)
    values = []
    for extra in range(3):
        module = case.fresh(seed=case.seed + extra, plain=True)
        module.train()
        with torch.no_grad():
            values.append(float(case.loss_of(module(copied(inputs)), y)))
            out = module(copied(inputs))
            once, twice = float(case.loss_of(out, y)), float(case.loss_of(torch.cat((out, out)), torch.cat((y, y))))
    if math.isfinite(once) and abs(twice - once) > 1e-3 * abs(once):
        return verdict("loss-at-start", False, "the loss grows with the number of rows", f"{once:.4g} on a batch, {twice:.4g} on the same rows twice: it sums instead of averaging.", expected=once, actual=twice)
    actual = sorted(values)[1]
    if not math.isfinite(actual):
        return verdict("loss-at-start", False, "the loss of an untrained network is not finite", "Look at the scale of inputs and weights.", expected=expected, actual=actual)
    if expected is None:
        ok = actual >= 0 or name != "custom"
        return verdict("loss-at-start", True if ok else "warn", "no expected value for this loss" if ok else "the loss is negative at the start", f"It is {actual:.4g}. A flipped sign?" if not ok else f"It is {actual:.4g}.", actual=actual)
    ok = abs(actual - expected) <= TOLERANCE * expected
    return verdict("loss-at-start", ok, "an untrained network knows nothing" if ok else "the loss at the start is off", f"{actual:.4g}, expected {expected:.4g} within {TOLERANCE:.0%}. {'' if ok else 'Too large: the head starts too big, or the loss sums instead of averaging.'}", expected=expected, actual=actual)


def _by_heart(case: Case, module: nn.Module, inputs: dict[str, Tensor], y: Tensor, lr: float, steps: int) -> tuple[float, float, int]:
    opt = case.optimiser(module, lr=lr)
    module.train()
    start = last = math.nan
    for step in range(steps):
        opt.zero_grad(set_to_none=True)
        value = case.loss_of(module(copied(inputs)), y)
        last = float(value.detach())
        if step == 0:
            start = last
        if not math.isfinite(last) or last < GOAL * abs(start) and step:
            return start, last, step
        value.backward()
        opt.step()
    return start, last, steps


def one_batch(case: Case) -> CheckVerdict:
    """A handful of rows is learned by heart: loss below 1 % of the start within 500 steps, all regularisers off.

    As many rows as a small network can hold (4 to 16), as unlike each other as can be found. The config's learning rate comes first; where it
    is merely slow, larger ones may show that the network itself is sound; a rate of 0, or one that makes the loss grow, fails. Where all rates
    fail, four rows, four times the steps and two other initialisations decide: units may die by bad luck, a fault in the network stays.
    """
    parameters = sum(p.numel() for p in case.fresh().parameters())
    count = min(16, max(FEWEST, parameters // (3 * max(case.info.outputs, 2))))
    inputs, y = apart(case, count)
    if len(y) < 2:
        return verdict("one-batch", "warn", "rows cannot be told apart", "All rows looked at have the same inputs: there is nothing to learn them by.")
    if len(y.unique()) == 1:
        return verdict("one-batch", "warn", "the rows of the batch all have one target", "Nothing to learn by heart.")
    asked = case.config.train.lr
    rates = (asked, *(r for r in OTHER_RATES if r > 2 * asked))
    tried: list[str] = []
    fewer = apart(case, FEWEST)
    for (inputs, y), steps, seed, lr in [
        *(((inputs, y), STEPS, case.seed, lr) for lr in rates),
        *((fewer, 4 * STEPS, case.seed + extra, lr) for extra in (1, 2) for lr in rates[1:3] or rates),
    ]:
        start, last, took = _by_heart(case, case.fresh(seed=seed, plain=True), inputs, y, lr, steps)
        if last < 0 and not start <= 0 or math.isfinite(last) and last < -abs(start):
            return verdict("one-batch", False, "the loss falls below zero", f"From {start:.3g} to {last:.3g}: is its sign flipped?", actual=last)
        if lr == asked and (lr == 0 or not math.isfinite(last) or last > 1.5 * abs(start)):
            return verdict("one-batch", False, "the learning rate is unusable", f"At {lr:g} the loss goes from {start:.3g} to {last:.3g} on {len(y)} rows. Run the finder.", actual=last / start if start else last)
        if math.isfinite(last) and last < GOAL * abs(start):
            slow = "" if lr == asked else f" It needs a rate of {lr:g}; {asked:g} is slow for {STEPS} steps."
            return verdict("one-batch", True, "one batch is learned by heart", f"{len(y)} rows: loss {start:.3g} to {last:.2g} in {took} steps.{slow}", expected=GOAL, actual=last / start, steps=took, lr=lr)
        tried.append(f"{lr:g}: {last:.3g}")
    return verdict("one-batch", False, "one batch cannot be learned by heart", f"Down to {len(y)} rows, loss {start:.3g} at the start, after up to {4 * STEPS} steps at rate {'; '.join(tried)}. Look for a cut gradient, a second soft-max, a wrong target.", expected=GOAL, actual=last / start if start else last)


def zero_input(case: Case) -> CheckVerdict:
    """Trained on inputs set to zero it must do worse on rows it has not seen (else it ignores its inputs, or the targets belong to other rows)."""
    total = len(case.rows)
    count, held = min(768, int(total * 0.6)), min(_affordable(case.batch(1)[0], 512, 64), total - int(total * 0.6))
    if held < 16:
        return verdict("zero-input", "warn", "too few rows for the control", f"{total} rows.")
    train, test = _parted(case, count, held)
    blank = _best(case, train, test)
    real = _best(case, train, test, beaten=blank)
    gap = blank - real
    se = float(gap.std() / math.sqrt(len(gap)))
    mean = float(gap.mean())
    ok = mean > 2 * se and mean > 0
    detail = f"Loss on {held} unseen rows: {float(real.mean()):.4g} with inputs, {float(blank.mean()):.4g} without (difference {mean:.3g} ± {2 * se:.2g})."
    if not ok and mean + 2 * se > UNDECIDED * float(blank.mean().abs()):
        return verdict("zero-input", "warn", "whether inputs help cannot be told", detail + " A few rows with extreme targets weigh too much for so few rows: look at the target, and at what the other models reach.", expected="> 0", actual=mean, se=se)
    if not ok:
        row_loss = losses.make("auto", case.data.task)
        plain = blank.cpu() - reference.losses_of(train, test, case.info.outputs, row_loss, seed=case.seed)
        if not float(plain.mean()) > 2 * float(plain.std()) / math.sqrt(held):
            return verdict("zero-input", "warn", "no signal in the rows looked at", detail + f" A plain network of our own finds none either in {count} rows: targets of other rows, inputs without information, or too few rows for them.", expected="> 0", actual=mean, se=se)
    return verdict("zero-input", ok, "inputs help" if ok else "inputs do not help", detail if ok else detail + " The network ignores its inputs, targets belong to other rows, or the inputs hold no information.", expected="> 0", actual=mean, se=se)


def _parted(case: Case, count: int, held: int) -> tuple[tuple[dict[str, Tensor], Tensor], tuple[dict[str, Tensor], Tensor]]:
    """`count` rows to train on and `held` others with the same mix of classes: rows in turn of a rare class would all go to the first."""
    inputs, y = case.batch(count + held)
    order = torch.randperm(len(y), generator=torch.Generator().manual_seed(29 + case.seed)).to(y.device)
    mine, others = order[:count], order[count:]
    return ({n: x[mine] for n, x in inputs.items()}, y[mine]), ({n: x[others] for n, x in inputs.items()}, y[others])


def _affordable(inputs: dict[str, Tensor], most: int, least: int) -> int:
    """Rows at a time: fewer where a row is a large picture, so that the control takes seconds on those too."""
    return max(least, min(most, most * HEAVY // max(sum(x[0].numel() for x in inputs.values()), 1)))


def _best(case: Case, train: tuple[dict[str, Tensor], Tensor], test: tuple[dict[str, Tensor], Tensor], *, beaten: Tensor | None = None) -> Tensor:
    """Loss per unseen row `[n]` at the best of a few looks, for the better of two learning rates.

    Without `beaten` every input is zero, and training ends where it has settled; with it (the losses of that run) training ends once it
    does clearly better.
    """
    row_loss, at_once = losses.make("auto", case.data.task), min(_affordable(train[0], 64, 8), len(train[1]))

    def shown(inputs: dict[str, Tensor]) -> dict[str, Tensor]:
        return {n: torch.zeros_like(x) if beaten is None else x.clone() for n, x in inputs.items()}

    best: Tensor | None = None
    source = torch.Generator().manual_seed(case.seed)
    for lr in sorted({min(max(case.config.train.lr, 1e-3), 1e-2), 1e-2}):
        module = case.fresh(plain=True)
        opt = case.optimiser(module, lr=lr)
        lowest, waited = math.inf, 0
        for step in range(1, CONTROL_STEPS + 1):
            pick = torch.randint(0, len(train[1]), (at_once,), generator=source).to(train[1].device)
            module.train()
            opt.zero_grad(set_to_none=True)
            case.loss_of(module(shown({n: x[pick] for n, x in train[0].items()})), train[1][pick]).backward()
            opt.step()
            if step % LOOK:
                continue
            module.eval()
            with torch.no_grad():
                now = row_loss.rows(module(shown(test[0])), test[1]).double()
            mean = float(now.mean())
            if bool(torch.isfinite(now).all()) and (best is None or mean < float(best.mean())):
                best = now
            waited = 0 if mean < SETTLED * lowest else waited + 1
            lowest = min(lowest, mean)
            if beaten is None and waited >= STILL:
                break
            if beaten is not None and best is not None and _clear(beaten - best):
                return best
    return best if best is not None else torch.full((len(test[1]),), math.inf, dtype=torch.float64, device=test[1].device)


def _clear(gap: Tensor) -> bool:
    mean, spread = float(gap.mean()), float(gap.std())
    return math.isfinite(spread) and mean > CLEAR * spread / math.sqrt(len(gap)) and mean > 0
