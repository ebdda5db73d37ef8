"""Pictures: which kind a file is, and what a picture says beside what it shows, taken out.

A camera writes where and when a picture was taken, and by which device, into the file. It is
written anew with nothing but its pixels, its colour profile and which way up it is. All of it is
for a thread.
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from attrs import frozen
from PIL import Image, ImageOps, features

from twisted_chat.doors.web.files.boxes import Boxes, NotUnderstood
from twisted_chat.vocabulary.errors import ChatError

MAX_PIXELS: Final = 50_000_000
"""Pixels of a picture, at most, and half as many where some can be seen through: those take a copy
while it is shrunk. So one takes some 210 MiB for a second or two, one at a time."""

MAX_MOVING: Final = 150_000_000
"""Pixels of all pictures of a moving one, at most."""

SMALL: Final = (720, 560)
"""The size of a small picture, at most: twice what the page shows, for fine screens."""

SMALL_BYTES: Final = 60_000
"""A picture of no more bytes that is no larger has no small one."""

FORMATS: Final = {
    "image/jpeg": "JPEG",
    "image/png": "PNG",
    "image/gif": "GIF",
    "image/webp": "WEBP",
    **({"image/avif": "AVIF"} if features.check("avif") else {}),
}
"""The kinds of pictures that are shown, and Pillow's names of them."""

BOXED: Final = frozenset({"image/heic", "image/avif"})
"""Those that are cleaned where they are (see boxes.py). What browsers can not show is a file."""

CLEANED: Final = FORMATS.keys() | BOXED
"""All that are cleaned."""

BRANDS: Final = (b"heic", b"heix", b"heim", b"heis", b"mif1", b"avif")
"""What a HEIC or AVIF picture calls itself."""

ORIENTATION: Final = 0x0112
"""The tag of EXIF that says which way up a picture is."""

SHOWN: Final = (
    *("transparency", "gamma", "icc_profile"),
    *("loop", "duration", "background", "disposal", "blend", "default_image"),
)
"""What Pillow knows of a picture, beside its pixels, that is how it looks: no more is kept."""

# A picture may say that it is larger than memory: MAX_PIXELS is looked at before any is decoded.
Image.MAX_IMAGE_PIXELS = None


@frozen
class Picture:
    """A picture that was cleaned: as wide and high as it is shown; 0 where it is not."""

    width: int
    height: int
    has_small: bool
    digest: bytes
    """SHA-256 of what was written."""


def kind_of(head: bytes) -> str:
    """Return what a file is, by its first bytes. Raises ChatError ``bad-request``.

    All that is not known is ``application/octet-stream``. Refused are pictures of kinds that could
    not be cleaned here.
    """
    if head.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if head[:6] in (b"GIF87a", b"GIF89a"):
        return "image/gif"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    if head.startswith(b"%PDF-"):
        return "application/pdf"
    if head[4:8] == b"ftyp" and head[8:12] in BRANDS:
        return "image/avif" if b"avif" in head[8:] else "image/heic"
    if head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        raise _unclean()
    return "application/octet-stream"


def clean(source: Path, kind: str, target: Path, small: Path) -> Picture:
    """Write a picture anew to ``target``, and a small one where it is worth it.

    Raises ChatError ``bad-request`` where it is none, or ``too-large``.
    """
    if kind in BOXED:
        source = _strip(source, target)
        if kind not in FORMATS:
            digest = sha256(target.read_bytes()).digest()
            return Picture(0, 0, has_small=False, digest=digest)
    try:
        with Image.open(source, formats=[FORMATS[kind]]) as picture:
            _check(picture)
            if kind in BOXED:
                width, height = _as_shown(picture)
            else:
                width, height = _write(picture, kind, target)
        digest = sha256(target.read_bytes()).digest()
        if width <= SMALL[0] and height <= SMALL[1] and target.stat().st_size <= SMALL_BYTES:
            return Picture(width, height, has_small=False, digest=digest)
        with Image.open(source, formats=[FORMATS[kind]]) as picture:
            _shrink(picture, small)
    except ChatError:
        raise
    except Exception as why:  # whatever else a decoder makes of strange bytes
        raise ChatError("bad-request", "The picture can not be read.") from why
    return Picture(width, height, has_small=True, digest=digest)


def _check(picture: Any) -> None:
    width, height = picture.size
    frames = getattr(picture, "n_frames", 1)
    has_holes = "A" in picture.getbands() or "transparency" in picture.info
    most = MAX_PIXELS // 2 if has_holes else MAX_PIXELS
    if width * height > most or width * height * frames > MAX_MOVING:
        raise ChatError("too-large", "The picture has too many pixels.")


def _write(picture: Any, kind: str, target: Path) -> tuple[int, int]:
    turned = picture.getexif().get(ORIENTATION, 1)
    moving = getattr(picture, "n_frames", 1) > 1
    info = picture.info = {key: picture.info[key] for key in SHOWN if key in picture.info}
    options: dict[str, Any] = {}
    if kind != "image/gif" and info.get("icc_profile"):
        options["icc_profile"] = info["icc_profile"]
    match kind:
        case "image/jpeg":
            # "keep" writes with the picture's own tables: nothing that can be seen is lost.
            # (Neither optimized nor progressive: each would take two bytes more for each pixel.)
            options["quality"] = "keep" if picture.format == "JPEG" else 92
            moving = False
        case "image/png":
            options["exif"] = b""
        case "image/gif":
            if "loop" in info:
                options["loop"] = info["loop"]
        case _:
            options |= {"quality": 90, "exif": b"", "xmp": b""}
    if turned in range(2, 9) and kind != "image/gif":
        upright = Image.Exif()
        upright[ORIENTATION] = turned
        options["exif"] = upright.tobytes()
    picture.save(target, FORMATS[kind], **options, **({"save_all": True} if moving else {}))
    return _as_shown(picture, turned)


def _as_shown(picture: Any, turned: int | None = None) -> tuple[int, int]:
    """Return how wide and high a picture is when it is the right way up."""
    width, height = picture.size
    turned = picture.getexif().get(ORIENTATION, 1) if turned is None else turned
    return (height, width) if turned in range(5, 9) else (width, height)


def _strip(source: Path, target: Path) -> Path:
    """Write a boxed picture without what it says of itself; return where."""
    boxes = Boxes(bytearray(source.read_bytes()))
    try:
        boxes.strip()
    except NotUnderstood:
        raise _unclean() from None
    target.write_bytes(boxes.data)
    return target


def _unclean() -> ChatError:
    return ChatError(
        "bad-request",
        "A picture of this kind may say where it was taken: send it as JPEG, PNG or WebP.",
    )


def _shrink(picture: Any, small: Path) -> None:
    """Write a small picture: the first one of a moving one."""
    picture.draft("RGB", SMALL)
    has_holes = "A" in picture.getbands() or "transparency" in picture.info
    if picture.mode not in ("RGB", "RGBA", "L"):
        picture = picture.convert("RGBA" if has_holes else "RGB")
    turned = picture.getexif().get(ORIENTATION, 1)
    picture.thumbnail(SMALL[::-1] if turned in range(5, 9) else SMALL)  # first: it is small then
    shrunk = ImageOps.exif_transpose(picture).convert("RGBA" if has_holes else "RGB")
    shrunk.save(small, "WEBP", quality=78, exif=b"", xmp=b"")
