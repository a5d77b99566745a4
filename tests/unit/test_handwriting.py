"""The digits, letters, and scribbles that *robust* learns beside MNIST are in MNIST's form and say what they are."""

import numpy as np

from benchmarks import handwriting
from benchmarks.handwriting import NO_DIGIT, WAYS, draw, parse
from utils.preprocessing import BOX


def test_a_way_to_write_stays_in_its_square():
    for way in (way for table in WAYS.values() for ways in table.values() for way in ways):
        for points, corners in parse(way):
            assert points.min() >= 0 and points.max() <= 1 and len(points) >= 2
            assert all(0 < corner < len(points) - 1 for corner in corners)


def test_a_way_to_write_is_read_with_its_corners():
    (seven, seven_corners), (bar, bar_corners) = parse("20,10 80,10 / 50,90 | 30,50 70,50")
    np.testing.assert_allclose(seven, [(0.2, 0.1), (0.8, 0.1), (0.5, 0.9)])
    np.testing.assert_allclose(bar, [(0.3, 0.5), (0.7, 0.5)])
    assert (seven_corners, bar_corners) == ([1], [])


def test_ways_kept_apart_are_not_among_those_of_training():
    taught = {
        way for table in ("digits", "letters") for ways in WAYS[table].values() for way in ways
    }
    assert not taught & {way for ways in WAYS["kept_apart"].values() for way in ways}


def test_each_digit_is_written_as_often_as_asked_for():
    images, labels = handwriting.written_digits(3, seed=1)
    assert images.shape == (30, 28, 28) and images.dtype == np.uint8
    np.testing.assert_array_equal(labels, np.repeat(range(10), 3))


def test_what_is_no_digit_has_a_label_of_its_own():
    images, labels = handwriting.no_digits(40, seed=1)
    assert images.shape == (40, 28, 28) and set(labels) == {NO_DIGIT}


def test_the_seed_decides_what_is_drawn():
    for make in (handwriting.written_digits, handwriting.no_digits):
        first, same, other = (make(5, seed)[0] for seed in (1, 1, 2))
        np.testing.assert_array_equal(first, same)
        assert (first != other).any()


def test_digits_kept_apart_come_in_all_ways_pens_and_slants():
    images, labels = handwriting.digits_kept_apart()
    assert images.shape == (750, 28, 28) and np.bincount(labels).tolist() == [75] * 10
    assert len({image.tobytes() for image in images}) == 750
    assert handwriting.letters_kept_apart().shape == (600, 28, 28)


def test_a_drawing_fills_the_box_as_a_digit_of_mnist_does():
    rng = np.random.default_rng(0)
    for _ in range(50):
        rows, columns = np.nonzero(draw(parse("20,10 80,10 / 50,90"), rng) > 20)
        assert BOX - 2 <= max(np.ptp(rows), np.ptp(columns)) + 1 <= BOX
