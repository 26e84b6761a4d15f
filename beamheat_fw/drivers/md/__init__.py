"""The native molecular dynamics engine: batches of independent replicas, one batch an MPI rank.

A small system's step is all overhead, so each rank advances its replicas side by side in one batched
evaluation of the potential. Integrator (`integrators`), forces (`forces`), observables (`observables`),
checkpoints (`checkpoints`) and protocols (`protocols`) know nothing of each other's insides: another engine,
such as a spatially decomposed one, stands behind the same protocols.

Inside, everything is in ASE's units (eV, Å, amu, and the time unit Å sqrt(amu/eV) of 10.18 fs); fs and ps
stand at the surface.
"""
