"""Make what looks like a phone's photo of digits on paper: pens, ruled lines, shadow, tilt, blur, grain, JPEG."""

import io

import numpy as np
from PIL import Image, ImageFilter

PENS = (
    (25, 30, 60),
    (20, 20, 20),
    (30, 50, 150),
    (150, 30, 40),
    (70, 70, 75),
)  # inks, and a pencil
PAPERS = ((250, 250, 248), (244, 238, 222), (225, 228, 230))
RULES = ("none", "lines", "squares")
TURNED = {
    1: None,
    3: Image.Transpose.ROTATE_180,
    6: Image.Transpose.ROTATE_90,
    8: Image.Transpose.ROTATE_270,
}


def photograph(
    *digits: np.ndarray, seed: int = 0, size: tuple[int, int] = (800, 600), rules: str | None = None
) -> bytes:
    """Return a photo, as a JPEG of `size` (width, height), of digits, uint8 (28, 28) each, written side by side."""
    rng = np.random.default_rng(seed)
    page = _page(size, rules or rng.choice(RULES), rng)
    shape = size[1], size[0]
    paper, pen = (
        np.array(PAPERS[rng.integers(len(PAPERS))]),
        np.array(PENS[rng.integers(len(PENS))]),
    )
    line_colour = paper * rng.uniform([0.6, 0.7, 0.85], [0.8, 0.85, 0.95])
    ink = _write(digits, shape, rng)[..., np.newaxis]
    scene = paper + page[..., np.newaxis] * (line_colour - paper)
    scene = scene + ink * (pen - scene)
    scene = scene * _light(shape, rng)[..., np.newaxis]
    blurred = Image.fromarray(scene.clip(0, 255).astype("uint8")).filter(
        ImageFilter.GaussianBlur(rng.uniform(0.3, 1.8) * size[0] / 800)
    )
    noisy = np.asarray(blurred) + rng.normal(0, rng.uniform(1, 7), (*shape, 1))
    return _to_jpeg(Image.fromarray(noisy.clip(0, 255).astype("uint8")), rng)


def _page(size, rules, rng) -> np.ndarray:
    """Return where the printed lines are, from 0 to 1, a little tilted, as nobody holds a phone straight."""
    width, height = size
    rows, columns = np.mgrid[:height, :width].astype("float32")
    tilt, gap, weight = (
        np.tan(np.radians(rng.uniform(-3, 3))),
        width * rng.uniform(0.05, 0.14),
        width / 500,
    )
    across = np.abs((rows + tilt * columns) % gap - gap / 2) < weight / 2
    down = np.abs((columns - tilt * rows) % gap - gap / 2) < weight / 2
    chosen = {"none": across & False, "lines": across, "squares": across | down}[str(rules)]
    return chosen.astype("float32")


def _write(digits, shape, rng) -> np.ndarray:
    """Return the ink from 0 to 1: the digits enlarged smoothly, so that no pixel of MNIST shows."""
    height, width = shape
    side = int(min(height * rng.uniform(0.5, 0.9), width / len(digits) * 0.95))
    top, left = rng.integers(0, height - side + 1), rng.integers(0, width - side * len(digits) + 1)
    ink = np.zeros(shape)
    for place, digit in enumerate(digits):
        large = (
            np.asarray(
                Image.fromarray(digit).resize((side, side), Image.Resampling.BICUBIC), dtype=float
            )
            / 255
        )
        edge = 1 / (1 + np.exp(-(large - 0.45) * rng.uniform(8, 16)))
        ink[top : top + side, left + place * side : left + (place + 1) * side] = np.where(
            edge < 0.03, 0, edge
        )
    return ink * rng.uniform(0.75, 1)


def _light(shape, rng) -> np.ndarray:
    """Return how bright the light is, from 0 to 1: weaker towards one side, with the soft shadow of a hand."""
    rows, columns = np.mgrid[0 : 1 : shape[0] * 1j, 0 : 1 : shape[1] * 1j]
    angle, slope = rng.uniform(0, 2 * np.pi), rng.uniform(0, 0.5)
    gradient = 1 - slope * (
        0.5 + ((rows - 0.5) * np.sin(angle) + (columns - 0.5) * np.cos(angle)) / 1.5
    )
    edge = (rows - rng.uniform(0, 1)) * np.cos(angle) + (columns - rng.uniform(0, 1)) * np.sin(
        angle
    )
    shadow = 1 - rng.uniform(0, 0.4) / (1 + np.exp(-edge / rng.uniform(0.03, 0.2)))
    return (rng.uniform(0.7, 1) * gradient * shadow).astype("float32")


def _to_jpeg(image, rng) -> bytes:
    """Return the bytes of a JPEG, perhaps lying on its side, with the note of the camera that says so."""
    orientation, turn = list(TURNED.items())[rng.integers(len(TURNED))]
    exif = Image.Exif()
    exif[0x0112] = orientation
    buffer = io.BytesIO()
    lying = image if turn is None else image.transpose(turn)
    lying.save(buffer, "JPEG", quality=int(rng.integers(40, 95)), exif=exif)
    return buffer.getvalue()
