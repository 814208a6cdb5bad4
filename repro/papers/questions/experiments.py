"""What is measured for the open questions."""

from repro.papers.questions import noise, other_networks

EXPERIMENTS = (*noise.EXPERIMENTS, *other_networks.EXPERIMENTS)
