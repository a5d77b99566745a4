"""Make new training digits out of old ones: turned, shifted and slanted, and spoilt as paper, pens and cameras do."""

import math

from utils.environment import quiet_tensorflow

with quiet_tensorflow():
    import keras
    from keras import ops


@keras.saving.register_keras_serializable(package="digits")
class RandomAffine(keras.layers.Layer):
    """Turn, scale, slant and shift each image of a batch by its own random amount, in one affine transform.

    `rotation` and `shear` in degrees, `scale` as a fraction, `shift` in pixels: each the largest amount either way.
    Images are floats of shape (n, h, w, 1); outside of training they pass through unchanged.
    Follows Simard, Steinkraus & Platt (2003), "Best Practices for Convolutional Neural Networks".
    """

    def __init__(self, rotation=10.0, scale=0.1, shear=5.0, shift=2.0, seed=0, **kwargs):
        if not 0 <= scale < 1:
            raise ValueError(
                f"scale: expected a fraction from 0 to under 1, such as 0.1 for 10 %, got {scale}"
            )
        super().__init__(**kwargs)
        self.rotation, self.scale, self.shear, self.shift, self.seed = (
            rotation,
            scale,
            shear,
            shift,
            seed,
        )
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, images, training=False):
        if not training:
            return images
        if len(images.shape) != 4:
            raise ValueError(
                f"expected images of shape (n, h, w, 1), got {tuple(images.shape)}: did you call scale()?"
            )
        count, height, width = ops.shape(images)[:3]
        matrices = self._random_transforms(count, (height - 1) / 2, (width - 1) / 2)
        return ops.image.affine_transform(
            images, matrices, interpolation="bilinear", fill_mode="constant"
        )

    def _random_transforms(self, count, middle_y, middle_x):
        """Draw one transform per image, shape (count, 8): for each new pixel, where in the old image it comes from."""
        angle = self._uniform(count, math.radians(self.rotation))
        slant = self._uniform(count, math.radians(self.shear))
        size = 1 + self._uniform(count, self.scale)
        a, b = ops.cos(angle) / size, (ops.tan(slant) - ops.sin(angle)) / size
        c, d = ops.sin(angle) / size, ops.cos(angle) / size
        # Turning about the middle: move it to the origin, transform, move it back, then shift.
        x = middle_x - a * middle_x - b * middle_y + self._uniform(count, self.shift)
        y = middle_y - c * middle_x - d * middle_y + self._uniform(count, self.shift)
        zero = ops.zeros_like(a)
        return ops.stack([a, b, x, c, d, y, zero, zero], axis=1)

    def _uniform(self, count, largest):
        return keras.random.uniform((count,), -largest, largest, seed=self.seed_generator)

    def get_config(self):
        return super().get_config() | {
            "rotation": self.rotation, "scale": self.scale, "shear": self.shear, "shift": self.shift, "seed": self.seed
        }  # fmt: skip


@keras.saving.register_keras_serializable(package="digits")
class RandomThickness(keras.layers.Layer):
    """Make the strokes of each image thicker or thinner by its own random amount.

    At most a pixel thicker on either side, or half a pixel thinner, which hairlines survive. A stroke grows where each
    pixel takes the largest value of its neighbours (dilation), and shrinks where it takes the smallest (erosion).
    Images are floats of shape (n, h, w, 1); outside of training they pass through unchanged.
    Source: Serra (1982), "Image Analysis and Mathematical Morphology".
    """

    def __init__(self, seed=0, **kwargs):
        super().__init__(**kwargs)
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, images, training=False):
        if not training:
            return images
        amount = keras.random.uniform(
            (ops.shape(images)[0], 1, 1, 1), -0.5, 1, seed=self.seed_generator
        )
        thicker = ops.max_pool(images, 3, strides=1, padding="same")
        thinner = -ops.max_pool(-images, 3, strides=1, padding="same")
        return (
            images + ops.relu(amount) * (thicker - images) + ops.relu(-amount) * (thinner - images)
        )

    def get_config(self):
        return super().get_config() | {"seed": self.seed}


@keras.saving.register_keras_serializable(package="digits")
class RandomBars(keras.layers.Layer):
    """Lay bars of one shade of grey over each image: printed lines, crossings-out, the edge of a page, a finger.

    Each of `number` bars comes with the chance `share`, half a pixel to `widest` pixels wide, 4 to 40 pixels long.
    Images are floats from 0 to 1 of shape (n, h, w, 1); outside of training they pass through unchanged.
    After Zhong et al. (2020), "Random Erasing Data Augmentation", arXiv:1708.04896, whose bars lie straight.
    """

    def __init__(self, number=2, share=0.4, widest=16.0, seed=0, **kwargs):
        super().__init__(**kwargs)
        self.number, self.share, self.widest, self.seed = number, share, widest, seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, images, training=False):
        if not training:
            return images
        for _ in range(self.number):
            cover = self._cover(*ops.shape(images)[:3])
            shade = self._uniform(ops.shape(images)[0], 0, 1)
            images = images + cover * (shade - images)
        return images

    def _cover(self, count, height, width):
        """Draw how much of each pixel a bar covers, from 0 to 1, shape (count, height, width, 1)."""
        # Seen from a point of the image, how far each pixel lies along the bar's direction, and across it.
        rows = ops.reshape(ops.arange(height, dtype="float32"), (-1, 1, 1)) - self._uniform(
            count, 0, height
        )
        columns = ops.reshape(ops.arange(width, dtype="float32"), (1, -1, 1)) - self._uniform(
            count, 0, width
        )
        angle = self._uniform(count, 0, math.pi)
        along = ops.abs(columns * ops.cos(angle) + rows * ops.sin(angle))
        across = ops.abs(rows * ops.cos(angle) - columns * ops.sin(angle))
        # Narrow bars are as likely as wide ones: from 1/2 to 1 pixel as often as from 8 to 16.
        half_width = ops.exp(self._uniform(count, math.log(0.25), math.log(self.widest / 2)))
        half_length = self._uniform(count, 2, 20)
        inside = ops.clip(ops.minimum(half_width - across, half_length - along) + 0.5, 0, 1)
        return ops.where(self._uniform(count, 0, 1) < self.share, inside, 0)

    def _uniform(self, count, low, high):
        return keras.random.uniform((count, 1, 1, 1), low, high, seed=self.seed_generator)

    def get_config(self):
        return super().get_config() | {
            "number": self.number, "share": self.share, "widest": self.widest, "seed": self.seed
        }  # fmt: skip


@keras.saving.register_keras_serializable(package="digits")
class RandomNoise(keras.layers.Layer):
    """Add grain to each image, as strong as its own random amount, at most `strongest` (1 is black against white).

    Images are floats from 0 to 1 of shape (n, h, w, 1), and stay so; outside of training they pass through unchanged.
    """

    def __init__(self, strongest=0.25, seed=0, **kwargs):
        super().__init__(**kwargs)
        self.strongest, self.seed = strongest, seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, images, training=False):
        if not training:
            return images
        shape = (ops.shape(images)[0], 1, 1, 1)
        amount = keras.random.uniform(
            shape, -self.strongest, self.strongest, seed=self.seed_generator
        )
        grain = keras.random.normal(ops.shape(images), seed=self.seed_generator)
        return ops.clip(
            images + ops.relu(amount) * grain, 0, 1
        )  # a negative amount is none: half stay clean

    def get_config(self):
        return super().get_config() | {"strongest": self.strongest, "seed": self.seed}


def robust_augmentation(seed: int = 0) -> keras.Sequential:
    """Return what spoils training digits as real paper, pens and cameras do: for images of floats, (n, 28, 28, 1).

    Stroke thickness, rotation, scale, shear and shift, bars laid over, blur, contrast, brightness, and grain.
    """
    pixels = {"value_range": (0, 1)}
    return keras.Sequential(
        [
            RandomThickness(seed=seed),
            RandomAffine(rotation=15, scale=0.2, shear=10, shift=3, seed=seed),
            RandomBars(seed=seed),
            keras.layers.RandomGaussianBlur(
                factor=0.5, kernel_size=5, sigma=(0.3, 1.5), **pixels, seed=seed
            ),
            keras.layers.RandomContrast(0.6, **pixels, seed=seed),
            keras.layers.RandomBrightness(0.3, **pixels, seed=seed),
            RandomNoise(seed=seed),
        ]
    )
