"""Near a point: the great circle between two places on a sphere.

Owns: Near. Must not: know where a place comes from.
"""

from __future__ import annotations

import math
from typing import Any

import ibis

from connector.config.language.rules import Near
from connector.segments.compile.frame import Column, Frame

EARTH = 6371.0088  # mean radius in kilometres (IUGG)


def build(frame: Frame, column: Column, node: Near) -> Any:
    """Within so many kilometres, the line included; unknown where a coordinate is missing."""
    if column.empty:
        return frame.test("never", ibis.literal(False))
    distance = _distance(column.value["latitude"], column.value["longitude"], node.latitude, node.longitude)
    key = ("near", column.field, node.latitude, node.longitude, node.kilometres)
    return frame.test(key, distance <= node.kilometres)


def _distance(latitude: Any, longitude: Any, there_latitude: float, there_longitude: float) -> Any:
    """Haversine, which is exact for near points too."""
    north = ((latitude - there_latitude).radians() / 2).sin()
    east = ((longitude - there_longitude).radians() / 2).sin()
    square = north * north + latitude.radians().cos() * math.cos(math.radians(there_latitude)) * east * east
    chord = (square > 1).ifelse(1.0, square).sqrt()  # rounding may lead past 1; a missing one must stay missing
    return chord.asin() * (2 * EARTH)
