"""segments.yaml: read strictly, every problem with file, line and column, or one typed value.

Owns: the sections, the language of rules, what is refused before anything runs. Must not: open an export, know
a platform beyond its facts in connector/vendors.
"""
