"""Which channels must go together: one `Group` per set of coupled outputs, with everything that reads them (X10).

A channel of a group is removed from every producer (rows), every norm and every consumer (columns) at once, so shapes stay whole.
"""

from torch import nn

from phasewise.kinds.images.networks.backbone import Backbone
from phasewise.kinds.images.networks.conv2 import Conv2
from phasewise.kinds.images.networks.resnet import Block, PadShortcut, ResNet
from phasewise.kinds.images.shrink import coupling_backbones
from phasewise.kinds.images.shrink.group import Group


def _conv2_groups(model: Conv2) -> list[Group]:
    convs = [name for name, m in model.body.named_children() if isinstance(m, nn.Conv2d)]
    norms = [name for name, m in model.body.named_children() if isinstance(m, nn.BatchNorm2d)] or [None, None]
    first, second = (f"body.{name}" for name in convs)
    pool = next(m for m in model.body if isinstance(m, nn.AdaptiveAvgPool2d))
    grid = int(pool.output_size) ** 2  # type: ignore[arg-type]
    sizes = [m.out_channels for m in model.body if isinstance(m, nn.Conv2d)]
    return [
        Group(name=first, channels=sizes[0], producers=[first], norms=[f"body.{norms[0]}"] if norms[0] else [], consumers={second: 1}),
        Group(name=second, channels=sizes[1], producers=[second], norms=[f"body.{norms[1]}"] if norms[1] else [], consumers={"head": grid}),
    ]


def _stage_group(model: ResNet, index: int) -> Group | None:
    """Outputs of one stage, coupled by its shortcuts; None where an option-A shortcut ties two stages together."""
    stages = list(model.stages)
    ties = [block.shortcut for s in (stages[index], *stages[index + 1 : index + 2]) for block in s]
    if any(isinstance(t, PadShortcut) for t in ties):
        return None
    producers, norms, consumers = [], [], {}
    if index == 0:
        producers.append("stem.0")
        norms.append("stem.1")
    for number, block in enumerate(stages[index]):
        name = f"stages.{index}.{number}"
        if number > 0 or index == 0:
            consumers[f"{name}.conv1"] = 1
        producers.append(f"{name}.conv2")
        norms.append(f"{name}.bn2")
        if isinstance(block.shortcut, nn.Sequential):
            producers.append(f"{name}.shortcut.0")
            norms.append(f"{name}.shortcut.1")
    if index + 1 < len(stages):
        consumers[f"stages.{index + 1}.0.conv1"] = 1
        if isinstance(stages[index + 1][0].shortcut, nn.Sequential):
            consumers[f"stages.{index + 1}.0.shortcut.0"] = 1
    else:
        consumers["head"] = 1
    return Group(name=f"stages.{index}", channels=stages[index][-1].conv2.out_channels, producers=producers, norms=norms, consumers=consumers)


def _resnet_groups(model: ResNet) -> list[Group]:
    groups: list[Group] = []
    for name, module in model.named_modules():
        if isinstance(module, Block):
            groups.append(Group(name=f"{name}.conv1", channels=module.conv1.out_channels, producers=[f"{name}.conv1"], norms=[f"{name}.bn1"], consumers={f"{name}.conv2": 1}))
    stages = (_stage_group(model, i) for i in range(len(list(model.stages))))
    return groups + [g for g in stages if g is not None]


def groups(model: nn.Module) -> list[Group]:
    """All prunable groups of a supported network; a network of another family has none."""
    if isinstance(model, Conv2):
        return _conv2_groups(model)
    if isinstance(model, ResNet):
        return _resnet_groups(model)
    return coupling_backbones.groups(model) if isinstance(model, Backbone) else []
