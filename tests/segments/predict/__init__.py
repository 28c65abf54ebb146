"""Scores that are learnt from exports."""
