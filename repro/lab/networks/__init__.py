"""The papers' networks: recipes, training, and where the weights are kept."""
