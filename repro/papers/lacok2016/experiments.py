"""What is measured for Lacok (2016): the tables, and the grid of penalties."""

from repro.papers.lacok2016 import grid, tables

EXPERIMENTS = (*tables.EXPERIMENTS, *grid.EXPERIMENTS)
