"""Exploration: Langevin dynamics that a gate watches, over MPI ranks."""
