"""Do the metrics measure what they say? Graded damage to clips with known truth, and what every metric makes of it.

`damages` is the catalogue, written before anything is measured; `stage` plays and draws the clips of the embedded
world; `trial` measures one clip under every damage; `judge` asks of each metric whether it follows the damage it
declares (`MetricSpec.sees`), how little of it is enough, and what else moves it; `study` runs all of it.
"""

from __future__ import annotations
