"""Check pictures from strangers before Pillow parses them: some are made to take minutes, or gigabytes."""

import re
import struct
from pathlib import Path
from typing import NamedTuple

from utils.paper import UnreadableImage

MOST_PARTS = 10_000  # chunks of a PNG or WebP, blocks of a GIF
MOST_MARKERS = 1000  # of a JPEG, before its first scan
MOST_SCANS = 100  # of a JPEG: a progressive one has about 10
MOST_TAGS = 500  # of a TIFF, or of EXIF data
MOST_VALUES = 20_000  # of such a tag: a TIFF has one for each of its strips
MARKER = re.compile(rb"\xff([^\x00\xff])")  # of a JPEG
# What a TIFF's tag holds, by the number of its type: how many bytes each value takes.
BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8}
KEPT_AS_BYTES = 1, 2, 7  # for each value of the others, Pillow makes a number
# Compressions of a TIFF that take no more time than there are pixels: none, three for faxes, LZW, deflate, PackBits.
COMPRESSIONS = 1, 2, 3, 4, 5, 8, 32_946, 32_773


class Size(NamedTuple):
    """State how large a picture says it is, and how many times its pixels are decoded."""

    width: int
    height: int
    scans: int = 1


def checked(picture: bytes | str | Path) -> bytes:
    """Return the bytes of a picture, or of the file with this path, after `check_picture`.

    Raises UnreadableImage, also if there is no such file.
    """
    try:
        content = picture if isinstance(picture, bytes) else Path(picture).read_bytes()
        check_picture(content)
    except FileNotFoundError:
        raise UnreadableImage(f"there is no file {picture}: check its name and folder") from None
    except OSError as fault:
        raise UnreadableImage(f"{picture} can't be read: {fault.strerror}") from None
    except UnreadableImage as fault:
        name = "this file" if isinstance(picture, bytes) else picture
        raise UnreadableImage(f"{name} can't be read as an image: {fault}") from None
    return content


def check_picture(content: bytes) -> Size:
    """Return the size of a picture, from its header; its pixels aren't decoded.

    Raises UnreadableImage if it isn't a picture, or if its parts are so many, or so large, that a decoder would take
    minutes or gigabytes for them.
    """
    for start, check in CHECKS.items():
        if re.match(start, content, re.DOTALL):
            try:
                return check(content)
            except struct.error:
                raise UnreadableImage("the end is missing") from None
    raise UnreadableImage("it isn't of a kind read here (PNG, JPEG, GIF, BMP, TIFF, WebP, HEIC)")


def _limit(count, most, what):
    if count > most:
        raise UnreadableImage(f"it has more than {most:,} {what}: save it as a plain PNG or JPEG")


def _png(content):
    place, parts = 8, 0
    while place < len(content):
        length, kind = struct.unpack_from(">I4s", content, place)
        if (kind == b"IHDR") != (parts == 0):
            raise UnreadableImage("a PNG has one header, at its start")
        if kind == b"eXIf":
            _check_exif(content[place + 8 : place + 8 + length])
        if b"Raw profile type" in content[place + 8 : place + 8 + min(length, 80)]:
            raise UnreadableImage("its metadata is in an old form: save it without metadata")
        place, parts = place + 12 + length, parts + 1
        _limit(parts, MOST_PARTS, "chunks")
    return Size(*struct.unpack_from(">II", content, 16))


def _jpeg(content):
    place, markers, between, exif, sizes = 2, 0, 0, [], [(0, 0)]
    while found := MARKER.search(content, place, place + MOST_MARKERS + 2):
        between += found.start() - place
        place, markers, marker = found.end(), markers + 1, found[1][0]
        _limit(max(markers, between), MOST_MARKERS, "markers, or bytes between them")
        if marker == 0xDA:  # the first scan
            break
        if marker == 0x01 or 0xD0 <= marker <= 0xD9:  # these have no data
            continue
        [length] = struct.unpack_from(">H", content, place)
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            sizes.append(struct.unpack_from(">HH", content, place + 3))
        if marker == 0xE1 and content[place + 2 : place + 8] == b"Exif\0\0":
            exif.append(content[place + 8 : place + length])
        place += length
    else:
        _limit(len(content) - place, MOST_MARKERS, "markers, or bytes between them")
    _check_exif(b"".join(exif))
    _limit(content.count(b"8BIM"), MOST_MARKERS, "Photoshop blocks")
    scans = content.count(b"\xff\xda")  # in the data of a scan, each 255 is followed by a 0
    _limit(scans, MOST_SCANS, "scans")
    height, width = max(sizes, key=lambda size: size[0] * size[1])
    return Size(width, height, scans)


def _gif(content):
    width, height, flags = struct.unpack_from("<HHB", content, 6)
    place, parts = 13 + _palette(flags), 0
    while (
        content[place : place + 1] == b"!"
    ):  # an extension: two bytes and blocks, of which an empty one is the last
        place, length = place + 2, 1
        while length:
            [length] = struct.unpack_from("B", content, place)
            place, parts = place + 1 + length, parts + 1
            _limit(parts, MOST_PARTS, "blocks")
    if content[place : place + 1] != b",":
        raise UnreadableImage("there is no picture in it")
    left, top, wide, high = struct.unpack_from("<HHHH", content, place + 1)
    return Size(max(width, left + wide), max(height, top + high))


def _palette(flags):
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _bmp(content):
    [header] = struct.unpack_from("<I", content, 14)
    width, height = struct.unpack_from("<HH" if header == 12 else "<ii", content, 18)
    return Size(abs(width), abs(height))


def _webp(content):
    place, parts = 12, 0
    while place + 8 <= len(content):
        kind, length = struct.unpack_from("<4sI", content, place)
        if kind == b"EXIF":
            _check_exif(content[place + 8 : place + 8 + length])
        place, parts = place + 8 + length + length % 2, parts + 1
        _limit(parts, MOST_PARTS, "chunks")
    if content[12:16] == b"VP8 ":
        width, height = struct.unpack_from("<HH", content, 26)
        return Size(width & 0x3FFF, height & 0x3FFF)
    if content[12:16] == b"VP8L":
        [bits] = struct.unpack_from("<I", content, 21)
        return Size((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    wide, more_wide, high, more_high = struct.unpack_from("<HBHB", content, 24)  # VP8X
    return Size(wide + (more_wide << 16) + 1, high + (more_high << 16) + 1)


def _tiff(content):
    tags = _tags(content)
    if not {322, 323, 324, 325}.isdisjoint(tags):
        raise UnreadableImage("it's a TIFF cut into tiles: save it as PNG")
    if tags.get(259, 1) not in COMPRESSIONS:
        raise UnreadableImage("it's a TIFF of a rare compression: save it as PNG")
    width, height, samples = tags.get(256, 0), tags.get(257, 0), tags.get(277, 1)
    strip = min(tags.get(278, 0), 0xFFFFFFFF)
    return Size(width * max(1, samples // 4), max(height, 0 if strip == 0xFFFFFFFF else strip))


def _check_exif(content):
    content = content[re.match(rb"(Exif\0\0)*", content).end() :]  # Pillow skips all of them, too
    if content[:4] in (b"II*\0", b"MM\0*"):
        _tags(content)


def _tags(content):
    """Return the number in each tag of a TIFF's first directory; refuse tags that hold too much, or overlap."""
    order = "<" if content[:1] == b"I" else ">"
    [version, place] = struct.unpack_from(order + "HI", content, 2)
    if version != 42:
        raise UnreadableImage("it's a TIFF of a rare kind: save it as PNG")
    [count] = struct.unpack_from(order + "H", content, place)
    _limit(count, MOST_TAGS, "tags")
    numbers, room = {}, 0
    for start in range(place + 2, place + 2 + 12 * count, 12):
        tag, kind, values = struct.unpack_from(order + "HHI", content, start)
        _limit(0 if kind in KEPT_AS_BYTES else values, MOST_VALUES, "values in a tag")
        room += values * BYTES.get(kind, 1)
        [numbers[tag]] = struct.unpack_from(order + ("H" if kind == 3 else "I"), content, start + 8)
    if room > len(content):
        raise UnreadableImage("its tags hold more than the file")
    return numbers


def _heic(content):
    place = content.find(b"meta")  # the box that describes the picture
    [length] = struct.unpack_from(">I", content, place - 4) if place >= 4 else [0]
    _limit(content.count(b"ispe", 0, place + length), MOST_MARKERS, "sizes")
    sizes = [
        struct.unpack_from(">II", content, found.end() + 4)
        for found in re.finditer(b"ispe", content[: place + length])
        if found.start() > place
    ]
    return Size(*max(sizes, default=(0, 0), key=lambda size: size[0] * size[1]))


CHECKS = {
    rb"\x89PNG\r\n\x1a\n": _png,
    rb"\xff\xd8\xff": _jpeg,
    rb"GIF8[79]a": _gif,
    rb"BM": _bmp,
    rb"RIFF....WEBP": _webp,
    rb"II[*+\0][\0*]|MM[*+\0][\0*+]": _tiff,
    rb"....ftyp(hei|hev|mif|msf)": _heic,
}
