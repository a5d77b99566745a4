"""Pictures that are made to take minutes or gigabytes are refused; all others are let through."""

import io
import struct
import zlib

import numpy as np
import pillow_heif
import pytest
from PIL import Image

from apps.untrusted import check_picture, checked
from utils.paper import UnreadableImage

PAGE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (60, 90, 3), "uint8"))


def saved(kind, page=PAGE, **options):
    file = io.BytesIO()
    page.save(file, kind, **options)
    return file.getvalue()


def heic(page=PAGE):
    file = io.BytesIO()
    pillow_heif.from_pillow(page).save(file)
    return file.getvalue()


def with_orientation(kind):
    exif = Image.Exif()
    exif[0x0112] = 6
    return saved(kind, exif=exif)


HONEST = {
    "PNG": saved("PNG"),
    "a photo's EXIF in PNG": with_orientation("PNG"),
    "JPEG": saved("JPEG"),
    "a progressive JPEG": saved("JPEG", progressive=True),
    "a photo's EXIF in JPEG": with_orientation("JPEG"),
    "GIF": saved("GIF"),
    "a GIF with a comment": saved("GIF", comment=b"a" * 1000),
    "an animation": saved("GIF", save_all=True, append_images=[PAGE.rotate(90)] * 3),
    "BMP": saved("BMP"),
    "TIFF": saved("TIFF"),
    "a fax": saved("TIFF", PAGE.convert("1"), compression="group4"),
    "a compressed TIFF": saved("TIFF", compression="tiff_adobe_deflate"),
    "WebP": saved("WEBP"),
    "a lossless WebP": saved("WEBP", lossless=True),
    "a photo's EXIF in WebP": with_orientation("WEBP"),
    "HEIC": heic(),
}


@pytest.mark.parametrize("kind", HONEST)
def test_an_honest_picture_is_let_through_with_its_size(kind):
    width, height, scans = check_picture(HONEST[kind])
    assert (width, height) == (90, 64 if kind == "HEIC" else 60)  # HEIC's blocks have 64 pixels
    assert (scans > 3) == (kind == "a progressive JPEG")
    assert checked(HONEST[kind]) == HONEST[kind]


def chunk(kind, content):
    checksum = zlib.crc32(kind + content).to_bytes(4)
    return len(content).to_bytes(4) + kind + content + checksum


def png(*chunks):
    """Return a PNG with more chunks after its header, which is 33 bytes long."""
    return HONEST["PNG"][:33] + b"".join(chunks) + HONEST["PNG"][33:]


def jpeg(*segments):
    """Return a JPEG with more segments at its start."""
    return HONEST["JPEG"][:2] + b"".join(segments) + HONEST["JPEG"][2:]


def segment(marker, content):
    return bytes([0xFF, marker]) + (len(content) + 2).to_bytes(2) + content


def gif(*blocks):
    """Return a GIF with more blocks before its picture."""
    content = HONEST["GIF"]
    start = 13 + (3 << (content[10] & 7) + 1)
    return content[:start] + b"".join(blocks) + content[start:]


def exif(tags, size):
    """Return EXIF data whose tags all hold the same bytes."""
    entries = b"".join(struct.pack("<HHII", 37_500 + n, 7, size, 8) for n in range(tags))
    return b"II*\0\x08\0\0\0" + struct.pack("<H", tags) + entries + bytes(size)


def tiff(**changed):
    """Return the directory of a TIFF, with some numbers changed or added; each is a LONG."""
    usual = dict(width=90, height=60, compression=1, strips=8, samples=1, rows=60)
    tags = dict(width=256, height=257, compression=259, strips=273, samples=277, rows=278)
    tags |= dict(tile=322, tile_height=323, tiles=324, lengths=325)
    entries = b"".join(
        struct.pack("<HHII", tags[name], 4, 1, number) for name, number in (usual | changed).items()
    )
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(entries) // 12) + entries


def many_strips():
    count = struct.pack("<HHI", 273, 4, 1), struct.pack("<HHI", 273, 4, 20_001)
    return tiff().replace(*count) + bytes(100_000)


def scans(number, content=HONEST["a progressive JPEG"]):
    """Return a progressive JPEG that repeats its last scan."""
    last = content[content.rindex(b"\xff\xda") : -2]
    return content[:-2] + last * number + content[-2:]


def webp(width, height):
    """Return a WebP that only says how large it is."""
    size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    chunk = b"VP8X" + struct.pack("<I", 10) + bytes(4) + size
    return b"RIFF" + struct.pack("<I", 4 + len(chunk)) + b"WEBP" + chunk


HOSTILE = {
    "many scans": (scans(200), "more than 100 scans"),
    "many markers": (jpeg(segment(0xE5, b"") * 1001), "markers"),
    "bytes between markers": (jpeg(segment(0xE5, b""), b"\0" * 1001), "bytes between them"),
    "padding": (jpeg(b"\xff" * 1002), "bytes between them"),
    "Photoshop's blocks": (jpeg(segment(0xED, b"Photoshop 3.0\0" + b"8BIM" * 1001)), "Photoshop"),
    "EXIF of many tags": (jpeg(segment(0xE1, b"Exif\0\0" + exif(501, 9))), "500 tags"),
    "EXIF whose tags overlap": (jpeg(segment(0xE1, b"Exif\0\0" + exif(9, 999))), "more than the"),
    "EXIF that begins twice": (
        jpeg(segment(0xE1, b"Exif\0\0Exif\0\0" + exif(501, 9))),
        "500 tags",
    ),
    "EXIF that begins in a PNG": (png(chunk(b"eXIf", b"Exif\0\0" + exif(501, 9))), "500 tags"),
    "many chunks": (png(chunk(b"tEXt", b"a\0b") * 10_001), "10,000 chunks"),
    "empty chunks": (png(chunk(b"IDAT", b"") * 10_001), "10,000 chunks"),
    "a second header": (png(HONEST["PNG"][8:33]), "one header"),
    "EXIF in a PNG": (png(chunk(b"eXIf", exif(9, 999))), "more than the file"),
    "a profile as text": (png(chunk(b"zTXt", b"Raw profile type exif\0\0x")), "in an old form"),
    "many blocks": (gif(b"!\xfe" + b"\1a" * 10_001 + b"\0"), "10,000 blocks"),
    "bytes between blocks": (gif(b"\0" * 100), "no picture in it"),
    "many strips": (many_strips(), "20,000 values"),
    "tiles": (tiff(tile=30_000), "tiles"),
    "a TIFF of JPEGs": (saved("TIFF", compression="jpeg"), "rare compression"),
    "a large TIFF": (b"II+\0" + bytes(100), "rare kind"),
    "half a TIFF": (HONEST["TIFF"][:20], "end is missing"),
    "text": (b"Dear Sir,", "isn't of a kind read here"),
    "nothing": (b"", "isn't of a kind read here"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_picture_is_refused(name):
    content, expected = HOSTILE[name]
    with pytest.raises(
        UnreadableImage, match=f"^this file can't be read as an image: .*{expected}"
    ):
        checked(content)


@pytest.mark.parametrize(
    ("content", "width", "height"),
    [
        (webp(16_384, 16_384), 16_384, 16_384),
        (tiff(width=60_000), 60_000, 60),
        (tiff(rows=2_000_000_000), 90, 2_000_000_000),
        (tiff(samples=60_000), 90 * 15_000, 60),
    ],
)
def test_every_size_that_a_picture_states_counts(content, width, height):
    assert check_picture(content)[:2] == (width, height)


def test_a_file_is_named(tmp_path):
    with pytest.raises(UnreadableImage, match=r"there is no file .*nowhere\.png: check its name"):
        checked(tmp_path / "nowhere.png")
    (tmp_path / "letter.png").write_text("Dear Sir,")
    with pytest.raises(UnreadableImage, match=r"letter\.png can't be read as an image: it isn't"):
        checked(tmp_path / "letter.png")
