"""Train, load and evaluate committees of NequIP models."""
