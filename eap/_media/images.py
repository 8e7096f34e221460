"""Still images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from eap.errors import MediaError
from eap.files import atomic_write

_OPTIONS: dict[str, tuple[str, dict[str, int]]] = {
    ".png": ("PNG", {"compress_level": 6}),
    ".jpg": ("JPEG", {"quality": 95, "subsampling": 0}),
    ".jpeg": ("JPEG", {"quality": 95, "subsampling": 0}),
    ".webp": ("WEBP", {"quality": 95, "method": 4}),
}


def read_image(path: str | Path) -> NDArray[np.uint8]:
    """uint8 RGB (H, W, 3), upright by its EXIF tag; gray, palette, CMYK and 16-bit images are converted,
    transparency is laid over black. Raises MediaError: no such file, empty, not an image, damaged, too large."""
    from PIL import Image, ImageOps

    path = Path(path)
    try:
        if path.stat().st_size == 0:
            raise MediaError(f"{path}: is empty (0 bytes)", fix=_REPLACE)
        with Image.open(path) as opened:
            return _to_rgb(ImageOps.exif_transpose(opened))
    except FileNotFoundError as error:
        raise MediaError(f"{path}: no such file", fix="check the path") from error
    except IsADirectoryError as error:
        raise MediaError(f"{path}: is a folder, not an image", fix="name a file in it") from error
    except Image.DecompressionBombError as error:
        raise MediaError(f"{path}: image is too large", fix="scale it down") from error
    except (OSError, ValueError, SyntaxError, IndexError, TypeError) as error:
        raise MediaError(f"{path}: not an image, or damaged", fix=_REPLACE) from error


_REPLACE = "give a PNG, JPEG or WebP file"


def _to_rgb(image: object) -> NDArray[np.uint8]:
    """A Pillow image of any mode as uint8 RGB."""
    from PIL import Image

    if not isinstance(image, Image.Image):
        raise TypeError("not an image")
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        values = np.asarray(image).astype(np.float64)
        top = 65535.0 if image.mode != "F" or values.max(initial=0) > 255 else (255.0 if values.max() > 1 else 1.0)
        gray = np.clip(np.round(values * (255.0 / top)), 0, 255).astype(np.uint8)
        return np.repeat(gray[..., None], 3, axis=2)
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        rgba = image.convert("RGBA")
        black = Image.new("RGBA", rgba.size, (0, 0, 0, 255))
        image = Image.alpha_composite(black, rgba)
    return np.array(image.convert("RGB"), dtype=np.uint8)


def write_image(path: str | Path, image: NDArray[np.uint8]) -> None:
    """Write uint8 RGB (H, W, 3) or gray (H, W) as .png, .jpg or .webp, whole or not at all. Raises MediaError."""
    from PIL import Image

    path = Path(path)
    if path.suffix.lower() not in _OPTIONS:
        raise MediaError(f"{path}: cannot write {path.suffix or 'no'} images", fix=f"use {', '.join(_OPTIONS)}")
    gray, colour = image.ndim == 2, image.ndim == 3 and image.shape[2] == 3
    if image.dtype != np.uint8 or not (gray or colour) or not image.size:
        raise MediaError(f"{path}: image to write is {image.dtype} {image.shape}", fix="give uint8 (height, width, 3)")
    kind, options = _OPTIONS[path.suffix.lower()]
    try:
        with atomic_write(path) as handle:
            Image.fromarray(image).save(handle, format=kind, **options)
    except OSError as error:
        reason = error.strerror or str(error)
        raise MediaError(
            f"{path}: cannot be written ({reason})", fix="free disk space or choose another folder"
        ) from error
