"""The fixtures of the claims' tests, and the report of their run."""

from repro.plugin.tests import *  # noqa: F403
