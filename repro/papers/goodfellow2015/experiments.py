"""What is measured for Goodfellow et al. (2015)."""

from repro.papers.goodfellow2015 import maxout, regularised, shallow

EXPERIMENTS = (*shallow.EXPERIMENTS, *maxout.EXPERIMENTS, *regularised.EXPERIMENTS)
