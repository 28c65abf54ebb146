"""A rehearsal process for the vendors' clients."""

from tests.rehearsal.conftest import process, rehearsal

__all__ = ["process", "rehearsal"]
