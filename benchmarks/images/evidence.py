"""Effects of the picture techniques, each with its control on the same rows and seeds; nulls are printed like gains.

    python benchmarks/images/evidence.py [augmentation] [transfer] [tta] [pruning] [backbones] [lesion] [rates] [minority]

Paired over seeds; `gain` is the change of validation accuracy with a 95 % interval. Writes nothing but its output.
"""

import sys
import tempfile
import time
from pathlib import Path

from common import DATA, WEIGHTS, Bench, config, digits

SEEDS = [0, 1, 2]


def say(text: str) -> None:
    print(text, flush=True)


def table(found, began: float) -> None:
    base = [v for v in (found.ideas[0].base if found.ideas else []) if v == v]
    say(f"| incumbent | {sum(base) / len(base) if base else found.incumbent.validation.value:.4f} | | |")
    for idea in found.ideas:
        say(f"| {idea.title or idea.id} | {sum(idea.values) / max(len(idea.values), 1):.4f} | {idea.gain:+.4f} [{idea.low:+.4f}, {idea.high:+.4f}] | {idea.verdict} |")
    say(f"\n{time.perf_counter() - began:.0f} s\n")


def ideas(bench: Bench, start: dict, changes: dict[str, dict], seeds: list[int] = SEEDS):
    """Incumbent and changes side by side; the result record."""
    began = time.perf_counter()
    say("| technique | mean accuracy | gain | verdict |\n|---|---|---|---|")
    found = bench.run("try_ideas", config=start, seeds=seeds, ideas=[{"id": f"idea-{i}", "title": k, "change": v} for i, (k, v) in enumerate(changes.items())])
    table(found, began)
    return found


def augmentation() -> None:
    say("## Augmentation on digits (R05-R11, D21): conv2, 1,500 pictures of 16 px, 12 epochs, 3 seeds\n")
    with tempfile.TemporaryDirectory() as scratch:
        bench = Bench(digits(Path(scratch)))
        bench.run("split", policy="stratified", folds=0, test_share=0.2, validation_share=0.4)
        ideas(bench, config("conv2", options={"width": 16, "augment": {}}, epochs=12), {
            "shift by up to 2 px": {"network.options.augment.crop": 2}, "rotation up to 10 degrees": {"network.options.augment.rotate": 10.0},
            "shift and rotation": {"network.options.augment": {"crop": 2, "rotate": 10.0}}, "erasing": {"network.options.augment.erase": 0.5},
            "mixup 0.2": {"network.options.augment.mixup": 0.2}, "cutmix 1.0": {"network.options.augment.cutmix": 1.0},
            "mirror (forbidden for digits: must hurt)": {"network.options.augment": {"dihedral": True}},
            "rotation by any angle (too strong: must hurt)": {"network.options.augment.rotate": 180.0},
        })


def transfer() -> None:
    for name, split in (("ants-bees", {"policy": "file", "folds": 0, "validation_share": 0.3}), ("flowers", {"policy": "stratified", "folds": 0, "test_share": 0.2, "validation_share": 0.2})):
        say(f"## Transfer on {name} (N01, T17, T18, A03)\n")
        bench = Bench(DATA / name, weights=True)
        bench.run("split", **split)
        found = bench.run("baselines", models=["dummy", "pixels", "hog", "features"])
        say("| model | validation accuracy | interval |\n|---|---|---|")
        for model in found.models:
            say(f"| {model.name} | {model.validation.value:.4f} | [{model.validation.low:.4f}, {model.validation.high:.4f}] |")
        head = bench.run("fit", config=config("features", prepare={"features": True}, epochs=60, lr=3e-3, weight_decay=0.1, schedule="cosine"), seeds=[0])
        from common import WEIGHTS

        options = {"weights": str(WEIGHTS), "unfrozen": 3, "augment": {"flip": 0.5, "resized_crop": 0.5}}
        tuned = bench.run("fit", config=config("pretrained", options=options, prepare={"image_size": 224}, epochs=8, lr=1.5e-3, label_smoothing=0.1), seeds=[0])
        scratch = bench.run("fit", config=config("pretrained", options={**options, "scratch": True}, prepare={"image_size": 224}, epochs=8, lr=4e-3, label_smoothing=0.1), seeds=[0])
        for label, one in (("head on frozen features", head), ("fine-tuned, all stages, 8 epochs", tuned), ("same network from scratch, 8 epochs", scratch)):
            score = one.model.validation
            say(f"| {label} | {score.value:.4f} | [{score.low:.4f}, {score.high:.4f}] |")
        look = bench.run("open_vault", model=tuned.model.ref if tuned.model.validation.value >= head.model.validation.value else head.model.ref, freeze="evidence", target=0.8)
        say(f"\nSealed test, once, the better of head and fine-tuned on validation: {look.test.value:.4f} [{look.test.low:.4f}, {look.test.high:.4f}] on {look.rows} pictures\n")


def tta() -> None:
    say("## TTA and ensembles on digits (X03-X08): conv2 with shift and rotation, 400 training pictures\n")
    with tempfile.TemporaryDirectory() as scratch:
        bench = Bench(digits(Path(scratch), 1100))
        bench.run("split", policy="stratified", folds=0, test_share=0.2, validation_share=0.44)
        start = config("conv2", options={"width": 16, "augment": {"crop": 2, "rotate": 10.0}}, epochs=15)
        fit = bench.run("fit", config=start)
        found = bench.run("combine", models=[fit.model.ref], config=start, members=5, methods=["average", "vote", "weighted"], options={"tta": True})
        say("| model | validation accuracy |\n|---|---|")
        for model in [*found.singles, *found.ensembles]:
            say(f"| {model.name} | {model.validation.value:.4f} |")
        say(f"\nensemble minus best single: {found.gain:+.4f} [{found.low:+.4f}, {found.high:+.4f}]; disagreement {found.disagreement:.3f}\n")


HEAD = "| criterion | rounds | before | after | from scratch | parameters | ms a picture | pictures/s, 64 at once | times as fast, one and 64 |\n|---|---|---|---|---|---|---|---|---|"


def pruned(found, named: str) -> None:
    """One line of a prune job; speeds are CPU time of one thread, both models turn about."""
    one, many, size = found.speed["latency_ms"], found.speed["rows_per_second"], found.speed["parameters"]
    say(f"| {named} | {len(found.rounds)} | {found.original.validation.value:.4f} | {found.pruned.validation.value:.4f} | {found.scratch.validation.value if found.scratch else float('nan'):.4f} | {size['before']:,} to {size['after']:,} | "
        f"{one['before']:.2f} to {one['after']:.2f} | {many['before']:.0f} to {many['after']:.0f} | {one['times']:.2f} [{one['low']:.2f}, {one['high']:.2f}], {many['times']:.2f} [{many['low']:.2f}, {many['high']:.2f}] |")


def pruning() -> None:
    say("## Pruning on digits (X09-X11): resnet20 of width 16, 60 % of the channels\n")
    with tempfile.TemporaryDirectory() as scratch:
        bench = Bench(digits(Path(scratch)))
        bench.run("split", policy="stratified", folds=0, test_share=0.2, validation_share=0.3)
        fit = bench.run("fit", config=config("resnet20", options={"width": 16, "augment": {"crop": 2}}, epochs=8))
        say(HEAD)
        for criterion in ("l1", "l2", "activation", "nonzero", "random"):
            pruned(bench.run("prune", model=fit.model.ref, options={"criterion": criterion, "step": 0.3, "share": 0.6, "epochs": 2, "tolerance": 1.0}), criterion)
        say("")


def backbones() -> None:
    say("## Pruning a pretrained network (X09-X11, N01): MobileNetV1-0.25 on ants-bees at 128 px, fine-tuned for 6 epochs, 40 % of the channels\n")
    began = time.perf_counter()
    bench = Bench(DATA / "ants-bees", weights=True)
    bench.run("split", policy="file", folds=0, validation_share=0.3)
    fit = bench.run("fit", config=config("pretrained", options={"weights": str(WEIGHTS), "unfrozen": 3, "augment": {"flip": 0.5}}, prepare={"image_size": 128, "channels": 3}, lr=1.5e-3, epochs=6))
    say(HEAD)
    for criterion in ("l1", "activation", "random"):
        pruned(bench.run("prune", model=fit.model.ref, options={"criterion": criterion, "step": 0.2, "share": 0.4, "epochs": 3, "tolerance": 1.0}), criterion)
    say(f"\n{time.perf_counter() - began:.0f} s\n")


def lesion() -> None:
    say("## Lesions (X12): each residual block of a trained ResNet-20 replaced by its shortcut, digits\n")
    import torch

    from phasewise.kinds.images import development, predictor
    from phasewise.kinds.images.shrink.lesion import lesions
    from phasewise.project.folder import Project

    with tempfile.TemporaryDirectory() as scratch:
        bench = Bench(digits(Path(scratch)))
        bench.run("split", policy="stratified", folds=0, test_share=0.2, validation_share=0.3)
        fit = bench.run("fit", config=config("resnet20", options={"width": 16, "augment": {"crop": 2}}, epochs=8))
        run, name = fit.model.ref.split("/")
        folder = bench.folder / "runs" / run / "models" / name
        with Project.open(bench.folder, read_only=True) as project:
            dev = development.load(project, bench.view)
        model = predictor.load(folder)
        module = predictor.read_network(folder, model.card)
        images = torch.from_numpy(dev.pixels()[dev.validation].transpose(0, 3, 1, 2).copy())
        y = torch.from_numpy(dev.y[dev.validation])

        def score(network) -> float:
            with torch.inference_mode():
                return float((network.eval()({"image": images}).argmax(1) == y).float().mean())

        found = lesions(module, score)
        whole = found.pop("")
        say(f"whole {whole:.4f}; one block removed: mean {sum(found.values()) / len(found):.4f}, worst {min(found.values()):.4f}, best {max(found.values()):.4f}\n")


def rates(seeds: tuple[int, ...] = (0, 1, 2, 3, 4), *, side: int = 96, epochs: int = 6):
    """T17: smaller steps for earlier layers against one rate, all layers fine-tuned; controls: the head alone, and the same network from scratch."""
    say(f"## Differential rates on ants-bees (T17): MobileNetV1-0.25 at {side} px, {epochs} epochs, {len(seeds)} seeds, paired\n")
    from common import WEIGHTS

    bench = Bench(DATA / "ants-bees", weights=True)
    bench.run("split", policy="file", folds=0, validation_share=0.4)
    start = config("pretrained", options={"weights": str(WEIGHTS), "unfrozen": 3, "augment": {"flip": 0.5}}, prepare={"image_size": side}, epochs=epochs, lr=1.5e-3, label_smoothing=0.1)
    return ideas(bench, start, {
        "rates /2.6 per group (ULMFiT)": {"network.options.layer_lr": "ulmfit"}, "rates from lr/100 to lr (fastai slice)": {"network.options.layer_lr": "geometric"},
        "head alone": {"network.options.unfrozen": 0}, "control from scratch (must be worse)": {"network.options.scratch": True, "train.lr": 4.5e-3},
    }, list(seeds))


def minority(seeds: tuple[int, ...] = (0, 1, 2, 3, 4), *, common: int = 240, rare: int = 24):
    """D14: augmenting the rare class more against plain oversampling, both against nothing; control: an augmentation that changes the class."""
    say(f"## Minority-only augmentation on two flowers, {common} to {rare} (D14): conv2 at 32 px, {len(seeds)} seeds, paired, macro F1\n")
    import shutil

    mild = {"flip": 0.5, "rotate": 15.0, "brightness": 0.3, "contrast": 0.3, "saturation": 0.3}
    with tempfile.TemporaryDirectory() as scratch:
        for name, count in (("sunflower", common), ("rose", rare)):
            (Path(scratch) / name).mkdir()
            for path in sorted((DATA / "flowers" / name).iterdir())[:count]:
                shutil.copy(path, Path(scratch) / name)
        bench = Bench(Path(scratch), metric="f1_macro", image_size=32)
        bench.run("split", policy="stratified", folds=0, test_share=0.1, validation_share=0.45)
        start = config("conv2", options={"width": 16, "augment": {}}, epochs=15, sampling="over")
        return ideas(bench, start, {
            "no oversampling": {"train.sampling": "none"},
            "oversampling, all augmented": {"network.options.augment": mild}, "oversampling, rare class augmented more": {"network.options.augment": mild, "prepare.minority": True},
            "control, must hurt: pictures painted over": {"network.options.augment": {"resized_crop": 0.02, "brightness": 0.95}},
        }, list(seeds))


PARTS = {f.__name__: f for f in (augmentation, transfer, tta, pruning, backbones, lesion, rates, minority)}

NEEDS_DATA = ("transfer", "backbones", "rates", "minority")

if __name__ == "__main__":
    for part in sys.argv[1:] or PARTS:
        if part in NEEDS_DATA and not DATA.is_dir():
            say(f"## {part}: left out, the photographs are not here (PHASEWISE_DATA)\n")
            continue
        PARTS[part]()
