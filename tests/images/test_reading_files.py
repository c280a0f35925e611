"""Pictures from folders, manifests and IDX files; broken ones are found and none is lost (D02, D06)."""

import gzip
import os
import struct

import numpy as np
import pytest
from PIL import Image

from phasewise.kinds.images import KIND, cache, decode, files, idx
from phasewise.records.errors import BadInputError


def _picture(path, seed=0, size=(40, 30), mode="RGB", **save):
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    base = Image.fromarray(rng.integers(0, 255, (6, 8, 3), dtype=np.uint8)).resize(size, Image.Resampling.BICUBIC)
    base.convert(mode).save(path, **save)
    return path


def test_folders_with_parts_share_one_sorted_class_map(tmp_path):
    for part in ("train", "val"):
        for label in ("bees", "ants"):
            for i in range(3):
                _picture(tmp_path / part / label / f"{i}.jpg", i)
    (tmp_path / "train" / "ants" / "notes.txt").write_text("x")
    listing = files.scan(tmp_path)
    assert listing.classes == ["ants", "bees"] and len(listing.items) == 12
    assert {i.part for i in listing.items} == {"train", "validation"}
    assert ("train/ants/notes.txt", "no picture extension") in listing.cruft


def test_links_hidden_and_special_files_are_passed_over(tmp_path):
    secret = _picture(tmp_path / "outside" / "s.png")
    root = tmp_path / "root"
    _picture(root / "a" / "1.png")
    os.symlink(secret, root / "a" / "link.png")
    os.symlink(root, root / "loop")
    os.mkfifo(root / "a" / "pipe.png")
    listing = files.scan(root)
    assert [i.path for i in listing.items] == ["a/1.png"]
    assert {why for _, why in listing.cruft} == {"link that leaves the folder", "linked folder, not followed", "not a plain file"}


def test_manifest_rows_outside_the_folder_are_refused(tmp_path):
    _picture(tmp_path / "a.png")
    manifest = tmp_path / "list.csv"
    manifest.write_text("file,class,split\na.png,cat,train\n../etc.png,dog,train\nmissing.png,dog,test\n")
    listing = files.scan(manifest)
    assert [(i.path, i.label, i.part) for i in listing.items] == [("a.png", "cat", "train")]
    assert [why for _, why in listing.cruft] == ["row 3: outside the manifest's folder", "row 4: no such file"]


def test_a_folder_without_pictures_says_so(tmp_path):
    with pytest.raises(BadInputError, match="no pictures"):
        files.scan(tmp_path)


def test_every_broken_file_is_found_and_no_good_one_dropped(tmp_path):
    root = tmp_path / "d"
    good = [_picture(root / "a" / f"g{i}.jpg", i) for i in range(10)]
    whole = good[0].read_bytes()
    (root / "a" / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    _picture(root / "a" / "really_png.png", 3).rename(root / "a" / "named.jpg")
    (root / "a" / "text.jpg").write_text("<html>not a picture</html>")
    (root / "a" / "empty.jpg").write_bytes(b"")
    listing = files.scan(root)
    built = cache.build(listing, tmp_path / "c", 24, 3)
    by_name = {item.path: fact for item, fact in zip(listing.items, built.facts, strict=True)}
    assert by_name["a/cut.jpg"].error and by_name["a/text.jpg"].error and by_name["a/empty.jpg"].error == "empty file"
    assert by_name["a/named.jpg"].wrong_extension and not by_name["a/named.jpg"].error
    assert all(not by_name[f"a/g{i}.jpg"].error for i in range(10))
    assert len(built.readable) == 11


def test_a_bomb_is_refused_by_its_declared_size(tmp_path):
    path = tmp_path / "bomb.pbm"
    path.write_bytes(b"P4\n40000 40000\n" + bytes(1000))  # a header is all that is ever looked at; a whole one takes five seconds to write
    array, facts = decode.decode(path, 32, 3)
    assert array is None and ("bomb" in facts.error or "limit" in facts.error)


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P", "LA", "CMYK"])
def test_every_mode_becomes_the_asked_channels(tmp_path, mode):
    path = _picture(tmp_path / ("a.jpg" if mode == "CMYK" else "a.png"), 1, mode=mode)
    for channels in (1, 3):
        array, facts = decode.decode(path, 20, channels)
        assert array is not None and array.shape == (20, 20, channels) and facts.mode == mode


def test_sixteen_bit_is_scaled_and_exif_is_turned(tmp_path):
    deep = tmp_path / "deep.png"
    Image.fromarray(np.full((8, 8), 65535 // 2, dtype=np.uint16)).save(deep)
    array, _ = decode.decode(deep, 8, 1)
    assert array is not None and abs(int(array.mean()) - 127) <= 1
    turned = tmp_path / "turned.jpg"
    picture = Image.new("RGB", (40, 20), "black")
    picture.paste("white", (0, 0, 20, 20))
    exif = Image.Exif()
    exif[0x0112] = 6
    picture.save(turned, exif=exif, quality=95)
    array, facts = decode.decode(turned, 20, 1, "squash")
    assert array is not None and facts.turned
    assert array[:8].mean() > 200 and array[12:].mean() < 50


def test_an_interrupted_cache_is_continued_not_redone(tmp_path):
    root = tmp_path / "d"
    for i in range(150):
        _picture(root / "a" / f"{i:03}.png", i, (12, 12))
    listing = files.scan(root)
    half = cache.build(listing, tmp_path / "c", 8, 3, workers=1, stop=lambda: True)
    decoded = sum(not f.error for f in half.facts)
    assert 0 < decoded < 150
    seen = []
    whole = cache.build(listing, tmp_path / "c", 8, 3, progress=lambda d, t: seen.append(d))
    assert len(whole.readable) == 150 and min(seen) > decoded
    again = []
    cache.build(listing, tmp_path / "c", 8, 3, progress=lambda d, t: again.append(d))
    assert again == []
    direct, _ = decode.decode(root / "a" / "149.png", 8, 3)
    assert np.array_equal(whole.pixels[149], direct)


def test_hash_is_near_for_resaved_and_mirrored_copies(tmp_path):
    a = _picture(tmp_path / "a.png", 5, (120, 90))
    Image.open(a).resize((100, 75)).save(tmp_path / "b.jpg", quality=60)
    Image.open(a).transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(tmp_path / "m.png")
    other = _picture(tmp_path / "o.png", 6, (120, 90))
    hashes = {n: decode.decode(tmp_path / n, 32, 3)[1] for n in ("a.png", "b.jpg", "m.png", "o.png")}

    def distance(x, y):
        return bin(x ^ y).count("1")

    assert distance(hashes["a.png"].phash, hashes["b.jpg"].phash) <= 10
    assert distance(hashes["a.png"].phash, hashes["m.png"].phash_mirrored) <= 10
    assert distance(hashes["a.png"].phash, decode.decode(other, 32, 3)[1].phash) > 10


def test_idx_round_trip_and_wrong_lengths(tmp_path):
    data = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)
    raw = b"\0\0\x08\x03" + struct.pack(">3I", 2, 3, 4) + data.tobytes()
    path = tmp_path / "train-images-idx3-ubyte.gz"
    path.write_bytes(gzip.compress(raw))
    assert np.array_equal(idx.read_idx(path), data)
    path.write_bytes(gzip.compress(raw[:-1]))
    with pytest.raises(BadInputError, match="wrong length"):
        idx.read_idx(path)
    path.write_bytes(gzip.compress(b"\0\0\x08\x03" + struct.pack(">3I", 2**31, 2**20, 4)))
    with pytest.raises(BadInputError, match="too large"):
        idx.read_idx(path)


def _pictures_in(folder, count=12):
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(count):
        _picture(folder / f"{i}.png")


def test_a_manifest_is_known_by_what_stands_in_it(tmp_path):
    _pictures_in(tmp_path / "data" / "img")
    rows = [(i, "adelie" if i % 2 else "gentoo") for i in range(12)]
    made = {
        "relative.csv": ("image_path,species\n", lambda i, c: f"img/{i}.png,{c}\n"), "odd.csv": ("no;where;diagnosis\n", lambda i, c: f"{i};img/{i}.png;{c}\n"),
        "stems.csv": ("id,breed\n", lambda i, c: f"{i},{c}\n"), "absolute.tsv": ("filepath\tkind\n", lambda i, c: f"{tmp_path / 'data' / 'img' / f'{i}.png'}\t{c}\n"),
        "windows.csv": ("path,label\n", lambda i, c: f"img\\{i}.png,{c}\n"),
    }
    for name, (head, line) in made.items():
        path = tmp_path / "data" / name
        path.write_text(head + "".join(line(i, c) for i, c in rows))
        assert KIND.looks_like(path) is not None, name
        found = files.scan(path)
        assert len(found.items) == 12 and found.classes == ["adelie", "gentoo"] and all((found.root / i.path).is_file() for i in found.items), name
        path.unlink()
    (tmp_path / "data" / "table.csv").write_text("path,label\nhttp://somewhere/0.png,a\nhttp://somewhere/1.png,b\n")
    assert KIND.looks_like(tmp_path / "data" / "table.csv") is None


def test_a_manifest_elsewhere_names_pictures_by_absolute_paths(tmp_path):
    _pictures_in(tmp_path / "pictures")
    (tmp_path / "lists").mkdir()
    os.symlink(tmp_path / "pictures" / "0.png", tmp_path / "pictures" / "link.png")
    path = tmp_path / "lists" / "train.csv"
    path.write_text("filepath,diagnosis\n" + "".join(f"{tmp_path / 'pictures' / f'{i}.png'},{i % 2}\n" for i in range(12)) + f"{tmp_path / 'pictures' / 'link.png'},1\n")
    found = files.scan(path)
    assert found.target == "diagnosis" and len(found.items) == 12 and all((found.root / i.path).is_file() for i in found.items)
    assert [why for _, why in found.cruft] == ["row 14: link, not followed"]


def test_the_named_column_of_a_manifest_holds_the_classes(tmp_path):
    _pictures_in(tmp_path)
    path = tmp_path / "m.csv"
    path.write_text("file,label,sex\n" + "".join(f"{i}.png,{'ab'[i % 2]},{'fm'[i // 6]}\n" for i in range(12)))
    assert files.scan(path).classes == ["a", "b"] and files.scan(path, "sex").classes == ["f", "m"]


def test_a_folder_around_the_class_folders_and_one_with_a_list_are_read(tmp_path):
    for c in "ab":
        _pictures_in(tmp_path / "wrapped" / "images" / c / "site" / "raw", 3)
        _pictures_in(tmp_path / "parts" / "set" / "train" / c, 3)
        _pictures_in(tmp_path / "parts" / "set" / "test" / c, 2)
    wrapped, parts = files.scan(tmp_path / "wrapped"), files.scan(tmp_path / "parts")
    assert wrapped.classes == ["a", "b"] and wrapped.lead == "images"
    assert parts.classes == ["a", "b"] and {i.part for i in parts.items} == {"train", "test"} and KIND.looks_like(tmp_path / "parts") is not None
    _pictures_in(tmp_path / "listed" / "train")
    (tmp_path / "listed" / "labels.csv").write_text("id,breed\n" + "".join(f"{i},{'xy'[i % 2]}\n" for i in range(12)))
    assert files.scan(tmp_path / "listed").classes == ["x", "y"]
    _pictures_in(tmp_path / "one" / "only")
    assert files.scan(tmp_path / "one").classes == ["only"]
