"""The LAMMPS engine: the same protocols, by ``lmp`` over MPI with a pair style of the campaign's choice.

What differs from the native engines: temperatures count 3N - 3 motions of the particle (its turning is among
them), the committee does not audit the run, and a restart goes on with other random numbers.
"""
