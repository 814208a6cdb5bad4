"""Lacok (2016), "Adversarial Examples in Neural Networks"."""
