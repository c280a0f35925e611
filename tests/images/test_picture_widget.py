"""Pictures in the terminal: colours of both halves of a cell, plain characters, and the heat grid beside them (V05)."""

import numpy as np

from phasewise.kinds.images.showing import thumbnail
from phasewise.tui.widgets.picture import beside, headed, heat, picture


def test_half_blocks_carry_the_colours_of_two_pixels():
    image = np.zeros((3, 4, 4), np.uint8)
    image[0, 0] = 255
    image[2, 1] = 255
    rows = picture(thumbnail(image))
    assert [r.plain for r in rows] == ["▀▀▀▀"] * 2
    assert any("#ff0000 on #0000ff" in str(s.style) for s in rows[0].spans)


def test_ascii_is_darker_where_the_picture_is():
    image = np.zeros((1, 4, 4), np.uint8)
    image[0, :, 2:] = 255
    assert picture(thumbnail(image), ascii_only=True)[0].plain == "  ##"


def test_heat_marks_the_square_that_matters_and_stands_beside():
    grid = heat([[0.0, 0.5], [0.0, 0.0]])
    assert [g.plain for g in grid] == ["  ██", "    "]
    assert beside(picture([[((0, 0, 0), (0, 0, 0))]]), grid).plain.split("\n")[0] == "▀     ██"


def test_several_blocks_stand_side_by_side_under_their_names_and_empty_ones_take_no_room():
    left, right = heat([[1.0]]), heat([[0.0], [1.0]])
    lines = beside(left, headed("gradient", right), headed("painted over", [])).plain.split("\n")
    assert [line.rstrip() for line in lines] == ["██   gradient", "", "     ██"]
