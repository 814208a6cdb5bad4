"""MNIST: where it is found, and how it is checked."""
