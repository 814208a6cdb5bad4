"""What the papers claim, as data: the records of ``claims.toml`` and how to choose among them."""
