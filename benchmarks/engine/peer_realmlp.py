"""pytabkit's RealMLP over five folds trained as one (its own vectorised folds), run by the Python of the peers' environment.

`peer_realmlp.py ROWS.npz SETTINGS` prints `{"seconds", "loss", "accuracy", "versions"}`: CPU seconds of `fit` on the first rows with the folds it is
given, after a fit of one epoch to warm up; loss and accuracy of the folds' mean probabilities on the last rows, which no fold saw.
Its tuned defaults stay (RealMLP_TD_Classifier): schedule, optimiser, initialisation from data, best epoch of each fold by its validation error.
"""

import json
import logging
import sys
import time
import warnings
from importlib import metadata

import numpy as np
import torch

warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)

from pytabkit import RealMLP_TD_Classifier  # noqa: E402  it warns while it is imported


def main(file: str, settings: str) -> None:
    """One fit by JSON settings."""
    torch.set_num_threads(1)
    held, s = np.load(file), json.loads(settings)
    x, y, n = held["x"], held["y"], s["rows"]
    folds = np.arange(n).reshape(s["folds"], -1)

    def fitted(epochs: int) -> RealMLP_TD_Classifier:
        model = RealMLP_TD_Classifier(
            device="cpu", random_state=s["seed"], n_cv=s["folds"], n_refit=0, n_epochs=epochs, n_threads=1, batch_size=s["batch"],
            hidden_sizes=list(s["hidden"]), p_drop=s["dropout"], ls_eps=s["smoothing"], verbosity=0,
        )
        return model.fit(x[:n], y[:n], val_idxs=folds)

    fitted(1)
    began = time.process_time()
    model = fitted(s["epochs"])
    seconds = time.process_time() - began
    share = model.predict_proba(x[n:])
    loss = -np.log(np.clip(share[np.arange(len(share)), y[n:]], 1e-12, None)).mean()
    versions = f"pytabkit {metadata.version('pytabkit')}, pytorch-lightning {metadata.version('pytorch-lightning')}, torch {torch.__version__}"
    print(json.dumps({"seconds": seconds, "loss": float(loss), "accuracy": float((share.argmax(1) == y[n:]).mean()), "versions": versions}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
