"""Convert digits to what a network can read: scaled, shaped, one-hot encoded, split, and centered."""

import numpy as np
from scipy import ndimage

from utils.data import check_images, check_labels

SIDE = 28  # pixels on each side of an MNIST image
BOX = 20  # the digit itself fits in a box of 20 x 20 pixels inside it


def scale(images: np.ndarray) -> np.ndarray:
    """Scale raw digits, uint8 (n, 28, 28), to a network's input: float32 (n, 28, 28, 1) from 0 to 1."""
    check_images(images)
    return images[..., np.newaxis].astype("float32") / 255


def check_scaled(images: np.ndarray) -> None:
    """Raise ValueError unless `images` are ready for a network: float (n, 28, 28, 1) from 0 to 1."""
    shape = tuple(np.shape(images))
    if len(shape) != 4 or shape[1:] != (SIDE, SIDE, 1) or shape[0] == 0:
        expected = "expected images of shape (n, 28, 28, 1) with n >= 1"
        raise ValueError(f"{expected}, got {shape}: did you call scale()?")
    low, high = float(np.min(images)), float(np.max(images))
    if not np.issubdtype(np.asarray(images).dtype, np.floating) or not (low >= 0 and high <= 1):
        got = f"got values from {low:g} to {high:g}"
        raise ValueError(f"expected floats from 0 to 1, {got}: did you call scale()?")


def one_hot(labels: np.ndarray, classes: int = 10) -> np.ndarray:
    """Encode labels, shape (n,), as float32 rows with a single 1, shape (n, classes)."""
    check_labels(labels, classes=classes)
    return np.eye(classes, dtype="float32")[labels]


def split_train_validation(
    images: np.ndarray, labels: np.ndarray, validation_size: float | int = 0.1, seed: int = 0
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Split into x_train, x_validation, y_train, y_validation, with the same share of every class.

    `validation_size` is a fraction (float) or a number of images (int).
    """
    # Imported here, so that reading a digit doesn't wait for it.
    from sklearn.model_selection import train_test_split

    options = {"test_size": validation_size, "stratify": labels, "random_state": seed}
    return tuple(train_test_split(images, labels, **options))


def center_by_mass(ink: np.ndarray, side: int = SIDE) -> np.ndarray:
    """Place ink, shape (h, w), on a black square, uint8 (side, side), its center of mass in the middle.

    Raises ValueError if the ink is larger than the square.
    """
    if max(ink.shape) > side:
        expected = f"expected ink of at most {side} x {side} pixels"
        raise ValueError(f"{expected}, got {ink.shape}: did you call fit_in_box()?")
    square = np.zeros((side, side), dtype="uint8")
    # MNIST has the center of mass on pixel (14, 14), just below and right of the geometric middle.
    corner = [round(side / 2 - center) for center in ndimage.center_of_mass(ink)]
    top, left = np.clip(corner, 0, side - np.array(ink.shape))
    square[top : top + ink.shape[0], left : left + ink.shape[1]] = np.round(ink)
    return square
