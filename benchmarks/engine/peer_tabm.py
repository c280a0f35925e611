"""The `tabm` package in the training loop of its example notebook, run by the Python of the peers' environment.

`peer_tabm.py ROWS.npz SETTINGS` prints `{"seconds", "loss", "best", "accuracy", "versions"}`: CPU seconds of making the network and training it,
after one step and one evaluation to warm up (and, where asked for, to compile), which are not counted. The loop is the example's: one permutation an epoch shared by all members, AdamW on everything, clipping, the validation rows scored after every epoch, the best
weights copied. Left out in its favour: the example's test rows and its progress bar. Given in its favour: the fused AdamW.
"""

import copy
import json
import sys
import time
from importlib import metadata

import numpy as np
import rtdl_num_embeddings
import tabm
import torch
import torch.nn.functional as F


def fit(x: torch.Tensor, y: torch.Tensor, s: dict) -> dict:
    """One fit by its settings; losses and accuracy on the validation rows, the last of the table."""
    torch.manual_seed(s["seed"])
    began, train = time.process_time(), s["train"]
    bins = rtdl_num_embeddings.compute_bins(x[:train], n_bins=48) if s["embed"] else None
    numbers = rtdl_num_embeddings.PiecewiseLinearEmbeddings(bins, d_embedding=16, activation=False, version="B") if bins else None
    model = tabm.TabM.make(
        n_num_features=x.shape[1], cat_cardinalities=[], d_out=int(y.max()) + 1, num_embeddings=numbers, k=s["members"], n_blocks=len(s["hidden"]),
        d_block=s["hidden"][0], dropout=s["dropout"],
    )
    made, inside = time.process_time() - began, model
    if s["compile"]:
        model = torch.compile(model)
    evaluation = torch.no_grad if s["compile"] else torch.inference_mode
    model(x[: s["batch"]], None).sum().backward()
    with evaluation():
        model.eval()(x[train:], None)
    began = time.process_time()
    optimizer = torch.optim.AdamW(model.parameters(), lr=s["lr"], weight_decay=s["weight_decay"], fused=True)
    best, kept, curve, right = float("inf"), None, [], 0.0
    for _ in range(s["epochs"]):
        for rows in torch.randperm(train).split(s["batch"]):
            model.train()
            optimizer.zero_grad()
            loss = F.cross_entropy(model(x[rows], None).flatten(0, 1), y[rows].repeat_interleave(s["members"]))
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), s["clip"])
            optimizer.step()
        model.eval()
        with evaluation():
            share = torch.cat([model(x[rows], None) for rows in torch.arange(train, len(x)).split(8096)]).softmax(-1).mean(1)
        curve.append(float(F.nll_loss(share.clamp_min(1e-30).log(), y[train:])))
        right = float((share.argmax(1) == y[train:]).float().mean())
        if curve[-1] < best:
            best, kept = curve[-1], copy.deepcopy(inside.state_dict())
    assert kept is not None
    return {"seconds": made + time.process_time() - began, "loss": curve[-1], "best": best, "accuracy": right}


def main(file: str, settings: str) -> None:
    """One fit by JSON settings."""
    torch.set_num_threads(1)
    held, s = np.load(file), json.loads(settings)
    x, y = torch.from_numpy(held["x"]), torch.from_numpy(held["y"])
    versions = f"tabm {tabm.__version__}, rtdl_num_embeddings {metadata.version('rtdl_num_embeddings')}, torch {torch.__version__}"
    print(json.dumps(fit(x, y, s) | {"versions": versions}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
