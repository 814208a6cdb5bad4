"""What a run found, as JSON, and every rendering of it."""
