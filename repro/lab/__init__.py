"""What is done to networks: data, models, training, attacks, metrics, store."""
