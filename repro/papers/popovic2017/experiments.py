"""What is measured for Popović & Mihajlović (2017): one module a kind of noise."""

from repro.papers.popovic2017 import per_class, per_image

EXPERIMENTS = (*per_image.EXPERIMENTS, *per_class.EXPERIMENTS)
