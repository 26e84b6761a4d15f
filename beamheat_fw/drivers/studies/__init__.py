"""Studies of the reference calculator, before labels are spent: convergence of settings, binding curves.

A study is a set of calculations in a folder of its own, one labelling folder for each set of settings. The
database is neither read nor written: what is calculated here never becomes a label to train on.
"""
