"""Make new training digits out of old ones: small random turns, shifts, stretches and slants."""

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
    Taught in notebooks/02_preprocess_digits.ipynb
    """

    def __init__(self, rotation=10.0, scale=0.1, shear=5.0, shift=2.0, seed=0, **kwargs):
        if not 0 <= scale < 1:
            raise ValueError(f"scale: expected a fraction from 0 to under 1, such as 0.1 for 10 %, got {scale}")
        super().__init__(**kwargs)
        self.rotation, self.scale, self.shear, self.shift, self.seed = rotation, scale, shear, shift, seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, images, training=False):
        if not training:
            return images
        if len(images.shape) != 4:
            raise ValueError(f"expected images of shape (n, h, w, 1), got {tuple(images.shape)}: did you call scale()?")
        count, height, width = ops.shape(images)[:3]
        matrices = self._random_transforms(count, (height - 1) / 2, (width - 1) / 2)
        return ops.image.affine_transform(images, matrices, interpolation="bilinear", fill_mode="constant")

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
