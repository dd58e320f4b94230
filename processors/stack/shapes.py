"""What is done to geo shapes?  The processors that make them valid, and smaller.

A shape may be a GeoJSON geometry, a Feature, or JSON text of either; what a processor writes is a geometry.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from headwater.domain.types import is_geometry
from processors.stack.geojson import Geometry, geometry_of, positions_of
from processors.stack.outcomes import Outcome, Record
from processors.stack.processor import Apply, Category, ParameterKind, Processor, parameter, registered
from processors.stack.steps import failed, is_empty, mapped

MAX_TOLERANCE = 1e6  # in the unit of the shape, degrees as a rule


@registered("correct_geo_shape", Category.GEOGRAPHICAL, "Correct geo shape")
@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectGeoShape(Processor):
    """Makes a geo shape valid, in place: closes its rings, takes apart what crosses itself, drops heights."""

    geoshape_field: str = parameter("Geoshape field", kind=ParameterKind.FIELD)

    def outputs(self) -> tuple[str, ...]:
        return (self.geoshape_field,)

    def compiled(self) -> Apply:
        from processors.stack.repairing import repaired

        def correct(value: Any) -> Geometry | None:
            geometry = None if is_empty(value) else geometry_of(value)
            return repaired(geometry) if geometry is not None and positions_of(geometry) else None

        return mapped(self.geoshape_field, self.geoshape_field, correct)


@registered("simplify_geo_shape", Category.GEOGRAPHICAL, "Simplify geo shape")
@dataclass(frozen=True, slots=True, kw_only=True)
class SimplifyGeoShape(Processor):
    """Leaves out positions of a geo shape that are nearly on the line between others, in place.

    Its lines may cross afterwards. Without a field, the first one whose value is a GeoJSON shape other than a
    point.
    """

    tolerance: float = parameter(
        "Tolerance",
        kind=ParameterKind.NUMBER,
        low=0,
        high=MAX_TOLERANCE,
        help="In degrees: try 0.0001 first, then ten times as much, and so on.",
    )
    field: str = parameter("Field", kind=ParameterKind.FIELD, default="")

    def outputs(self) -> tuple[str, ...] | None:
        return (self.field,) if self.field else None

    def compiled(self) -> Apply:
        from processors.stack.geometry import simplified

        tolerance = self.tolerance

        def simplify(value: Any) -> Geometry | None:
            return None if is_empty(value) else simplified(geometry_of(value), tolerance)

        if self.field:
            return mapped(self.field, self.field, simplify)

        def apply(records: list[Record], _: list[int]) -> Sequence[Outcome]:
            outcomes: list[Any] = records
            for index, record in enumerate(records):
                name = next((name for name, value in record.items() if _is_shape(value)), None)
                if name is None:
                    continue
                try:
                    record[name] = simplify(record[name])
                except ValueError as error:
                    outcomes = list(records) if outcomes is records else outcomes
                    outcomes[index] = failed(record, name, error)
            return outcomes

        return apply


def _is_shape(value: Any) -> bool:
    if value.__class__ is not dict:
        return False
    shape: Mapping[str, Any] = value
    if shape.get("type") == "Feature":
        shape = shape.get("geometry") or {}
    return is_geometry(shape) and shape["type"] != "Point"
