"""What is said of measurements: claim records, populations, verdicts, reports."""
