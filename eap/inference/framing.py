"""Where the face is in a picture, and putting a made face back into it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from eap.data.faces import FaceCrop, crop_face, cut_square
from eap.errors import DataError, MediaError
from eap.media import read_image

FEATHER = 0.12
"""Width of the seam, in sides of the crop: from the untouched picture at its edge to the made face within."""
SMALLEST = 16
"""Pixels on the shorter side below which a picture is refused."""

Image = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Portrait:
    """A picture (H,W,3) uint8 and the square of it that the model is shown.

    box: left, top and side in pixels; it may reach beyond the picture. crop: its content, edge pixels continued. face:
    what was found and taken, None where the picture was taken as it is.
    """

    picture: Image
    box: tuple[int, int, int]
    crop: Image
    face: FaceCrop | None = None

    def paste(self, made: Image) -> Image:
        """The picture with a made face (S,S,3) of any size in its place; outside the box not a bit is changed.

        The seam is feathered where the picture goes on beyond the box. The made face is enlarged bicubically.
        """
        import cv2

        left, top, side = self.box
        how = cv2.INTER_AREA if made.shape[0] > side else cv2.INTER_CUBIC
        face = made if made.shape[0] == side else cv2.resize(made, (side, side), interpolation=how)
        rows, columns = self._inside
        out = self.picture.copy()
        old = out[rows, columns].astype(np.float32)
        new = face[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
        out[rows, columns] = np.rint(old + self._mask * (new - old)).astype(np.uint8)
        return out

    @property
    def _inside(self) -> tuple[slice, slice]:
        """Rows and columns of the picture that the box covers."""
        left, top, side = self.box
        height, width = self.picture.shape[:2]
        return slice(max(top, 0), min(top + side, height)), slice(max(left, 0), min(left + side, width))

    @cached_property
    def _mask(self) -> NDArray[np.float32]:
        """(h,w,1) share of the made face in each pixel of the covered part."""
        left, top, side = self.box
        height, width = self.picture.shape[:2]
        rows, columns = self._inside
        down = _ramp(side, top > 0, top + side < height)[rows.start - top : rows.stop - top]
        across = _ramp(side, left > 0, left + side < width)[columns.start - left : columns.stop - left]
        return np.outer(down, across).astype(np.float32)[..., None]


def _ramp(side: int, fade_in: bool, fade_out: bool) -> NDArray[np.float64]:
    """(side,) from 0 to 1 and back over `FEATHER` of the side, smooth at both ends (3x^2 - 2x^3)."""
    at = (np.arange(side) + 0.5) / (FEATHER * side)
    rising = np.clip(at, 0, 1) if fade_in else np.ones(side)
    falling = np.clip(at[::-1], 0, 1) if fade_out else np.ones(side)
    nearest = np.minimum(rising, falling)
    ramp: NDArray[np.float64] = nearest * nearest * (3 - 2 * nearest)
    return ramp


def portrait_of(
    image: Image | str | Path | Portrait, *, crop: bool | None = None, which: int = 1, longest: int | None = None
) -> Portrait:
    """The square to show to the model, of an array (H,W,3) uint8 or an image file; a `Portrait` is given back.

    With ``crop`` the face number ``which`` is found (1 is the largest) and framed as the model knows faces; without it
    the centre square is taken. None: crop files, take arrays as they are, as crops already made. ``longest``: pictures
    with a longer side are made smaller first. Raises MediaError for files that cannot be read and pictures under 16
    pixels, DataError for arrays of another shape and where no face is found.
    """
    if isinstance(image, Portrait):
        return image
    name = str(image) if isinstance(image, str | Path) else "image"
    picture = read_image(image) if isinstance(image, str | Path) else checked_picture(image)
    if longest is not None:
        picture = within(picture, longest)
    height, width = picture.shape[:2]
    if min(height, width) < SMALLEST:
        raise MediaError(f"{name}: {width} x {height} pixels, too small for a face", fix="give a larger image")
    if crop if crop is not None else isinstance(image, str | Path):
        found = crop_face(picture, name, which)
        return Portrait(picture, found.box, found.image, found)
    side = min(height, width)
    box = ((width - side) // 2, (height - side) // 2, side)
    return Portrait(picture, box, cut_square(picture, box))


def checked_picture(image: Image) -> Image:
    """An RGB array of at least 16 x 16 pixels. Raises DataError for anything else."""
    picture = np.asarray(image)
    if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8 or min(picture.shape[:2]) < SMALLEST:
        raise DataError(
            f"image of shape {picture.shape} and type {picture.dtype}",
            fix=f"give RGB (height, width, 3) uint8 of at least {SMALLEST} x {SMALLEST} pixels",
        )
    return picture


def within(picture: Image, longest: int) -> Image:
    """The picture, made smaller where a side is longer than ``longest`` pixels (area averages)."""
    height, width = picture.shape[:2]
    scale = longest / max(height, width)
    if scale >= 1:
        return picture
    import cv2

    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
