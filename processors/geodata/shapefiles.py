"""What is in a shapefile?  Its attributes and its geometries, each on its own."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import shapefile
from shapely.geometry import shape

from processors.geodata.areas import Geometries


def attributes(path: Path) -> Iterator[Mapping[str, Any]]:
    """Yield the attributes of each shape in order."""
    with shapefile.Reader(str(path), encoding="utf-8") as reader:
        for record in reader.iterRecords():
            yield record.as_dict()


def geometries(path: Path) -> Geometries:
    """Return the geometries in the same order; one shape at a time is held as Python objects."""
    with shapefile.Reader(str(path), encoding="utf-8") as reader:
        found = [shape(one.__geo_interface__) for one in reader.iterShapes()]
    return np.array(found, dtype=object)
