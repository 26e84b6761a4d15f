"""DFT labels: many structures in one set of MPI ranks, a recovery ladder, failures as results.

A labelling folder holds

- ``structures.extxyz``: the structures, each with ``info["label_id"]``;
- ``settings.json``: what a label means, a `GpawSettings` or `EmtSettings` dump;
- ``results/<label_id>.json``: a finished label, see `results.LabelResult`;
- ``logs/<label_id>.<attempt>.txt``: the code's own log of each attempt, ``logs/program.txt`` the program's;
- ``in_flight``: the label being calculated; ``earlier.json``: attempts that ended with their program.
"""
