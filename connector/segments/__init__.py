"""Segments and traits over loaded exports. Import evaluate.py and names.py inside a verb: they bring the engine."""
