"""What is measured for Lacok (2016): tables, grid, what is open, and how others compare."""

from repro.papers.lacok2016 import compared, fgsm_tables, left_open, penalty_grid

EXPERIMENTS = (
    *fgsm_tables.EXPERIMENTS,
    *penalty_grid.EXPERIMENTS,
    *left_open.EXPERIMENTS,
    *compared.EXPERIMENTS,
)
