"""Augmentations: exact where a closed form exists, per sample, seeded, in range (R05-R09)."""

import pytest
import torch

from phasewise.kinds.images.augment import colour, geometry, mix, policy


def _images(n: int = 16, channels: int = 3, size: int = 12) -> torch.Tensor:
    return torch.rand(n, channels, size, size, generator=torch.Generator().manual_seed(1))


def _generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_two_sure_flips_are_the_identity_and_one_is_a_mirror():
    images = _images()
    once = geometry.flip(images, _generator(), 1.0)
    assert torch.equal(once, images.flip(3))
    assert torch.equal(geometry.flip(once, _generator(), 1.0), images)
    assert torch.equal(geometry.flip(images, _generator(), 1.0, vertical=True), images.flip(2))


def test_draws_are_per_sample_and_repeat_with_the_seed():
    images = _images(1).expand(64, -1, -1, -1)
    out = geometry.flip(images, _generator(3))
    mirrored = (out != images).flatten(1).any(1)
    assert 10 < int(mirrored.sum()) < 54
    assert torch.equal(out, geometry.flip(images, _generator(3)))


def test_rotation_by_ninety_equals_rot90_and_zero_is_the_identity():
    images = _images(2, size=9)
    assert torch.allclose(geometry.affine(images, _generator()), images, atol=1e-5)
    theta = torch.tensor([[0.0, -1.0, 0.0], [1.0, 0.0, 0.0]]).expand(2, 2, 3)
    turned = torch.nn.functional.grid_sample(images, torch.nn.functional.affine_grid(theta, list(images.shape), align_corners=False), align_corners=False)
    assert torch.allclose(turned, torch.rot90(images, 1, (2, 3)), atol=1e-5) or torch.allclose(turned, torch.rot90(images, -1, (2, 3)), atol=1e-5)


def test_crop_windows_are_uniform_and_hold_original_pixels():
    images = torch.arange(20 * 20, dtype=torch.float32).reshape(1, 1, 20, 20).expand(2000, -1, -1, -1)
    out = geometry.pad_crop(images, _generator(), 4, mode="constant")
    centre = out[:, 0, 10, 10]
    rows, cols = (centre // 20).long(), (centre % 20).long()
    counts = torch.bincount(rows - rows.min(), minlength=9).float() / 2000
    assert out.shape == images.shape
    assert int(rows.max() - rows.min()) == 8 and int(cols.max() - cols.min()) == 8
    assert counts.min() > 1 / 9 - 0.03 and counts.max() < 1 / 9 + 0.03


def test_colour_changes_stay_in_range_and_zero_strength_is_the_identity():
    images = _images(64)
    for change, strength in ((colour.brightness, 0.2), (colour.contrast, 0.2), (colour.saturation, 0.2), (colour.hue, 0.05)):
        out = change(images, _generator(), strength)
        assert out.min() >= 0 and out.max() <= 1 and not torch.equal(out, images)
        assert torch.allclose(change(images, _generator(), 0.0), images, atol=1e-6)
    dim = torch.full((256, 1, 4, 4), 0.5)
    factors = colour.brightness(dim, _generator(), 0.2).mean((1, 2, 3)) / 0.5
    assert factors.min() >= 0.8 - 1e-6 and factors.max() <= 1.2 + 1e-6 and factors.std() > 0.05


def test_blur_keeps_constants_lowers_variance_and_equals_scipy():
    flat = torch.full((4, 3, 16, 16), 0.3)
    assert torch.allclose(colour.blur(flat, _generator(), 1.0), flat, atol=1e-6)
    noise = _images(8, size=32)
    assert colour.blur(noise, _generator(), 1.0, (1.0, 1.0)).var() < 0.6 * noise.var()
    from scipy.ndimage import gaussian_filter1d

    ours = colour.blur(noise[:1], _generator(), 1.0, (0.8, 0.8), kernel=7)[0, 0].numpy()
    theirs = gaussian_filter1d(gaussian_filter1d(noise[0, 0].numpy(), 0.8, axis=1, mode="mirror", radius=3), 0.8, axis=0, mode="mirror", radius=3)
    assert abs(ours - theirs).max() < 1e-5


def test_erase_changes_one_rectangle_of_the_asked_area():
    images = _images(200, size=32)
    out = colour.erase(images, _generator(), 1.0, (0.1, 0.1))
    share = (out != images).any(1).float().mean((1, 2))
    assert 0.05 < share.mean() < 0.15


def test_mixup_is_the_stated_blend_and_cutmix_shares_are_areas():
    images = _images(32)
    mixed = mix.mixup(images, _generator())
    weight = mixed.share[:, None, None, None]
    assert torch.allclose(mixed.images, images * weight + images[mixed.partner] * (1 - weight))
    cut = mix.cutmix(images, _generator(2))
    own = (cut.images == images).all(1).float().mean((1, 2))
    moved = cut.partner != torch.arange(32)
    assert torch.allclose(own[moved], cut.share[moved], atol=1e-6)


def test_side_on_has_no_up_down_flip_and_unknown_names_are_refused():
    assert "flip_vertical" not in policy.PRESETS["side_on"] and "dihedral" not in policy.PRESETS["side_on"]
    with pytest.raises(ValueError, match="flop"):
        policy.augment(_images(), {"flop": 1}, _generator())


def test_chance_limits_augmentation_to_the_chosen_samples():
    images = _images(50)
    chance = torch.zeros(50)
    chance[:10] = 1.0
    out = policy.augment(images, {"brightness": 0.5}, _generator(), chance)
    changed = (out != images).flatten(1).any(1)
    assert changed[:10].all() and not changed[10:].any()
