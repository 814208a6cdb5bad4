"""Measuring on this machine: one live run, or many seeds for the evidence."""
