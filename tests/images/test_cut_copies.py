"""Copies of sealed pictures whose edge was cut off are told by hashes of windows (checks.md 7.3)."""

import numpy as np
from PIL import Image

from phasewise.kinds.images import cuts, decode, facts

SIDE = 64


def _scene(seed, side=320):
    rng = np.random.default_rng(seed)
    return Image.fromarray(rng.integers(0, 255, (9, 9, 3), dtype=np.uint8)).resize((side, side), Image.Resampling.BICUBIC)


def _hash(image):
    array = decode.fit(image, SIDE, 3, "crop")
    return facts.signs(facts.BASIS @ facts.blocks(np.asarray(Image.fromarray(array).convert("L"))[None]).astype(float) @ facts.BASIS.T)[0], array


def test_a_window_has_the_hash_of_the_picture_that_is_left_of_it():
    whole = [_hash(_scene(i))[1] for i in range(12)]
    found = cuts._some(np.stack(whole))
    for k, (y, x) in enumerate((y, x) for y in (0, 8, 16) for x in (0, 8, 16)):
        left = [_hash(_scene(i).crop((x, y, x + 304, y + 304)))[0] for i in range(12)]
        away = np.bitwise_count(found[:, k] ^ np.array(left, np.uint64))
        assert away.max() <= 4 and away.mean() < 1.5


def test_windows_tell_cut_copies_where_the_whole_picture_does_not_and_no_other_picture():
    rng = np.random.default_rng(3)
    hashes, arrays = zip(*(_hash(_scene(i)) for i in range(80)), strict=True)
    windows = cuts._some(np.stack(arrays))
    whole, by_window = [], []
    for i in range(80):
        x, y = rng.uniform(0, 16, 2)
        copy = _hash(_scene(i).crop((round(x), round(y), round(x) + 304, round(y) + 304)))[0]
        whole.append(np.bitwise_count(copy ^ hashes[i]) <= 6)
        by_window.append(np.bitwise_count(copy ^ windows[i]).min() <= 4)
    others = np.bitwise_count(np.array([_hash(_scene(1000 + i))[0] for i in range(60)], np.uint64)[:, None] ^ windows.ravel()[None])
    assert np.mean(by_window) >= 0.9 and np.mean(whole) <= np.mean(by_window) - 0.2
    assert others.min() > 4
