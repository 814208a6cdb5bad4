"""What is measured for Goodfellow et al. (2015)."""

from repro.papers.goodfellow2015 import ensemble, line, maxout, regularised, shallow

EXPERIMENTS = (
    *shallow.EXPERIMENTS,
    *maxout.EXPERIMENTS,
    *line.EXPERIMENTS,
    *regularised.EXPERIMENTS,
    *ensemble.EXPERIMENTS,
)
