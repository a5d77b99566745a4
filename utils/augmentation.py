"""Make new training digits from old ones: rotated, shifted, sheared, and corrupted as paper, pens, and cameras do."""

import math

from utils.environment import quiet_tensorflow

with quiet_tensorflow():
    import keras
    from keras import ops


class _RandomChange(keras.layers.Layer):
    """Change each image of a batch at random during training; otherwise pass the images through unchanged.

    Images are floats from 0 to 1 of shape (n, h, w, 1). A subclass defines `change`, and names its settings.
    """

    settings: tuple[str, ...] = ()

    def __init__(self, seed=0, **kwargs):
        super().__init__(**kwargs)
        self.seed, self.seed_generator = seed, keras.random.SeedGenerator(seed)

    def call(self, images, training=False):
        if not training:
            return images
        if len(images.shape) != 4:
            shape = tuple(images.shape)
            raise ValueError(
                f"expected images of shape (n, h, w, 1), got {shape}: did you call scale()?"
            )
        return self.change(images, *ops.shape(images)[:3])

    def uniform(self, shape, low, high):
        return keras.random.uniform(shape, low, high, seed=self.seed_generator)

    def get_config(self):
        return super().get_config() | {
            name: getattr(self, name) for name in (*self.settings, "seed")
        }


@keras.saving.register_keras_serializable(package="digits")
class RandomAffine(_RandomChange):
    """Rotate, scale, shear, and shift each image by its own random amount, in one affine transform.

    `rotation` and `shear` in degrees, `scale` as a fraction, `shift` in pixels: each the largest amount either way.
    Follows Simard, Steinkraus & Platt (2003), "Best Practices for Convolutional Neural Networks".
    """

    settings = "rotation", "scale", "shear", "shift"

    def __init__(self, rotation=10.0, scale=0.1, shear=5.0, shift=2.0, seed=0, **kwargs):
        if not 0 <= scale < 1:
            raise ValueError(f"scale: expected a share from 0 to under 1, such as 0.1, got {scale}")
        super().__init__(seed, **kwargs)
        self.rotation, self.scale, self.shear, self.shift = rotation, scale, shear, shift

    def change(self, images, count, height, width):
        matrices = self._random_transforms((count,), (height - 1) / 2, (width - 1) / 2)
        return ops.image.affine_transform(
            images, matrices, interpolation="bilinear", fill_mode="constant"
        )

    def _random_transforms(self, shape, middle_y, middle_x):
        """Draw one transform per image, shape (n, 8): for each new pixel, where in the old image it comes from."""
        rotation, shear = math.radians(self.rotation), math.radians(self.shear)
        angle = self.uniform(shape, -rotation, rotation)
        slant = self.uniform(shape, -shear, shear)
        size = 1 + self.uniform(shape, -self.scale, self.scale)
        a, b = ops.cos(angle) / size, (ops.tan(slant) - ops.sin(angle)) / size
        c, d = ops.sin(angle) / size, ops.cos(angle) / size
        # To rotate about the middle, move it to the origin, transform, move it back, then shift.
        shift_x = self.uniform(shape, -self.shift, self.shift)
        shift_y = self.uniform(shape, -self.shift, self.shift)
        x = middle_x - a * middle_x - b * middle_y + shift_x
        y = middle_y - c * middle_x - d * middle_y + shift_y
        zero = ops.zeros_like(a)
        return ops.stack([a, b, x, c, d, y, zero, zero], axis=1)


@keras.saving.register_keras_serializable(package="digits")
class RandomThickness(_RandomChange):
    """Make the strokes of each image thicker or thinner by its own random amount.

    At most a pixel thicker on either side, or half a pixel thinner, which hairlines survive. A stroke grows where each
    pixel takes the largest value of its neighbors (dilation), and shrinks where it takes the smallest (erosion).
    Source: Serra (1982), "Image Analysis and Mathematical Morphology".
    """

    def change(self, images, count, height, width):
        amount = self.uniform((count, 1, 1, 1), -0.5, 1)
        thicker = ops.max_pool(images, 3, strides=1, padding="same") - images
        thinner = -ops.max_pool(-images, 3, strides=1, padding="same") - images
        return images + ops.relu(amount) * thicker + ops.relu(-amount) * thinner


@keras.saving.register_keras_serializable(package="digits")
class RandomBars(_RandomChange):
    """Draw bars of one gray level over each image: printed lines, crossings-out, the edge of a page, a finger.

    Each of `number` bars appears with probability `share`, half a pixel to `widest` pixels wide, 4 to 40 pixels long.
    After Zhong et al. (2020), "Random Erasing Data Augmentation", arXiv:1708.04896, whose bars are upright.
    """

    settings = "number", "share", "widest"

    def __init__(self, number=2, share=0.4, widest=16.0, seed=0, **kwargs):
        super().__init__(seed, **kwargs)
        self.number, self.share, self.widest = number, share, widest

    def change(self, images, count, height, width):
        for _ in range(self.number):
            cover = self._cover((count, 1, 1, 1), height, width)
            shade = self.uniform((count, 1, 1, 1), 0, 1)
            images = images + cover * (shade - images)
        return images

    def _cover(self, one_each, height, width):
        """Draw how much of each pixel a bar covers, from 0 to 1, shape (n, height, width, 1)."""
        # From the bar's center: how far each pixel lies along the bar, and how far across it.
        rows = ops.reshape(ops.arange(height, dtype="float32"), (-1, 1, 1))
        rows = rows - self.uniform(one_each, 0, height)
        columns = ops.reshape(ops.arange(width, dtype="float32"), (1, -1, 1))
        columns = columns - self.uniform(one_each, 0, width)
        angle = self.uniform(one_each, 0, math.pi)
        along = ops.abs(columns * ops.cos(angle) + rows * ops.sin(angle))
        across = ops.abs(rows * ops.cos(angle) - columns * ops.sin(angle))
        # Narrow bars are as likely as wide ones: from 1/2 to 1 pixel as often as from 8 to 16.
        half_width = ops.exp(self.uniform(one_each, math.log(0.25), math.log(self.widest / 2)))
        half_length = self.uniform(one_each, 2, 20)
        inside = ops.clip(ops.minimum(half_width - across, half_length - along) + 0.5, 0, 1)
        return ops.where(self.uniform(one_each, 0, 1) < self.share, inside, 0)


@keras.saving.register_keras_serializable(package="digits")
class RandomNoise(_RandomChange):
    """Add noise to each image, as strong as its own random amount, at most `strongest` (1 is black against white)."""

    settings = ("strongest",)

    def __init__(self, strongest=0.25, seed=0, **kwargs):
        super().__init__(seed, **kwargs)
        self.strongest = strongest

    def change(self, images, count, height, width):
        # A negative amount means none, so half of the images stay clean.
        amount = ops.relu(self.uniform((count, 1, 1, 1), -self.strongest, self.strongest))
        noise = keras.random.normal(ops.shape(images), seed=self.seed_generator)
        return ops.clip(images + amount * noise, 0, 1)


def robust_augmentation(seed: int = 0) -> keras.Sequential:
    """Return layers that corrupt training digits as paper, pens, and cameras do: floats, (n, 28, 28, 1), in and out.

    Stroke thickness, rotation, scale, shear, and shift, bars, blur, contrast, brightness, and noise.
    """
    ours = {"value_range": (0, 1), "seed": seed}
    return keras.Sequential(
        [
            RandomThickness(seed=seed),
            RandomAffine(rotation=15, scale=0.2, shear=10, shift=3, seed=seed),
            RandomBars(seed=seed),
            keras.layers.RandomGaussianBlur(0.5, kernel_size=5, sigma=(0.3, 1.5), **ours),
            keras.layers.RandomContrast(0.6, **ours),
            keras.layers.RandomBrightness(0.3, **ours),
            RandomNoise(seed=seed),
        ]
    )
