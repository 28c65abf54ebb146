"""Scores that are learnt from the exports: the chance to buy, the risk to leave, the value to expect.

Owns: what is learnt, from which moment of the past, how it is tested on a later one, and that a score which does not
beat the naive rule is refused. Must not: read files, know platforms, or learn from values that the past did not know.

numpy, scipy and scikit-learn are the extra `predict`; they are imported where they are used.
"""
