"""The pipeline explorer: draw a digit, put it on paper in the shade, and see every step to MNIST's form."""

import functools
import io

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from utils import camera, photos
from utils.prediction import MOST_DOUBT, DigitReader
from utils.widgets.explorer import Choice, Explorer, Slider, View
from utils.widgets.pad import DrawPad

PHOTO = 800  # pixels on each side of the photo: enough for `shrink` to have something to do
PEN = 45  # the gray level of the ink
COLUMNS = 6  # steps in a row
TILE, THUMBNAIL = 130, 92  # pixels of a step with its title and margin, and of its picture
PAGES = ("screen", "plain paper", "ruled paper")


class PipelineExplorer(Explorer):
    """Draw a digit, on a screen or as a photo of paper, and see the result of each step of to_mnist_form.

    `pad.set_pixels` draws from Python, and `image` is the picture that is prepared and read.
    """

    def __init__(self, reader: DigitReader):
        self.reader = reader
        self.pad = DrawPad(reader)
        self.page = Choice("Seen on", PAGES)
        self.shadow = Slider("Shadow (%)", 0, 70, value=30, step=5)
        super().__init__(self.page, self.shadow, rows=[self.pad, self.page, self.shadow])
        self.pad.observe(self.redraw, "pixels")

    @property
    def image(self) -> np.ndarray:
        """Return the picture to read, uint8: the pad's 28 x 28 pixels, light on dark, or a photo with dark ink."""
        if self.page.value == "screen":
            return self.pad.image
        return _photo(self.pad.image, self.page.value == "ruled paper", self.shadow.value / 100)

    def draw(self) -> View:
        """Draw the steps that the pad's image goes through, with the digit, or the reason why there is none."""
        image = self.image
        ink = "light" if self.page.value == "screen" else "dark"
        try:
            steps = photos.mnist_steps(image, ink)
        except photos.NoDigitFound as nothing:
            steps, what, remark = nothing.steps, "A page without a digit", f"No digit: {nothing}."
        else:
            what = "A digit"
            (digits,), (doubt,) = self.reader.predict_or_reject(steps["center_by_mass"][np.newaxis])
            remark = f"Read from the {self.page.value}: {digits.argmax()}, {digits.max():.0%} sure."
            if doubt > MOST_DOUBT:
                remark = f"Read from the {self.page.value}: no digit, {doubt:.0%} sure."
        alt = f"{what}, seen on the {self.page.value}, in {len(steps)} steps: {', '.join(steps)}."
        return View(_draw_steps(steps), alt, remark)


def _photo(drawn: np.ndarray, ruled: bool, shadow: float) -> np.ndarray:
    """Return a gray photo, uint8 (800, 800), of a drawing, uint8 (28, 28), in dark pen, shaded from the lower right."""
    lines, shadow_map, grain = _paper()
    page = np.where(lines & ruled, 185, 235).astype("float32")
    return camera.expose(
        page, camera.enlarge(drawn, PHOTO), PEN, 1 - shadow * shadow_map, grain=grain
    )


@functools.cache
def _paper() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the printed lines, the depth of the shadow, and the grain of a camera: the same for every photo."""
    shape = PHOTO, PHOTO
    lines = camera.printed_lines(shape, spacing=88, width=3.2, tilt=0.02)
    shade = camera.shade(
        shape, center=(0.55 * PHOTO, 0.55 * PHOTO), direction=(1, 1), softness=PHOTO / 6
    )
    grain = np.random.default_rng(0).uniform(-4, 4, shape)
    return lines, shade.astype("float32"), grain.astype("float32")


def _draw_steps(steps: dict[str, np.ndarray]) -> bytes:
    """Draw the steps as one PNG with titles, using Pillow because a figure would take ten times as long."""
    sheet = Image.new("L", (COLUMNS * TILE, 2 * TILE), 255)
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(11)
    for number, (name, image) in enumerate(steps.items()):
        row, column = divmod(number, COLUMNS)
        factor = THUMBNAIL / max(image.shape)
        size = round(image.shape[1] * factor), round(image.shape[0] * factor)
        middle, top = column * TILE + TILE // 2, (row + 1) * TILE - THUMBNAIL
        thumbnail = Image.fromarray(image.astype("uint8")).resize(size, Image.Resampling.BOX)
        sheet.paste(thumbnail, (middle - size[0] // 2, top))
        title = f"{name}\n{image.shape[0]} x {image.shape[1]}"
        pen.multiline_text((middle, top - 4), title, fill=0, font=font, anchor="md", align="center")
    buffer = io.BytesIO()
    sheet.save(buffer, "PNG")
    return buffer.getvalue()
