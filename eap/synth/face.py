"""The face of the embedded world: a person by number, drawn in any pose with exact landmarks."""

from collections.abc import Mapping
from functools import lru_cache

import numpy as np

from eap.synth.action_units import AU_NAMES
from eap.synth.identity import Background, Identity, Light, sample_background, sample_identity, sample_light
from eap.synth.renderer import Renderer
from eap.synth.rig import Pose, landmarks, landmarks_track, posed
from eap.synth.scene import Scene, build_scene
from eap.synth.surface import Array

__all__ = ["AU_NAMES", "Background", "Face", "Identity", "Light", "build_face", "sample_background", "sample_light"]

Head = tuple[float, float, float]
Pair = tuple[float, float]


class Face:
    """One person, ready to be drawn. Not safe to share between threads (scratch memory).

    Arguments of `draw`, `render` and `landmarks`: acts = activation by name (AU_NAMES; unknown names raise KeyError);
    head = (yaw, pitch, roll) and gaze = (yaw, pitch) in radians, the camera view already included (positive yaw turns
    to the image's right, positive pitch looks down); shift (x, y) in head units (the picture is about 2.4 high); tongue
    0..1; size in pixels. Safe up to a yaw of about +-35 degrees. Landmarks are iBUG-68; pixel i covers [i, i + 1).
    """

    def __init__(self, who: Identity, light: Light, background: Background, scene: Scene | None = None) -> None:
        self.identity = who
        self.scene = build_scene(who) if scene is None else scene
        self._renderer = Renderer(self.scene, light, background)

    def draw(
        self,
        acts: dict[str, float],
        head: Head = (0.0, 0.0, 0.0),
        gaze: Pair = (0.0, 0.0),
        shift: Pair = (0.0, 0.0),
        tongue: float = 0.0,
        size: int = 128,
        supersample: int = 2,
    ) -> tuple[Array, Array]:
        """The picture (size, size, 3) uint8 and its landmarks (68, 2) float32 in pixels."""
        v = posed(self.scene, Pose(acts, head, gaze, shift, tongue))
        return self._renderer.draw(v, acts, size, supersample), landmarks(self.scene, v, head[2], size)

    def render(
        self,
        acts: dict[str, float],
        head: Head = (0.0, 0.0, 0.0),
        gaze: Pair = (0.0, 0.0),
        shift: Pair = (0.0, 0.0),
        tongue: float = 0.0,
        size: int = 128,
        supersample: int = 2,
    ) -> Array:
        """The picture alone."""
        v = posed(self.scene, Pose(acts, head, gaze, shift, tongue))
        return self._renderer.draw(v, acts, size, supersample)

    def landmarks(
        self,
        acts: dict[str, float],
        head: Head = (0.0, 0.0, 0.0),
        gaze: Pair = (0.0, 0.0),
        shift: Pair = (0.0, 0.0),
        tongue: float = 0.0,
        size: int = 128,
    ) -> Array:
        """The landmarks alone (about a fifth of a millisecond)."""
        v = posed(self.scene, Pose(acts, head, gaze, shift, tongue))
        return landmarks(self.scene, v, head[2], size)

    def landmarks_track(
        self, units: Mapping[str, Array], head: Array, shift: Array | None = None, size: int = 128
    ) -> Array:
        """Landmarks (T, 68, 2) of T frames at once, several times faster than frame by frame.

        units: activations (T,) by name; head (T, 3) radians; shift (T, 2) or None. Equal to `landmarks` but for
        float32 rounding (gaze and tongue move no landmark).
        """
        moved = np.zeros((len(head), 2), np.float32) if shift is None else shift
        return landmarks_track(self.scene, units, head, moved, size)


@lru_cache(maxsize=12)
def _scene(identity: int) -> Scene:
    return build_scene(sample_identity(identity))


def build_face(
    identity: int, variant_seed: int = 0, light: Light | None = None, background: Background | None = None
) -> Face:
    """The person with this number. Looks follow from the number alone.

    variant_seed > 0 draws another light and background for the same person; `light` and `background` override them.
    The same person in another light shares the scene already built. Raises ValueError for a negative number.
    """
    who = sample_identity(identity)
    if variant_seed:
        r = np.random.default_rng([identity, variant_seed, 3])
        varied = (sample_light(r), sample_background(r))
    else:
        varied = (who.light, who.background)
    return Face(who, light or varied[0], background or varied[1], _scene(identity))
