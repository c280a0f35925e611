"""Behaviour of one network on a few rows: rows independent, evaluation fixed, inputs left alone, saved and loaded the same (B03)."""

import torch

from phasewise.engine import groups
from phasewise.engine.checkup.case import NOISY, Case, copied, first, verdict
from phasewise.records.results.baseline import CheckVerdict

CLOSE = 1e-4
"""Largest difference of outputs (relative to their size) that rounding in another batch may cause."""


def _differ(a: torch.Tensor, b: torch.Tensor) -> float:
    return float((a - b).abs().max() / (1 + a.abs().max()))


def batch_independence(case: Case) -> CheckVerdict:
    """A row's output in evaluation does not depend on the rows beside it (catches mixed axes, batch statistics, soft-max over rows)."""
    module = case.fresh()
    case.train(module, 2)
    module.eval()
    a, b = case.batch(8)[0], case.batch(8, skip=8)[0]
    if len(next(iter(b.values()))) < 8:
        b = {n: x.flip(0) for n, x in a.items()}
    mixed = {n: torch.cat([a[n][:1], b[n][1:]]) for n in a}
    with torch.no_grad():
        among, other = module(copied(a)), module(mixed)
        try:
            alone = module(first(a, 1))
        except (RuntimeError, ValueError) as error:
            return verdict("batch-independence", False, "a row cannot be judged alone", f"In evaluation the network needs other rows beside it: a normalisation without running statistics? PyTorch says: {str(error).splitlines()[0]}")
    gap = max(_differ(among[:1], other[:1]), _differ(among[:1], alone))
    return verdict("batch-independence", gap < CLOSE, "rows do not influence each other" if gap < CLOSE else "a row's output depends on the other rows", f"Largest change of one row's output when the others change: {gap:.2g}.", expected=0.0, actual=gap)


def evaluation_is_fixed(case: Case) -> CheckVerdict:
    """Evaluation twice gives the same bits, and `eval()` reaches every layer (dropout or batch norm left in training is caught)."""
    module = case.fresh()
    module.eval()
    left = [n or "(network)" for n, m in module.named_modules() if m.training]
    if left:
        return verdict("evaluation-fixed", False, f"{left[0]} stays in training mode", "eval() does not reach it.")
    inputs, _ = case.batch(16)
    before = {n: b.clone() for n, b in module.named_buffers()}
    with torch.no_grad():
        a, b = module(copied(inputs)), module(copied(inputs))
    moved = [n for n, x in module.named_buffers() if not torch.equal(x, before[n])]
    if moved:
        return verdict("evaluation-fixed", False, f"evaluation changes {moved[0]}", "Statistics must not move outside training.")
    same = torch.equal(a, b)
    return verdict("evaluation-fixed", same, "evaluation is repeatable" if same else "evaluation gives another answer each time", "" if same else f"Difference {_differ(a, b):.2g}: something random is still on.")


def inputs_untouched(case: Case) -> CheckVerdict:
    """The network does not write into its inputs."""
    module = case.fresh()
    module.eval()
    inputs, _ = case.batch(16)
    held = copied(inputs)
    with torch.no_grad():
        module(inputs)
    spoiled = [n for n in held if not torch.equal(held[n], inputs[n])]
    return verdict("inputs-untouched", not spoiled, "inputs are left alone" if not spoiled else f"the network changes its input {spoiled[0]!r}", "" if not spoiled else "An in-place operation works on the data itself.")


def train_eval(case: Case) -> CheckVerdict:
    """Training and evaluation differ only where dropout or normalisation is there to explain it: with both held still, they agree."""
    module = case.fresh(plain=True)
    inputs, _ = case.batch(16)
    module.eval()
    with torch.no_grad():
        calm = module(copied(inputs))
        module.train()
        noisy = [m for m in module.modules() if isinstance(m, NOISY)]
        reasons = [type(m).__name__ for m in noisy if getattr(m, "p", 1.0) > 0]
        for m in noisy:
            m.eval()
        held, again = module(copied(inputs)), module(copied(inputs))
    if held.shape != calm.shape:
        return verdict("train-eval", True, "training output is per member, as declared" if getattr(module, "members", 1) > 1 else "training output has another shape")
    gap = _differ(calm, held)
    if gap < CLOSE:
        return verdict("train-eval", True, "training and evaluation differ because of " + ", ".join(sorted(set(reasons))) + " only" if reasons else "training and evaluation agree", f"Largest difference with normalisation and dropout held still {gap:.2g}.", actual=gap)
    if not torch.equal(held, again):
        return verdict("train-eval", True, "training and evaluation differ because of something random", f"Two training passes over the same rows differ by {_differ(held, again):.2g}: dropout inside forward?", actual=gap)
    return verdict("train-eval", False, "training and evaluation differ without dropout or normalisation", f"Largest difference {gap:.2g}: the code itself does something else when self.training is off.", actual=gap)


def save_load(case: Case) -> CheckVerdict:
    """Weights saved, and loaded into a network of another seed, give the same outputs bit for bit (an unregistered layer is caught)."""
    module = case.fresh()
    case.train(module, 2)
    other = case.fresh(seed=case.seed + 1)
    inputs, _ = case.batch(16)
    try:
        other.load_state_dict({n: t.clone() for n, t in module.state_dict().items()})
    except (RuntimeError, KeyError) as error:
        return verdict("save-load", False, "the saved weights do not fit a new network", str(error).splitlines()[0])
    module.eval()
    other.eval()
    with torch.no_grad():
        a, b = module(copied(inputs)), other(copied(inputs))
    same = torch.equal(a, b)
    return verdict("save-load", same, "saved and loaded the same" if same else "a loaded network answers differently", "" if same else f"Difference {_differ(a, b):.2g}: some weights are not registered with the network (a plain Python list?).")


def repeatable(case: Case) -> CheckVerdict:
    """The same seed gives the same weights after a few steps, bit for bit (on a CPU)."""
    runs = []
    for _ in range(2):
        module = case.fresh()
        case.train(module, 4)
        runs.append({n: t.clone() for n, t in module.state_dict().items()})
    moved = [n for n in runs[0] if not torch.equal(runs[0][n], runs[1][n])]
    if not moved or case.data.device.type != "cpu":
        return verdict("repeatable", True, "the same seed gives the same weights" if not moved else "repeatable up to rounding on this device")
    return verdict("repeatable", False, "the same seed gives other weights", f"{moved[0]} differs: some randomness is not seeded.")


def frozen_stays(case: Case) -> CheckVerdict:
    """The first layer group frozen: its weights and batch-norm statistics stay the same bits, the rest moves (T18)."""
    module = case.fresh()
    parts = groups.split(module)
    if len(parts) < 2:
        return verdict("frozen-stays", True, "one layer only: nothing to freeze")
    groups.freeze_to(module, parts, 1)
    before = {n: t.clone() for n, t in module.state_dict().items()}
    case.train(module, 3)
    prefixes = tuple(parts[0].names)
    held = {id(b) for part in parts[0].modules for b in part.buffers()}
    named = dict(module.named_buffers())
    still = [n for n, t in module.state_dict().items() if (n in prefixes or n in named and id(named[n]) in held) and not torch.equal(t, before[n])]
    rest = any(not torch.equal(t, before[n]) for n, t in module.state_dict().items() if n not in prefixes)
    if still:
        return verdict("frozen-stays", False, f"{still[0]} moves although frozen", "Something writes to weights outside the optimiser.")
    return verdict("frozen-stays", rest, "frozen layers stay, the others learn" if rest else "nothing learns once the first layer is frozen")


def invariances(case: Case) -> CheckVerdict:
    """What a network promises not to care about holds (R21): `invariances` maps a name to `inputs -> changed inputs`."""
    module = case.fresh()
    promised = getattr(module, "invariances", {})
    inputs, _ = case.batch(16)
    module.eval()
    for name, change in promised.items():
        with torch.no_grad():
            gap = _differ(module(copied(inputs)), module(change(copied(inputs))))
        if gap >= CLOSE:
            return verdict("invariances", False, f"the network is not invariant to {name}", f"Its output changes by {gap:.2g}, though it promises not to.", expected=0.0, actual=gap)
    return verdict("invariances", True, f"invariant to {', '.join(promised)}" if promised else "no invariance is promised")
