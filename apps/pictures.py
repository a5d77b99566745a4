"""Which files are pictures, by their names."""

from pathlib import Path

PICTURES = {".png", ".jpg", ".jpeg", ".gif", ".bmp", ".tif", ".tiff", ".webp", ".heic", ".heif"}


def is_picture(path: Path) -> bool:
    """Return whether a file is a picture, by its name; a name that starts with a dot is hidden."""
    return path.suffix.lower() in PICTURES and not is_hidden(path)


def is_hidden(path: Path) -> bool:
    """Return whether the name of a file or folder starts with a dot, as that of .ipynb_checkpoints does."""
    return path.name.startswith(".")
