"""What is measured for Popović & Mihajlović (2017): one module a kind of noise."""

from repro.papers.popovic2017 import shared_noise, single

EXPERIMENTS = (*single.EXPERIMENTS, *shared_noise.EXPERIMENTS)
