"""Text recognition through the Tesseract program, where it is installed.

It reads an image from its input and writes text to its output, so that it needs no files, and runs
inside the limits of the parser process that starts it.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import warnings
from typing import TYPE_CHECKING

from workbench.errors import CorruptFile, EmptyFile, FileTooLarge
from workbench.sources.parsed import Parsed

if TYPE_CHECKING:
    from pypdfium2 import PdfPage

MAX_PIXELS = 100_000_000
LANGUAGES_VARIABLE = "WORKBENCH_OCR_LANGUAGES"
_PROGRAM = "tesseract"
_DPI = 200
_POINTS_PER_INCH = 72
_LANGUAGES = re.compile(r"[A-Za-z_]{2,20}(\+[A-Za-z_]{2,20}){0,9}")
_INSTALL = (
    "Install Tesseract (Debian: tesseract-ocr, macOS: brew install tesseract) and ingest again."
)


def is_installed() -> bool:
    """Whether there is a ``tesseract`` on the path."""
    return shutil.which(_PROGRAM) is not None


def parse_image(data: bytes) -> Parsed:
    """The text in an image; a TIFF may hold several pages, which become one text.

    Raises:
        EmptyFile: if Tesseract is not installed, or finds no text.
        FileTooLarge: if the image has over MAX_PIXELS.
        CorruptFile: if it cannot be read.
    """
    media_type = _checked(data)
    if not is_installed():
        raise EmptyFile("an image is read by text recognition only", next_step=_INSTALL)
    return Parsed(media_type=media_type, parts=(recognised(data),))


def page_text(page: PdfPage) -> str:
    """The text of a scanned page of a PDF; empty where Tesseract is not installed."""
    scale = _DPI / _POINTS_PER_INCH
    width, height = page.get_size()
    if not is_installed() or width * height * scale * scale > MAX_PIXELS:
        return ""
    bitmap = page.render(scale=scale, grayscale=True)
    # A portable gray map: a header and the rows without their padding.
    pixels = memoryview(bitmap.buffer).cast("B")
    rows = (
        bytes(pixels[row * bitmap.stride : row * bitmap.stride + bitmap.width])
        for row in range(bitmap.height)
    )
    head = f"P5 {bitmap.width} {bitmap.height} 255\n".encode()
    return recognised(head + b"".join(rows))


def recognised(image: bytes) -> str:
    """What Tesseract reads in an image.

    Raises:
        CorruptFile: if it cannot read it.
    """
    languages = os.environ.get(LANGUAGES_VARIABLE, "eng")
    if not _LANGUAGES.fullmatch(languages):
        languages = "eng"
    command = [_PROGRAM, "stdin", "stdout", "-l", languages, "--dpi", str(_DPI)]
    done = subprocess.run(
        command,
        input=image,
        capture_output=True,
        check=False,
        env={**os.environ, "OMP_THREAD_LIMIT": "1"},
    )
    if done.returncode != 0:
        raise CorruptFile(
            "text recognition failed",
            value=f"{_PROGRAM} -l {languages} ended with {done.returncode}",
            next_step=f"Check the image, and that `{_PROGRAM} --list-langs` names the language.",
        )
    return done.stdout.decode("utf-8", errors="replace")


def missing() -> str:
    """The next step for a scan: what to install, or that recognition found nothing."""
    if is_installed():
        return "Text recognition found nothing either; check that the pages hold text."
    return _INSTALL


def _checked(data: bytes) -> str:
    """The media type of an image, by its header alone: no pixel is unpacked."""
    from PIL import Image, UnidentifiedImageError

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with Image.open(io.BytesIO(data)) as image:
                width, height = image.size
                media_type = Image.MIME.get(image.format or "", "image/x-unknown")
        except Image.DecompressionBombError as error:
            raise _too_many_pixels("over twice as many") from error
        except (UnidentifiedImageError, OSError, ValueError, SyntaxError) as error:
            raise CorruptFile(
                "the image cannot be read",
                next_step="Open it in an image viewer and save it again.",
            ) from error
    if width * height > MAX_PIXELS:
        raise _too_many_pixels(f"{width:,} x {height:,}")
    return media_type


def _too_many_pixels(size: str) -> FileTooLarge:
    return FileTooLarge(
        f"the image has more than {MAX_PIXELS:,} pixels",
        value=size,
        next_step="Scale it down, or cut it into pages.",
    )
