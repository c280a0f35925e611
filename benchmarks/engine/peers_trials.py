"""C1, C2: Optuna's own searches, run by the Python of the peers' environment: the loops of `common.py` under a study with its default sampler.

`peers_trials.py ROWS.npz SETTINGS` with settings {contestant, hidden, trials, epochs, train, batch, seed} prints
`{"seconds", "loss", "pruned", "versions"}`: CPU seconds of the whole study and its best validation loss. Contestants: A a DataLoader loop with
default AdamW and `.item()` every step, B the same under SuccessiveHalvingPruner (rungs at epochs 1 and 3, a third goes on), C a good plain loop
(resident rows, one permutation an epoch, fused AdamW). Validation rows are scored after every epoch; the study lives in memory, its log is off.
"""

import json
import sys
import time

import numpy as np
import optuna
import torch
import torch.nn.functional as F
from torch import Tensor, nn


def network(inputs: int, hidden: int, outputs: int, p: float) -> nn.Sequential:
    """As `common.network` has it."""
    return nn.Sequential(nn.Linear(inputs, hidden), nn.ReLU(), nn.Dropout(p), nn.Linear(hidden, hidden), nn.ReLU(), nn.Dropout(p), nn.Linear(hidden, outputs))


def loader_epochs(net: nn.Module, opt: torch.optim.Optimizer, x: Tensor, y: Tensor, batch: int):
    """Epoch after epoch through a DataLoader, the loss fetched every step."""
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x, y), batch_size=batch, shuffle=True, drop_last=True)
    while True:
        total = 0.0
        for rows, target in loader:
            opt.zero_grad()
            loss = F.cross_entropy(net(rows), target)
            loss.backward()
            opt.step()
            total += loss.item()
        yield total


def plain_epochs(net: nn.Module, opt: torch.optim.Optimizer, x: Tensor, y: Tensor, batch: int):
    """Epoch after epoch over resident rows, nothing fetched."""
    while True:
        for rows in torch.randperm(len(x))[: len(x) // batch * batch].split(batch):
            opt.zero_grad(set_to_none=True)
            F.cross_entropy(net(x[rows]), y[rows]).backward()
            opt.step()
        yield 0.0


def search(x: Tensor, y: Tensor, s: dict) -> optuna.Study:
    """One study by its settings."""
    train, loader = s["train"], s["contestant"] in "AB"

    def objective(trial: optuna.Trial) -> float:
        lr, decay = trial.suggest_float("lr", 10**-3.5, 1e-2, log=True), trial.suggest_float("weight_decay", 1e-6, 1e-2, log=True)
        torch.manual_seed(s["seed"] * 1000 + trial.number)
        net = network(x.shape[1], s["hidden"], int(y.max()) + 1, trial.suggest_float("dropout", 0.02, 0.3))
        opt = torch.optim.AdamW(net.parameters(), lr=lr, weight_decay=decay, fused=None if loader else True)
        epochs, best = (loader_epochs if loader else plain_epochs)(net, opt, x[:train], y[:train], s["batch"]), float("inf")
        for epoch in range(1, s["epochs"] + 1):
            net.train()
            next(epochs)
            net.eval()
            with torch.no_grad():
                value = float(F.cross_entropy(net(x[train:]), y[train:]))
            best = min(best, value)
            if s["contestant"] == "B":
                trial.report(value, epoch)
                if trial.should_prune():
                    raise optuna.TrialPruned
        return best

    pruner = optuna.pruners.SuccessiveHalvingPruner(min_resource=1, reduction_factor=3) if s["contestant"] == "B" else optuna.pruners.NopPruner()
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=s["seed"]), pruner=pruner)
    study.optimize(objective, n_trials=s["trials"])
    return study


def main(file: str, settings: str) -> None:
    """A study of one epoch and two trials to warm up, then the one that counts."""
    torch.set_num_threads(1)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    held, s = np.load(file), json.loads(settings)
    x, y = torch.from_numpy(held["x"]), torch.from_numpy(held["y"])
    search(x, y, s | {"trials": 2, "epochs": 1, "contestant": "A"})
    began = time.process_time()
    study = search(x, y, s)
    seconds = time.process_time() - began
    pruned = sum(t.state == optuna.trial.TrialState.PRUNED for t in study.trials)
    best = study.best_value if any(t.state == optuna.trial.TrialState.COMPLETE for t in study.trials) else float("nan")
    print(json.dumps({"seconds": seconds, "loss": best, "pruned": pruned, "versions": f"optuna {optuna.__version__}, torch {torch.__version__}"}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
