"""How does a physical column read as a field's type?"""

from collections.abc import Mapping

from headwater.domain.tables import CLICKHOUSE_TYPES
from headwater.domain.types import FieldType
from headwater.runtime.sql.statements import quoted
from headwater.runtime.store import ReadField

_GEO_POINT = CLICKHOUSE_TYPES[FieldType.GEO_POINT]
NO_POINT = f"CAST((NULL, NULL), '{_GEO_POINT}')"


def value_of(field: ReadField) -> str:
    """Return the expression for a field: the first of its columns that is not null, as the field's type."""
    values = [_converted(column, field.type) for column in field.columns]
    if field.type is FieldType.GEO_POINT:
        return _first_point(values)
    if not values:
        return "NULL"
    return values[0] if len(values) == 1 else f"coalesce({', '.join(values)})"


def _first_point(points: list[str]) -> str:
    """Tuples cannot be null, so the first point that has a latitude is taken by hand."""
    expression = NO_POINT
    for point in reversed(points):
        expression = f"if(isNotNull(tupleElement({point}, 1)), {point}, {expression})"
    return expression


# How a value of one type reads as another; {0} is the column. What is not listed reads as null.
_TEXT_TO_MOMENT = (  # 1/2/2014 has the month first, as domain/types.py reads it, unless it cannot be one
    "coalesce(parseDateTime64BestEffortUSOrNull({0}, 6, 'UTC'), "
    "parseDateTime64BestEffortOrNull({0}, 6, 'UTC'))"
)
_COMPACT = "replaceOne(replaceAll(replaceAll({0}, ' ', ''), '\u00a0', ''), ',', '.')"
_TEXT_TO_DOUBLE = f"toFloat64OrNull({_COMPACT})"
_TEXT_TO_INT = f"coalesce(toInt64OrNull({_COMPACT}), accurateCastOrNull(trunc({_TEXT_TO_DOUBLE}), 'Int64'))"
_TEXT_TO_BOOLEAN = (
    "multiIf(lower(trimBoth({0})) IN ('true', '1', 'yes'), true, "
    "lower(trimBoth({0})) IN ('false', '0', 'no'), false, NULL)"
)
_NUMBER_TO_BOOLEAN = "multiIf({0} = 1, true, {0} = 0, false, NULL)"
_TEXT_TO_POINT = (
    "CAST((toFloat64OrNull(trimBoth(splitByChar(',', ifNull({0}, ''))[1])), "
    f"toFloat64OrNull(trimBoth(splitByChar(',', ifNull({{0}}, ''))[2]))), '{_GEO_POINT}')"
)
_MOMENT_TO_TEXT = (
    "replaceOne(replaceOne(concat(toString({0}), '+00:00'), '.000000+', '+'), ' ', 'T')"  # ISO 8601
)
_POINT_TO_TEXT = "concat(toString(tupleElement({0}, 1)), ',', toString(tupleElement({0}, 2)))"
_IF_JSON = "if(isValidJSON({0}), {0}, NULL)"

_T = FieldType
_CONVERSIONS: Mapping[tuple[FieldType, FieldType], str] = {
    (_T.BOOLEAN, _T.INT): "toInt64({0})",
    (_T.BOOLEAN, _T.DOUBLE): "toFloat64({0})",
    (_T.INT, _T.DOUBLE): "toFloat64({0})",
    (_T.INT, _T.BOOLEAN): _NUMBER_TO_BOOLEAN,
    (_T.DOUBLE, _T.INT): "accurateCastOrNull(trunc({0}), 'Int64')",
    (_T.DOUBLE, _T.BOOLEAN): _NUMBER_TO_BOOLEAN,
    (_T.DATE, _T.DATETIME): "toDateTime64({0}, 6, 'UTC')",
    (_T.DATETIME, _T.DATE): "toDate32({0})",
    (_T.TEXT, _T.INT): _TEXT_TO_INT,
    (_T.TEXT, _T.DOUBLE): _TEXT_TO_DOUBLE,
    (_T.TEXT, _T.BOOLEAN): _TEXT_TO_BOOLEAN,
    (_T.TEXT, _T.DATE): f"toDate32({_TEXT_TO_MOMENT})",
    (_T.TEXT, _T.DATETIME): _TEXT_TO_MOMENT,
    (_T.TEXT, _T.GEO_POINT): _TEXT_TO_POINT,
    (_T.TEXT, _T.GEO_SHAPE): _IF_JSON,
    (_T.TEXT, _T.FILE): _IF_JSON,
    (_T.DATETIME, _T.TEXT): _MOMENT_TO_TEXT,
    (_T.GEO_POINT, _T.TEXT): _POINT_TO_TEXT,
    (_T.GEO_SHAPE, _T.TEXT): "{0}",
    (_T.FILE, _T.TEXT): "{0}",
    (_T.JSON, _T.TEXT): "{0}",
    (_T.GEO_SHAPE, _T.JSON): "{0}",
    (_T.FILE, _T.JSON): "{0}",
    (_T.JSON, _T.GEO_SHAPE): "{0}",
    (_T.JSON, _T.FILE): "{0}",
}
_BY_SUFFIX: Mapping[str, FieldType] = {kind.value: kind for kind in FieldType}
_TO_TEXT, _TO_JSON = "toString({0})", "if(isNull({0}), NULL, toJSONString({0}))"


def _converted(column: str, wanted: FieldType) -> str:
    """Return the expression that reads a physical column (`name:type`) as another type."""
    stored = stored_type(column)
    source = quoted(column)
    if stored in (None, wanted):
        return source
    template = _CONVERSIONS.get((stored, wanted))
    if template is None and wanted is FieldType.TEXT:
        template = _TO_TEXT
    if template is None and wanted is FieldType.JSON and stored is not FieldType.GEO_POINT:
        template = _TO_JSON
    if template is None:
        return NO_POINT if wanted is FieldType.GEO_POINT else "NULL"
    return template.replace("{0}", source)


def stored_type(column: str) -> FieldType | None:
    """Return the type that a physical column's name ends with; None for a column that names none."""
    return _BY_SUFFIX.get(column.rpartition(":")[2]) if ":" in column else None


def nothing_in(column: str) -> str:
    """Return what a physical column holds where there is no value; tuples cannot be null."""
    return NO_POINT if stored_type(column) is FieldType.GEO_POINT else "NULL"
