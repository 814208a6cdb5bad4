"""What is measured for Lacok (2016): the tables, and the grid of penalties."""

from repro.papers.lacok2016 import fgsm_tables, penalty_grid

EXPERIMENTS = (*fgsm_tables.EXPERIMENTS, *penalty_grid.EXPERIMENTS)
