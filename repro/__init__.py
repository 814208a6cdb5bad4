"""Published claims on adversarial examples, as executable tests."""

__version__ = "0.2.0"
