"""Popović & Mihajlović (2017), "Common adversarial noise for fooling a neural network"."""
