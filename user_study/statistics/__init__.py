"""Statistics of a user study: each from an oracle, a hand-worked number and an invariance; one file per statistic."""
