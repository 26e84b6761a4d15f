"""Heating: two bodies at their own temperatures, then left alone or heated steadily, over MPI ranks."""
