"""Spoil MNIST digits in many ways and five strengths, to see what a reader still reads.

In the spirit of MNIST-C (Mu & Gilmer 2019, "MNIST-C: A Robustness Benchmark for Computer Vision", arXiv:1906.02337):
strength 3 is about as hard as that data set, where it knows the corruption. All of it is written anew, for many images
at once. The families that are `withheld` occur in no training, so they tell how a reader takes the unforeseen. Robust
training knows the others, or their kin: its noise is gaussian, its blur goes all ways, its lines are straight bars.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from PIL import Image
from scipy import ndimage
from scipy.stats import norm

from utils.data import check_images
from utils.preprocessing import BOX, SIDE

STRENGTHS = (1, 2, 3, 4, 5)
MIDDLE = (SIDE - 1) / 2
FINE = 4  # strokes are made thicker and thinner at four times the size
GRID = np.mgrid[:SIDE, :SIDE].astype("float32")  # the row, then the column, of each pixel
Amount = float | tuple


@dataclass(frozen=True)
class Corruption:
    """Hold one way to spoil digits: what it does to floats from 0 to 1, and how much of it at each strength."""

    spoil: Callable[[np.ndarray, Amount, np.random.Generator], np.ndarray]
    amounts: tuple[Amount, ...]
    withheld: bool = False

    def __call__(self, images: np.ndarray, strength: int, rng: np.random.Generator) -> np.ndarray:
        """Return corrupted copies of raw digits, uint8 (n, 28, 28), each corrupted by its own chance.

        Raises ValueError for a strength without an amount.
        """
        check_images(images)
        if strength not in range(1, len(self.amounts) + 1):
            known = f"expected a strength from 1 to {len(self.amounts)}"
            raise ValueError(
                f"{known}, got {strength!r}: take the digits as they are where none is to be corrupted"
            )
        corrupted = self.spoil(images.astype("float32") / 255, self.amounts[strength - 1], rng)
        return (np.clip(corrupted, 0, 1) * 255).round().astype("uint8")


# Noise. Pixels are floats of shape (n, 28, 28); the ink is 1 and the paper 0.


def shot_noise(pixels, photons, rng):
    """Count so few photons in each pixel that their number varies."""
    return rng.poisson(pixels * photons) / photons


def impulse_noise(pixels, share, rng):
    """Turn a share of the pixels black or white."""
    return np.where(rng.random(pixels.shape) < share, rng.integers(0, 2, pixels.shape), pixels)


def gaussian_noise(pixels, deviation, rng):
    """Add normally distributed noise."""
    return pixels + rng.normal(0, deviation, pixels.shape)


# Blur and light.


def gaussian_blur(pixels, sigma, rng):
    """Blur alike in all directions, as out of focus."""
    return ndimage.gaussian_filter(pixels, (0, sigma, sigma))


def motion_blur(pixels, length, rng):
    """Blur along one direction, as by a moving hand: the mean of shifted copies."""
    direction = _directions(pixels, rng)
    steps = np.linspace(-length / 2, length / 2, 2 * round(length) + 1)
    return np.mean([_affine(pixels, shift=step * direction) for step in steps], axis=0)


def brightness(pixels, light, rng):
    """Brighten paper and ink, of which the ink cannot get any brighter."""
    return pixels + light


def contrast(pixels, loss, rng):
    """Bring ink and paper closer together."""
    return 0.5 + (pixels - 0.5) * (1 - loss)


# Geometry, either way by chance.


def rotate(pixels, degrees, rng):
    """Turn about the middle."""
    angle = np.radians(degrees) * _either_way(pixels, rng)
    return _affine(pixels, [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def shear(pixels, slant, rng):
    """Slant: each row moves sideways by `slant` times its distance from the middle."""
    slant = slant * _either_way(pixels, rng)
    one, zero = np.ones_like(slant), np.zeros_like(slant)
    return _affine(pixels, [[one, zero], [slant, one]])


def translate(pixels, distance, rng):
    """Move by a distance in pixels, in any direction."""
    return _affine(pixels, shift=distance * _directions(pixels, rng))


def resize(pixels, factor, rng=None):
    """Make larger by a factor, or smaller where it is below 1."""
    inverse, zero = np.broadcast_to(1 / np.asarray(factor), len(pixels)), np.zeros(len(pixels))
    return _affine(pixels, [[inverse, zero], [zero, inverse]])


def scale(pixels, factor, rng):
    """Make larger or smaller by a factor."""
    return resize(pixels, factor ** _either_way(pixels, rng))


# Strokes.


def thin(pixels, share, rng):
    """Take a share of the strokes' own width away (as in Castro et al. 2019, "Morpho-MNIST", arXiv:1809.10780)."""

    def thinned(strokes):
        depth = ndimage.distance_transform_edt(strokes)
        half_width = (
            2 * depth[strokes].mean()
        )  # within a bar the depth runs evenly from 0 to its half width
        return depth > share * half_width

    return _restroke(pixels, thinned)


def thicken(pixels, distance, rng):
    """Let the strokes grow by a distance in pixels on either side."""
    return _restroke(
        pixels, lambda strokes: ndimage.distance_transform_edt(~strokes) <= distance * FINE
    )


def occlude(pixels, side, rng):
    """Cover a square, somewhere in the box that holds the digit, with one shade of gray."""
    margin = (SIDE - BOX) // 2
    corner = rng.integers(margin, SIDE - margin - side + 1, (2, len(pixels), 1, 1))
    inside = (GRID[:, np.newaxis] >= corner) & (GRID[:, np.newaxis] < corner + side)
    return np.where(inside.all(axis=0), rng.random((len(pixels), 1, 1)), pixels)


# Lines.


def dotted_line(pixels, amount, rng):
    """Draw dotted lines from the left edge to the right: `amount` is their number and the radius of the dots."""
    return _lines(pixels, *amount, np.arange(0, SIDE, 4), 0, rng)


def zigzag(pixels, amount, rng):
    """Draw zigzag lines from the left edge to the right: `amount` is their number and half their width."""
    return _lines(pixels, *amount, np.arange(0, SIDE, 0.5), 2.5, rng)


def ruled_grid(pixels, darkness, rng):
    """Write on squared paper."""
    spacing, phase = (
        rng.integers(6, 12, (len(pixels), 1, 1)),
        rng.integers(0, 12, (2, len(pixels), 1, 1)),
    )
    on_line = (GRID[:, np.newaxis].astype(int) + phase) % spacing == 0
    return np.maximum(pixels, darkness * on_line.any(axis=0))


# Withheld from training.


def stripes(pixels, width, rng):
    """Turn black to white and white to black along the left and the right edge."""
    return np.where(abs(GRID[1] - MIDDLE) > MIDDLE - width, 1 - pixels, pixels)


def fog(pixels, density, rng):
    """Lay patches of all sizes over the picture, the larger the denser: noise with a falling spectrum."""
    rows, columns = np.fft.fftfreq(SIDE)[:, np.newaxis], np.fft.rfftfreq(SIDE)
    frequency = np.hypot(rows, columns).clip(1 / SIDE)
    spectrum = np.fft.rfft2(rng.normal(size=pixels.shape)) / frequency**1.7
    patches = np.fft.irfft2(spectrum, s=(SIDE, SIDE))
    patches -= patches.min(axis=(1, 2), keepdims=True)
    patches /= patches.max(axis=(1, 2), keepdims=True)
    return (1 - density) * pixels + density * patches


def spatter(pixels, share, rng):
    """Throw blots of one shade of gray over a share of the picture."""
    field = ndimage.gaussian_filter(rng.normal(size=pixels.shape), (0, 1.5, 1.5))
    field /= field.std(axis=(1, 2), keepdims=True)
    blots = np.clip(0.5 + 3 * (field - norm.isf(share)), 0, 1)
    return pixels + blots * (rng.uniform(0, 1, (len(pixels), 1, 1)) - pixels)


def pixelate(pixels, side, rng):
    """Scan so coarsely that the picture has only `side` pixels on each side."""
    coarse = [Image.fromarray(image).resize((side, side), Image.Resampling.BOX) for image in pixels]
    return np.stack(
        [np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BOX)) for image in coarse]
    )


def elastic(pixels, distance, rng):
    """Push each pixel, neighbors alike, by about `distance` pixels (Simard, Steinkraus & Platt 2003)."""
    pushes = ndimage.gaussian_filter(rng.normal(size=(2, *pixels.shape)), (0, 0, 4, 4))
    pushes *= distance / pushes.std(axis=(2, 3), keepdims=True)
    return _warp(pixels, GRID[:, np.newaxis] + pushes)


CORRUPTIONS = {
    "shot noise": Corruption(shot_noise, (12, 6, 3, 2, 1.3)),
    "impulse noise": Corruption(impulse_noise, (0.05, 0.1, 0.17, 0.24, 0.32)),
    "gaussian noise": Corruption(gaussian_noise, (0.08, 0.16, 0.24, 0.32, 0.42)),
    "gaussian blur": Corruption(gaussian_blur, (0.7, 1.1, 1.5, 2.0, 2.5)),
    "motion blur": Corruption(motion_blur, (2, 3.5, 5, 7, 9)),
    "brightness": Corruption(brightness, (0.15, 0.3, 0.5, 0.6, 0.7)),
    "contrast": Corruption(contrast, (0.2, 0.45, 0.7, 0.8, 0.87)),
    "rotate": Corruption(rotate, (8, 16, 23, 31, 40)),
    "shear": Corruption(shear, (0.15, 0.28, 0.4, 0.6, 0.8)),
    "translate": Corruption(translate, (1.5, 3, 4.2, 5.5, 7)),
    "scale": Corruption(scale, (1.12, 1.25, 1.43, 1.6, 1.8)),
    "thin": Corruption(thin, (0.2, 0.35, 0.5, 0.65, 0.8)),
    "thicken": Corruption(thicken, (0.35, 0.7, 1.0, 1.4, 1.8)),
    "occlude": Corruption(occlude, (4, 5, 6, 8, 10)),
    "dotted line": Corruption(dotted_line, ((1, 0.5), (1, 0.8), (1, 1.2), (2, 1.2), (3, 1.2))),
    "zigzag": Corruption(zigzag, ((1, 0.3), (1, 0.6), (1, 1.0), (2, 1.0), (3, 1.0))),
    "ruled grid": Corruption(ruled_grid, (0.15, 0.3, 0.45, 0.6, 0.8)),
    "stripes": Corruption(stripes, (3, 5, 7, 8, 9), withheld=True),
    "fog": Corruption(fog, (0.25, 0.4, 0.55, 0.65, 0.75), withheld=True),
    "spatter": Corruption(spatter, (0.03, 0.06, 0.1, 0.15, 0.2), withheld=True),
    "pixelate": Corruption(pixelate, (18, 15, 12, 10, 8), withheld=True),
    "elastic": Corruption(elastic, (0.6, 1.0, 1.4, 1.9, 2.4), withheld=True),
}


def _either_way(pixels, rng):
    """Draw 1 or -1 for each image."""
    return rng.choice([-1.0, 1.0], len(pixels))


def _directions(pixels, rng):
    """Draw a direction for each image: vectors of length 1, shape (2, n)."""
    angle = rng.uniform(0, 2 * np.pi, len(pixels))
    return np.stack([np.sin(angle), np.cos(angle)])


def _affine(pixels, matrix=None, shift=0):
    """Transform each image about its middle: `matrix`, (2, 2, n), leads from new offsets to old; `shift` is (2, n)."""
    offsets = GRID - MIDDLE
    old = offsets[:, np.newaxis] if matrix is None else np.einsum("ijn,jrc->inrc", matrix, offsets)
    return _warp(
        pixels, old + MIDDLE - np.broadcast_to(shift, (2, len(pixels)))[..., np.newaxis, np.newaxis]
    )


def _warp(pixels, places):
    """Fetch each new pixel from its place, a row and a column of shape (2, n, 28, 28), in the old image."""
    number = np.broadcast_to(
        np.arange(len(pixels), dtype="float32")[:, np.newaxis, np.newaxis], pixels.shape
    )
    return ndimage.map_coordinates(pixels, [number, *places], order=1)


def _restroke(pixels, change):
    """Apply `change` to the strokes of each image, True where there is ink, at `FINE` times the size."""
    fine = ndimage.zoom(pixels, (1, FINE, FINE), order=1, mode="nearest", grid_mode=True)
    inked = [image > image.max() / 2 for image in fine]
    strokes = np.stack(
        [change(ink) if ink.any() else ink for ink in inked]
    )  # a blank page has none to change
    return strokes.reshape(-1, SIDE, FINE, SIDE, FINE).mean(axis=(2, 4))


def _lines(pixels, number, radius, columns, swing, rng):
    """Draw `number` lines as dots at the given columns, swinging about a straight line from a row to a row."""
    nearest = np.full(pixels.shape, np.inf)
    for _ in range(number):
        start, end = rng.uniform(2, SIDE - 3, (2, len(pixels), 1, 1))
        for column in columns:
            wave = swing * (abs(column % 8 - 4) / 2 - 1)  # from -1 to 1 and back every 8 pixels
            row = start + (end - start) * column / SIDE + wave
            nearest = np.minimum(nearest, np.hypot(GRID[0] - row, GRID[1] - column))
    return np.maximum(pixels, np.clip(radius + 0.5 - nearest, 0, 1))
