"""What a population of independent trainings says of a claim: bands, tests and verdicts."""
