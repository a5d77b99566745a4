"""Simulate a phone's photo of a page: printed lines, ink, light, blur, and grain."""

import numpy as np
from PIL import Image
from scipy import ndimage


def enlarge(digit: np.ndarray, height: int) -> np.ndarray:
    """Enlarge digits, uint8 (28, w), to a pen's ink, float32 `height` pixels high: from 0 to 1, with sharp edges."""
    size = height * digit.shape[1] // digit.shape[0], height
    large = Image.fromarray(digit).resize(size, Image.Resampling.BICUBIC)
    return np.clip(0.5 + 4 * (np.asarray(large, "float32") / 255 - 0.45), 0, 1)


def printed_lines(
    shape: tuple[int, int], spacing: float, width: float, phase=(0, 0), tilt=0.0, squared=False
) -> np.ndarray:
    """Return where ruled or squared paper of a shape has its lines, bool (h, w)."""
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    lines = (rows + tilt * columns + phase[0]) % spacing < width
    return lines | (squared & ((columns - tilt * rows + phase[1]) % spacing < width))


def shade(shape: tuple[int, int], center, direction, softness: float) -> np.ndarray:
    """Return how deep each pixel lies in a shadow, from 0 to 1, that falls from `center` in a `direction`.

    Both are (rows, columns); `softness` is how wide the shadow's edge is.
    """
    rows, columns = np.mgrid[: shape[0], : shape[1]] - np.reshape(center, (2, 1, 1))
    depth = direction[0] * rows + direction[1] * columns
    return 0.5 + 0.5 * np.tanh(depth / softness)


def expose(page, ink, pen, light=1.0, blur: float = 0, grain=0.0) -> np.ndarray:
    """Return the photo, uint8, of a page, shape (h, w) or (h, w, 3), with ink from 0 to 1 on it.

    `light` is the share of the light at each pixel, `blur` a standard deviation in pixels, and
    `grain` what the camera adds.
    """
    color = (1,) * (page.ndim - 2)  # ink and light are the same in all colors
    ink, light = (np.reshape(part, (*np.shape(part), *color)) for part in (ink, light))
    scene = (page * (1 - ink) + pen * ink) * light
    if blur:
        scene = ndimage.gaussian_filter(scene, (blur, blur, *[0] * len(color)))
    return np.clip(scene + grain, 0, 255).astype("uint8")
