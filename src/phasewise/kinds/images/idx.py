"""IDX files, the MNIST form: big-endian header, then raw bytes; gzip or plain, never trusted for its declared size."""

import gzip
import struct
from pathlib import Path

import numpy as np

from phasewise.records.errors import BadInputError
from phasewise.records.text import safe_text

MAX_BYTES = 8 * 1024**3


def read_idx(path: Path) -> np.ndarray:
    """A uint8 array of the shape the header declares; errors name the file."""
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rb") as handle:
        head = handle.read(4)
        if len(head) < 4 or head[:2] != b"\0\0" or head[2] != 8 or not 1 <= head[3] <= 4:
            raise BadInputError("not an IDX file", f"{safe_text(path.name)} does not start with an IDX header of unsigned bytes.", "Expected the MNIST form, for example train-images-idx3-ubyte.gz.")
        raw = handle.read(4 * head[3])
        if len(raw) < 4 * head[3]:
            raise BadInputError("IDX file cut off", f"{safe_text(path.name)} ends inside its header.", "Fetch the file again.")
        shape = struct.unpack(f">{head[3]}I", raw)
        size = int(np.prod(shape, dtype=np.float64))
        if size > MAX_BYTES:
            raise BadInputError("IDX file too large", f"{safe_text(path.name)} declares {size:,} bytes.", "The limit is 8 GiB.")
        data = handle.read(size + 1)
    if len(data) != size:
        raise BadInputError("IDX file has the wrong length", f"{safe_text(path.name)} declares {size:,} bytes and holds {'more' if len(data) > size else f'{len(data):,}'}.", "Fetch the file again.")
    return np.frombuffer(data, dtype=np.uint8).reshape(shape)


def idx_pairs(folder: Path) -> list[tuple[str, Path, Path]]:
    """(part, images file, labels file) found in a folder; parts are `train` and `test`."""
    pairs: list[tuple[str, Path, Path]] = []
    for images in sorted(folder.glob("*images*idx3*")):
        labels = [p for p in folder.glob(images.name.split("images")[0] + "labels*idx1*")]
        if labels:
            pairs.append(("test" if images.name.startswith(("t10k", "test")) else "train", images, labels[0]))
    return pairs


def together(images_file: Path, labels_file: Path) -> tuple[np.ndarray, np.ndarray]:
    """Pictures (n, height, width) and labels (n) of a pair; a `BadInputError` where one has more than the other."""
    images, labels = read_idx(images_file), read_idx(labels_file)
    if images.ndim != 3 or labels.ndim != 1 or len(images) != len(labels):
        raise BadInputError("IDX files do not fit together", f"{images_file.name} holds {len(images):,} pictures, {labels_file.name} {len(labels):,} labels.", "Give the pair of files that belong together.")
    return images, labels
