"""The spatially decomposed engine: one system whose atoms are shared out over the MPI ranks.

Each rank owns the atoms of one part of space (`bisection`, `share`), evaluates the potential on their edges
alone, and exchanges what its neighbours need: positions before, features within, forces after an evaluation
(`exchange`, `neighbourhood`, `part`, `forces`). Integrators, ledger and protocols are those of
`beamheat_fw.drivers.md`: a `Share` is a batch whose sums run over all ranks.

Who owns an atom decides only who works for it. Ownership may lag behind where atoms are without anything
being wrong, and atoms change hands between steps, when lists have grown old (`dynamics`).
"""
