"""Channels that go together in networks with weights from elsewhere: depthwise convolutions hang on what they filter, shortcuts tie blocks (X10).

Networks of an installed library have no groups here: nothing is known of how their modules are called.
"""

from phasewise.kinds.images.networks.backbone import Backbone
from phasewise.kinds.images.networks.mobilenet import MobileNetV1Quarter
from phasewise.kinds.images.networks.mobilenet_v2 import Inverted, MobileNetV2
from phasewise.kinds.images.networks.residual_photos import Bottleneck, PhotoResNet
from phasewise.kinds.images.shrink.group import Group

ARCHITECTURES = (MobileNetV1Quarter, MobileNetV2, PhotoResNet)


def known(model: type[Backbone]) -> bool:
    """Whether channels of a network of this class can be removed."""
    return issubclass(model, ARCHITECTURES)


def groups(model: Backbone) -> list[Group]:
    """All prunable groups of a backbone written here; none of another."""
    match model:
        case MobileNetV1Quarter():
            return _separable(model)
        case MobileNetV2():
            return _inverted(model)
        case PhotoResNet():
            return _residual(model)
    return []


def _width(model: Backbone, name: str) -> int:
    return int(model.get_submodule(name).out_channels)  # type: ignore[arg-type]


def _separable(model: MobileNetV1Quarter) -> list[Group]:
    """What the stem or a pointwise convolution puts out goes through the next depthwise one, channel by channel, to the next pointwise one."""
    units = [f"{stage}.{i}" for stage in ("stage1", "stage2", "stage3") for i in range(len(model.get_submodule(stage)))]  # type: ignore[arg-type]
    out = []
    for number, unit in enumerate(units):
        conv, norm = (f"{unit}.0", f"{unit}.1") if number == 0 else (f"{unit}.3", f"{unit}.4")
        last = number + 1 == len(units)
        after = [] if last else [units[number + 1]]
        out.append(Group(
            name=conv, channels=_width(model, conv), producers=[conv, *(f"{n}.0" for n in after)], norms=[norm, *(f"{n}.1" for n in after)],
            consumers={model.HEAD: 1} if last else {f"{n}.3": 1 for n in after},
        ))
    return out


def _inverted(model: MobileNetV2) -> list[Group]:
    """The widened middle of each block, and the narrow ends that shortcuts tie together."""
    out: list[Group] = []
    names = [f"features.{i}" for i, m in enumerate(model.features) if isinstance(m, Inverted)]
    blocks = [model.get_submodule(n) for n in names]
    ends = [(f"{n}.conv.{len(b.conv) - 2}", f"{n}.conv.{len(b.conv) - 1}") for n, b in zip(names, blocks, strict=True)]  # type: ignore[arg-type, union-attr]
    last = f"features.{len(model.features) - 1}"
    for (end, _), name, block in zip(ends, names, blocks, strict=True):
        wide, filtered = (f"{name}.conv.0", f"{name}.conv.1") if len(block.conv) == 4 else ("features.0", f"{name}.conv.0")  # type: ignore[arg-type, union-attr]
        out.append(Group(name=f"{wide}.0", channels=_width(model, f"{wide}.0"), producers=[f"{wide}.0", f"{filtered}.0"], norms=[f"{wide}.1", f"{filtered}.1"], consumers={end: 1}))
    chain: list[int] = []
    for number, block in enumerate(blocks):
        chain = [*chain, number] if block.added else [number]
        if number + 1 < len(blocks) and blocks[number + 1].added:
            continue
        readers = [f"{names[k]}.conv.0.0" for k in chain[1:]] + [f"{last}.0" if number + 1 == len(blocks) else f"{names[number + 1]}.conv.0.0"]
        out.append(Group(name=names[chain[0]], channels=_width(model, ends[number][0]), producers=[ends[k][0] for k in chain], norms=[ends[k][1] for k in chain], consumers=dict.fromkeys(readers, 1)))
    return [*out, Group(name=f"{last}.0", channels=_width(model, f"{last}.0"), producers=[f"{last}.0"], norms=[f"{last}.1"], consumers={model.HEAD: 1})]


def _residual(model: PhotoResNet) -> list[Group]:
    """Middles of blocks, and what shortcuts tie: the stem with the first layer where nothing stands between them, then each layer."""
    inside: list[Group] = []
    tied: list[Group] = []
    producers, norms, readers = ["conv1"], ["bn1"], []
    for layer in range(1, 5):
        for number, block in enumerate(model.get_submodule(f"layer{layer}")):  # type: ignore[arg-type]
            name = f"layer{layer}.{number}"
            convs = ["conv1", "conv2", "conv3"] if isinstance(block, Bottleneck) else ["conv1", "conv2"]
            inside += [Group(name=f"{name}.{c}", channels=_width(model, f"{name}.{c}"), producers=[f"{name}.{c}"], norms=[f"{name}.bn{c[-1]}"], consumers={f"{name}.{n}": 1}) for c, n in zip(convs, convs[1:], strict=False)]
            readers.append(f"{name}.conv1")
            if block.downsample is not None:
                tied.append(Group(name=producers[-1], channels=_width(model, producers[-1]), producers=producers, norms=norms, consumers=dict.fromkeys([*readers, f"{name}.downsample.0"], 1)))
                producers, norms, readers = [f"{name}.downsample.0"], [f"{name}.downsample.1"], []
            producers, norms = [*producers, f"{name}.{convs[-1]}"], [*norms, f"{name}.bn{convs[-1][-1]}"]
    return [*inside, *tied, Group(name=producers[-1], channels=_width(model, producers[-1]), producers=producers, norms=norms, consumers=dict.fromkeys([*readers, model.HEAD], 1))]
