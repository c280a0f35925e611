"""C3, C4: what a step costs in skorch, in Lightning and in fastai, run by the Python of the peers' environment.

`peers_steps.py ROWS.npz SETTINGS` with settings {contestant: skorch | lightning | fastai, hidden, dropout, batch} prints `{"seconds", "versions"}`: CPU seconds
a step, from the difference between a fit of three epochs and one of one epoch, so that start-up counts for nobody. Their fast settings: callbacks,
progress bars, checkpoints, logging and validation off, fused AdamW, rows in memory behind the DataLoader each of them asks for.
"""

import json
import logging
import sys
import time
import warnings
from functools import partial
from importlib import metadata

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)


def network(inputs: int, hidden: int, outputs: int, p: float) -> nn.Sequential:
    """As `common.network` has it."""
    return nn.Sequential(nn.Linear(inputs, hidden), nn.ReLU(), nn.Dropout(p), nn.Linear(hidden, hidden), nn.ReLU(), nn.Dropout(p), nn.Linear(hidden, outputs))


def skorch_fit(x: np.ndarray, y: np.ndarray, s: dict, epochs: int) -> None:
    """NeuralNetClassifier with callbacks disabled."""
    from skorch import NeuralNetClassifier

    net = NeuralNetClassifier(
        network(x.shape[1], s["hidden"], int(y.max()) + 1, s["dropout"]), criterion=nn.CrossEntropyLoss, optimizer=torch.optim.AdamW, optimizer__fused=True,
        lr=1e-3, max_epochs=epochs, batch_size=s["batch"], train_split=None, callbacks="disable", verbose=0, iterator_train__shuffle=True,
        iterator_train__drop_last=True,
    )
    net.fit(x, y)


def lightning_fit(x: np.ndarray, y: np.ndarray, s: dict, epochs: int) -> None:
    """A Trainer with everything off that can be."""
    import pytorch_lightning as lightning

    class Module(lightning.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.net = network(x.shape[1], s["hidden"], int(y.max()) + 1, s["dropout"])

        def training_step(self, batch, index):
            return F.cross_entropy(self.net(batch[0]), batch[1])

        def configure_optimizers(self):
            return torch.optim.AdamW(self.parameters(), lr=1e-3, fused=True)

    rows = torch.utils.data.TensorDataset(torch.from_numpy(x), torch.from_numpy(y))
    loader = torch.utils.data.DataLoader(rows, batch_size=s["batch"], shuffle=True, drop_last=True)
    trainer = lightning.Trainer(
        accelerator="cpu", max_epochs=epochs, logger=False, enable_checkpointing=False, enable_progress_bar=False, enable_model_summary=False, barebones=True,
    )
    trainer.fit(Module(), loader)


def fastai_fit(x: np.ndarray, y: np.ndarray, s: dict, epochs: int) -> None:
    """A Learner without its recorder and its progress bar, over torch's own optimiser."""
    from fastai.callback.progress import ProgressCallback
    from fastai.data.core import DataLoaders
    from fastai.learner import Learner, Recorder
    from fastai.optimizer import OptimWrapper

    rows = torch.utils.data.TensorDataset(torch.from_numpy(x), torch.from_numpy(y))
    loader = torch.utils.data.DataLoader(rows, batch_size=s["batch"], shuffle=True, drop_last=True)
    fused = partial(OptimWrapper, opt=partial(torch.optim.AdamW, fused=True))
    learner = Learner(DataLoaders(loader, []), network(x.shape[1], s["hidden"], int(y.max()) + 1, s["dropout"]), loss_func=nn.CrossEntropyLoss(), opt_func=fused)
    learner.remove_cbs([c for c in learner.cbs if isinstance(c, ProgressCallback | Recorder)])
    learner.fit(epochs, lr=1e-3)


def main(file: str, settings: str) -> None:
    """One figure by JSON settings."""
    torch.set_num_threads(1)
    held, s = np.load(file), json.loads(settings)
    x, y = held["x"], held["y"]
    fit = {"skorch": skorch_fit, "lightning": lightning_fit, "fastai": fastai_fit}[s["contestant"]]

    def seconds(epochs: int) -> float:
        began = time.process_time()
        fit(x, y, s, epochs)
        return time.process_time() - began

    seconds(1)
    once, thrice = seconds(1), seconds(3)
    name = {"skorch": "skorch", "lightning": "pytorch-lightning", "fastai": "fastai"}[s["contestant"]]
    print(json.dumps({"seconds": (thrice - once) / 2 / (len(x) // s["batch"]), "versions": f"{name} {metadata.version(name)}, torch {torch.__version__}"}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
