"""What is measured for Lacok (2016): the tables, the grid of penalties, and what is left open."""

from repro.papers.lacok2016 import fgsm_tables, left_open, penalty_grid

EXPERIMENTS = (*fgsm_tables.EXPERIMENTS, *penalty_grid.EXPERIMENTS, *left_open.EXPERIMENTS)
