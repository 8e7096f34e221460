"""Bradley-Terry strengths with ties (Davidson 1970), intervals from crossed raters and clips (sandwich).

P(i over j) = p_i / (p_i + p_j + nu sqrt(p_i p_j)), P(tie) = nu sqrt(p_i p_j) / (same). Strengths are logs of p, centred
to mean 0, so that no method's interval carries another's. A method that beats all, or loses to all, has no finite
strength: the graph of wins must be strongly connected, else the result says which methods are in the way.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from user_study.statistics.crossed import Answers, Array, Codes, Estimate, interval

STEPS = 100


@dataclass(frozen=True)
class Strengths:
    """Log strengths, centred; `win_rate` is the chance to be preferred over a random other method (ties half)."""

    strength: tuple[Estimate, ...]
    win_rate: tuple[float, ...]
    nu: float
    note: str = ""


def bradley_terry(first: Codes, second: Codes, answers: Answers, methods: int) -> Strengths:
    """Fit by Newton's method. `answers.value` (N,): 1 `first` was chosen, 0 `second`, 0.5 no difference."""
    y = answers.value
    if len(y) == 0:
        return _refused(methods, answers, "nobody answered")
    if not np.isin(y, (0.0, 0.5, 1.0)).all() or (first == second).any():
        raise ValueError("answers must be 0, 0.5 or 1, between two different methods")
    why = _obstacle(first, second, y, methods)
    if why:
        return _refused(methods, answers, why)
    ties = bool((y == 0.5).any())
    theta, eta = np.zeros(methods), math.log(0.5) if ties else -math.inf
    for _ in range(STEPS):
        gradient, hessian = _derivatives(first, second, y, theta, eta, ties)
        step = np.linalg.solve(hessian + _centring(methods, ties), gradient.sum(axis=0))
        step *= min(1.0, 2.0 / max(float(np.abs(step).max()), 1e-12))
        theta = theta + step[:methods]
        theta -= theta.mean()
        eta = eta + float(step[methods]) if ties else eta
        if np.abs(step).max() < 1e-10:
            break
    gradient, hessian = _derivatives(first, second, y, theta, eta, ties)
    influence: Array = np.linalg.solve(hessian + _centring(methods, ties), gradient.T).T[:, :methods].astype(np.float64)
    influence -= influence.mean(axis=1, keepdims=True)
    strength = tuple(interval(float(theta[m]), influence[:, m], answers) for m in range(methods))
    nu = math.exp(eta) if ties else 0.0
    return Strengths(strength, _win_rates(theta, nu), nu)


def _probabilities(difference: Array, eta: float) -> tuple[Array, Array, Array]:
    """P(first), P(tie), P(second) for log strengths that differ by `difference` (N,)."""
    logits = np.stack([difference / 2, np.full_like(difference, eta), -difference / 2])
    exp = np.exp(logits - logits.max(axis=0))
    first, tie, second = exp / exp.sum(axis=0)
    return first, tie, second


def _derivatives(first: Codes, second: Codes, y: Array, theta: Array, eta: float, ties: bool) -> tuple[Array, Array]:
    """(N, P) score of each answer and (P, P) information, P = methods (+ 1 for ties)."""
    n, methods = len(y), len(theta)
    p_first, p_tie, p_second = _probabilities(theta[first] - theta[second], eta)
    slope = (y - 0.5) - (p_first - p_second) / 2
    size = methods + ties
    score = np.zeros((n, size))
    rows = np.arange(n)
    score[rows, first] += slope
    score[rows, second] -= slope
    bend = (p_first + p_second) / 4 - ((p_first - p_second) / 2) ** 2
    design = np.zeros((n, methods))
    design[rows, first], design[rows, second] = 1.0, -1.0
    information = np.zeros((size, size))
    information[:methods, :methods] = (design * bend[:, None]).T @ design
    if ties:
        score[:, methods] = (y == 0.5) - p_tie
        information[methods, methods] = float((p_tie * (1 - p_tie)).sum())
        mixed = design.T @ (-(p_first - p_second) / 2 * p_tie)
        information[:methods, methods] = information[methods, :methods] = mixed
    return score, information


def _centring(methods: int, ties: bool) -> Array:
    """Makes the information regular: the sum of the strengths is not told by any answer."""
    block = np.zeros((methods + ties, methods + ties))
    block[:methods, :methods] = 1.0
    return block


def _win_rates(theta: Array, nu: float) -> tuple[float, ...]:
    eta = math.log(nu) if nu > 0 else -math.inf
    first, tie, _ = _probabilities((theta[:, None] - theta[None, :]).ravel(), eta)
    table = (first + tie / 2).reshape(len(theta), len(theta))
    return tuple(float(np.delete(table[m], m).mean()) for m in range(len(theta)))


def _obstacle(first: Codes, second: Codes, y: Array, methods: int) -> str:
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    winners = np.concatenate([first[y >= 0.5], second[y <= 0.5]])
    losers = np.concatenate([second[y >= 0.5], first[y <= 0.5]])
    graph = coo_array((np.ones(len(winners)), (winners, losers)), shape=(methods, methods)).tocsr()
    count, label = connected_components(graph, connection="strong")
    if count == 1:
        return ""
    alone = [m for m in range(methods) if (label == label[m]).sum() == 1]
    never = [m for m in alone if not (winners == m).any() and (losers == m).any()]
    always = [m for m in alone if not (losers == m).any() and (winners == m).any()]
    if always or never:
        return f"some methods won or lost every comparison ({len(always)} won all, {len(never)} lost all)"
    return "the comparisons do not connect all methods both ways"


def _refused(methods: int, answers: Answers, why: str) -> Strengths:
    nan = math.nan
    note = f"no finite strengths: {why}; ask for more comparisons"
    none = Estimate(nan, nan, nan, nan, nan, len(answers), 0, 0, note)
    return Strengths((none,) * methods, (nan,) * methods, nan, note)
