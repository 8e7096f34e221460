"""Pieces of a head as they are put together: meshes with a texture in one atlas."""

from dataclasses import dataclass

import numpy as np

from eap.synth.surface import Array

ATLAS_WIDTH = 512
_COLUMN = 352  # the face's texture fills the atlas up to here


class Layer:
    """Painter's order: a higher layer covers a lower one; within a layer depth decides.

    A thousandth is a head start of .033 in depth: side hair lies over the skin beneath it, yet passes behind the nose
    when the head turns.
    """

    BUN = 0.0
    HAIR_CURTAIN = 1.0
    NECK = 4.0
    HAIR_BEHIND = 5.0
    TORSO = 6.0
    SOCKET = 49.982
    CAVITY = 49.984  # what shows through the holes of the face: behind it, yet before the far side's hair
    TONGUE = 49.9865
    LOWER_TEETH = 49.987
    UPPER_TEETH = 49.989
    EYEBALL = 49.990
    GLINT = 49.993
    FACE = 50.0  # also ears and the temples of glasses, which pass before and behind it as the head turns
    LOCKS = 50.003
    SIDE_HAIR = 50.004
    HAIR = 60.0
    STRANDS = 61.0
    GLASSES = 70.0


@dataclass(frozen=True)
class Part:
    """One mesh.

    vertices (n,3); triangles (m,3), counter-clockwise seen from outside; uv (n,2) in 0..1 of the image (h,w,3);
    occlusion (n,); shine (n,); two_sided: no back-face culling; fixed: light that replaces shading (None: shaded);
    follows_head: turns with the head.
    """

    name: str
    vertices: Array
    triangles: Array
    uv: Array
    image: Array
    layer: float
    occlusion: Array
    shine: Array | float = 0.0
    two_sided: bool = False
    fixed: float | None = None
    follows_head: bool = True


class Atlas:
    """All textures of one identity in one image, so that a texel has one flat index."""

    def __init__(self, height: int) -> None:
        self.image = np.zeros((height, ATLAS_WIDTH, 3), np.float32)
        self._next = 0
        self._known: dict[int, tuple[int, int]] = {}

    def place(self, image: Array) -> tuple[int, int]:
        """Column and row of the image in the atlas; the same array is stored once."""
        if id(image) in self._known:
            return self._known[id(image)]
        h, w = image.shape[:2]
        if w == _COLUMN:
            at = (0, 0)
        else:
            at = (_COLUMN, self._next)
            self._next += h
            if self._next > len(self.image) or _COLUMN + w > ATLAS_WIDTH:
                raise ValueError(f"texture {h}x{w} does not fit the atlas")
        self.image[at[1] : at[1] + h, at[0] : at[0] + w] = image
        self._known[id(image)] = at
        return at


def grid_triangles(rows: int, columns: int, flip: bool = False) -> Array:
    """Two triangles per cell of a rows x columns vertex grid."""
    i = np.arange(rows * columns).reshape(rows, columns)
    q = np.stack([i[:-1, :-1], i[1:, :-1], i[1:, 1:], i[:-1, 1:]], -1).reshape(-1, 4)
    triangles = np.concatenate([q[:, [0, 1, 2]], q[:, [0, 2, 3]]])
    return triangles[:, ::-1] if flip else triangles


def fan_triangles(n: int) -> Array:
    """A disc: vertex 0 in the middle, 1..n round it."""
    return np.array([[0, i + 1, (i + 1) % n + 1] for i in range(n)])


def grid_uv(rows: int, columns: int) -> Array:
    """u along columns, v along rows."""
    u, v = np.meshgrid(np.linspace(0, 1, columns), np.linspace(0, 1, rows))
    return np.stack([u.ravel(), v.ravel()], 1)


def plain(colour: Array) -> Array:
    """A small texture of one colour."""
    return np.clip(np.ones((4, 4, 3)) * colour, 0, 1).astype(np.float32)
