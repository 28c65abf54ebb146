"""Measurements of the whole path. Not tests: they print figures and judge nothing. Run them with `make bench`."""
