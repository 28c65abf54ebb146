"""Guards: what of a plan needs a word from a person first.

Owns: counting what a plan would do (counts.py, fields.py), what each guard makes of it (rules.py), and that all of
them look at every part (judge.py). Must not: change a plan, or know who overrides a guard.
"""
