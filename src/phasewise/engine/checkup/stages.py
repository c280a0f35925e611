"""The order of the check-up: the cheapest check able to catch a fault comes first, a red stage locks the later ones (B08)."""

import time
from collections.abc import Callable
from typing import Any

from torch import Tensor

from phasewise.engine.checkup import gradients, learning, shapes, units
from phasewise.engine.checkup.case import Case, quiet, verdict
from phasewise.engine.data import Dataset, InputInfo
from phasewise.engine.losses import PLUGIN
from phasewise.engine.member import Hooks
from phasewise.engine.population import Build
from phasewise.records.errors import GateError
from phasewise.records.models import ModelConfig
from phasewise.records.results.baseline import CheckVerdict, StageTime

Check = Callable[[Case], CheckVerdict]
STAGES: tuple[tuple[str, tuple[Check, ...]], ...] = (
    ("shape", (shapes.output_shape, shapes.tied, shapes.logits, shapes.clipped)),
    ("unit", (
        units.evaluation_is_fixed, units.inputs_untouched, units.batch_independence, units.train_eval, units.invariances, gradients.gradient_is_right,
        gradients.rows_count, learning.loss_at_start, gradients.units_alive, gradients.gradient_flow, gradients.parameters_change, units.save_load,
        units.repeatable, units.frozen_stays,
    )),
    ("one batch", (learning.one_batch,)),
    ("control", (learning.zero_input,)),
)


IDS = {"logits": "raw-outputs", "clipped": "outputs-clipped", "evaluation_is_fixed": "evaluation-fixed", "gradient_is_right": "gradient-right", "loss_is_right": "loss-right"}
"""Ids of checks that are not their function's name."""

OWN_LOSS: tuple[str, tuple[Check, ...]] = ("loss", (gradients.loss_is_right,))
"""Before all others where the loss is a person's own: every other check would trip over it."""


def run(
    config: ModelConfig, data: Dataset, info: InputInfo, build: Build, hooks: Hooks | None = None, *, rows: Tensor, seed: int | None = None,
) -> tuple[list[CheckVerdict], list[dict[str, Any]]]:
    """Verdicts in the order they were reached, and the shape table (B04); `rows` are training rows (int64).

    Stages after a red one are locked: their checks appear as `locked` in no verdict, the last verdict names them. Global random states
    are as before afterwards.
    """
    case = Case(config=config, data=data, info=info, build=build, rows=rows, seed=config.seed if seed is None else seed)
    return run_case(case, hooks)


def run_case(case: Case, hooks: Hooks | None = None) -> tuple[list[CheckVerdict], list[dict[str, Any]]]:
    """The same for a case made by hand."""
    hooks = hooks or Hooks()
    verdicts: list[CheckVerdict] = []
    order = (OWN_LOSS, *STAGES) if case.config.train.loss == PLUGIN and case.loss is None else STAGES
    total, done = sum(len(checks) for _, checks in order), 0
    for name, checks in order:
        for check in checks:
            verdicts.append(_judge(check, case, name))
            done += 1
            hooks.on_progress(done, total)
            if hooks.poll().stop is not None:
                return verdicts, case.trace.get("shapes", [])
        if any(v.verdict == "fail" for v in verdicts):
            break
    return verdicts, case.trace.get("shapes", [])


def locked(verdicts: list[CheckVerdict]) -> list[str]:
    """Stages that were not run because an earlier one is red."""
    reached = {v.numbers.get("stage") for v in verdicts}
    return [name for name, _ in STAGES if name not in reached]


def times(verdicts: list[CheckVerdict]) -> list[StageTime]:
    """Checks, seconds and colour of every stage that was reached, in the order they ran."""
    found: dict[str, list[CheckVerdict]] = {}
    for v in verdicts:
        found.setdefault(str(v.numbers.get("stage")), []).append(v)
    return [
        StageTime(stage=name, checks=len(those), seconds=sum(v.seconds for v in those), state="red" if any(v.verdict == "fail" for v in those) else "green")
        for name, those in found.items()
    ]


def _judge(check: Check, case: Case, stage: str) -> CheckVerdict:
    """One check with its time; a network that breaks inside a check fails it with the error's own words."""
    began = time.perf_counter()
    with quiet():
        try:
            found = check(case)
        except GateError:  # code nobody agreed to is no fault of the network
            raise
        except Exception as error:  # the network under examination is not ours: whatever it raises is its fault
            words = (str(error).splitlines() or [type(error).__name__])[0]
            found = verdict(IDS.get(check.__name__, check.__name__.replace("_", "-")), False, "the network breaks under this check", f"PyTorch says: {words}")
    return found.model_copy(update={"seconds": time.perf_counter() - began, "numbers": {**found.numbers, "stage": stage}})
