"""Which model goes to the vault: whatever won on validation beyond noise, the simpler one on a tie."""

import math
from typing import Any

from phasewise.records.metrics import METRICS
from phasewise.workflow import loop
from phasewise.workflow.phases.baseline import networks_closed


def pool(view: Any, *, combined: bool = True) -> list[Any]:
    """All models that could be the candidate: best baseline, then network, then ensemble (unless left out); simplest first."""
    out: list[Any] = []
    baselines = view.current("baselines")
    if baselines:
        out += [m for m in baselines.models if m.family != "dummy"] or list(baselines.models)
    if networks_closed(view):
        return out
    state = loop.read(view)
    if state is not None:
        out += [state.start] if state.start is state.incumbent else [state.start, state.incumbent]
    together = view.current("combine") if combined else None
    if together is not None and all(m.ref != together.best.ref for m in out):
        out.append(together.best)
    smaller = view.current("prune") if combined else None
    if smaller is not None:
        out.append(smaller.pruned)
    seen: dict[str, Any] = {}
    for model in out:
        seen.setdefault(model.ref, model)
    return list(seen.values())


def over_limits(view: Any, model: Any) -> str:
    """Which satisficing limit of the goal a model breaks, in words; empty when it keeps them or nothing was measured (G03)."""
    for name, unit, value in (("max_latency_ms", "ms a row", model.latency_ms), ("max_size_mb", "MB", model.size_mb)):
        limit = view.value(f"goals.{name}")
        if limit is not None and value is not None and value > limit:
            return f"{model.name} takes {value:.3g} {unit}, the limit is {limit:g}"
    return ""


def beyond_noise(metric: str, challenger: Any, holder: Any) -> bool:
    """Whether a challenger's validation score beats the holder's by more than the two scores' noise.

    Folds in common are compared in pairs (t-like bound on their differences); else the worker's own comparison on the same rows
    decides, where it was made against this holder; else the intervals' standard errors are added in quadrature, which is careful:
    the same rows make the true noise of the difference smaller.
    """
    sign = 1 if METRICS[metric].maximize else -1
    a, b = challenger.validation, holder.validation
    if len(a.folds) == len(b.folds) >= 3:
        gaps = [sign * (x - y) for x, y in zip(a.folds, b.folds, strict=True)]
        mean = sum(gaps) / len(gaps)
        var = sum((g - mean) ** 2 for g in gaps) / (len(gaps) - 1)
        # Nadeau & Bengio 2003: folds share training rows; 1/k + 1/(k-1) in place of 1/k.
        bound = _T95.get(len(gaps) - 1, 2.0) * math.sqrt(var * (1 / len(gaps) + 1 / (len(gaps) - 1)))
        return mean > bound
    if challenger.versus is not None and challenger.versus.ref == holder.ref:
        return challenger.versus.low > 0
    return sign * (a.value - b.value) > 1.96 * math.hypot(a.se, b.se)


_T95 = {2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 6: 2.447, 7: 2.365, 8: 2.306, 9: 2.262, 19: 2.093}


def recommend(view: Any, *, combined: bool = True) -> tuple[Any, str] | None:
    """The recommended candidate and why, or None when there is no model yet; `combined=False` leaves ensembles out."""
    metric = view.value("goals.metric")
    every = pool(view, combined=combined)
    if not every or metric not in METRICS:
        return None
    models = [m for m in every if not over_limits(view, m)] or every
    closed = networks_closed(view)
    baselines = [m for m in models if m.source == "baseline"]
    best = baselines[0] if baselines else models[0]
    if closed:
        return best, f"The best baseline is carried on. {closed}"
    together = view.current("combine") if combined else None
    for model in models:
        if model.source == "baseline" or model.ref == best.ref:
            continue
        paired = together is not None and model.ref == together.best.ref and together.low > 0
        if paired or beyond_noise(metric, model, best):
            best = model
    rivals = [m for m in models if m.source != best.source]
    if best.source == "baseline" and rivals:
        return best, f"No network or ensemble beats {best.name} ({best.validation.value:.4g}) beyond noise: the simpler model goes on."
    return best, f"{best.name} won on validation with {best.validation.value:.4g} [{best.validation.low:.4g}, {best.validation.high:.4g}]."


def chosen(view: Any) -> Any:
    """The candidate in force: the one named in verify.candidate, else the recommended one."""
    named = view.value("verify.candidate")
    if named:
        found = next((m for m in pool(view) if m.ref == named), None)
        if found is not None:
            return found
    advice = recommend(view)
    return advice[0] if advice else None


def identity(view: Any) -> str:
    """What names the candidate in fingerprints: reference and digest of its files."""
    model = chosen(view)
    return f"{model.ref}@{model.digest}" if model is not None else ""
