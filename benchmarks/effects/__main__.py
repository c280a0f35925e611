"""`python -m benchmarks.effects` writes `benchmarks/results/effects.md`."""

import os
import time
from pathlib import Path

import torch
from benchmarks.effects import recipes, transfer
from benchmarks.effects.common import ROOT, SEEDS

OUT = Path(os.environ.get("PHASEWISE_RESULTS") or ROOT / "benchmarks" / "results") / "effects.md"


def main() -> None:
    """Runs every effect and writes the table."""
    torch.set_num_threads(1)
    began, made = time.perf_counter(), []
    for part in (transfer.run, recipes.run):
        for lines in part():
            print(f"{time.perf_counter() - began:.0f} s", *lines, sep="\n", flush=True)
            made += lines
    said = [line.rsplit("|", 2)[1].strip() for line in made]
    head = [
        "# Effects of techniques on tables, with their controls", "",
        f"Written by `python -m benchmarks.effects` in {time.perf_counter() - began:.0f} s, one thread. {SEEDS} seeds (split, order and weights), paired; the same steps for all;",
        "every variant chooses its learning rate (three in the transfers, four elsewhere) and, outside the transfers, its epoch on rows of its own and is judged on others.",
        "Differences are to the control of the same seed, positive is better, with the 95 % bootstrap interval of their mean. No correction for the number of rows:",
        f"{said.count('helps')} help, {said.count('harms')} harm, {said.count('no difference seen')} show no difference.", "",
        "| setting | variant | mean | difference to the control [95 %] | |", "|---|---|---|---|---|",
    ]
    OUT.write_text("\n".join([*head, *made]) + "\n")


if __name__ == "__main__":
    main()
