"""The template: landmarks, triangles, holes."""

import numpy as np

from eap.synth.mesh import template
from eap.synth.surface import distance_to_line, in_polygon


def test_template_is_a_sound_mesh() -> None:
    t = template()
    n = len(t.x)
    assert t.landmarks.shape == (68,)
    assert len(set(t.landmarks.tolist())) == 68
    assert t.triangles.min() == 0
    assert t.triangles.max() == n - 1
    e1 = t.domain[t.triangles[:, 1]] - t.domain[t.triangles[:, 0]]
    e2 = t.domain[t.triangles[:, 2]] - t.domain[t.triangles[:, 0]]
    assert (e1[:, 0] * e2[:, 1] - e1[:, 1] * e2[:, 0] > 0).all()


def test_eyes_and_mouth_are_holes() -> None:
    t = template()
    for loop in (t.landmarks[36:42], t.landmarks[42:48], t.landmarks[60:68]):
        middle = t.domain[loop].mean(0, keepdims=True)
        inside = [in_polygon(middle, t.domain[tri])[0] for tri in t.triangles]
        assert not any(inside)


def test_contour_weights_are_barycentric() -> None:
    t = template()
    np.testing.assert_allclose(t.contour_weights.sum(-1), 1, atol=1e-5)
    assert t.contour_weights.min() >= 0
    np.testing.assert_allclose(np.hypot(*t.contour_direction.T), 1, atol=1e-5)


def test_lip_and_lid_edges_pair_up() -> None:
    t = template()
    for a, b in [*zip(t.upper_rings, t.lower_rings, strict=True), t.lid_edges]:
        np.testing.assert_allclose(t.x[a], t.x[b], atol=1e-9)
        assert (t.y[a] > t.y[b]).all()


def test_in_polygon_by_hand() -> None:
    square = np.array([[0, 0], [2, 0], [2, 2], [0, 2.0]])
    points = np.array([[1, 1], [3, 1], [-1, 1], [1, 3], [0.1, 1.9]])
    assert in_polygon(points, square).tolist() == [True, False, False, False, True]


def test_distance_to_line_by_hand() -> None:
    x, y = np.array([0.0, 3.0, 1.0]), np.array([2.0, 0.0, 0.0])
    np.testing.assert_allclose(distance_to_line(x, y, np.array([[0.0, 0.0], [2.0, 0.0]])), [2, 1, 0])
