"""What does this value say?  Field types, and how values of each are read and spelt."""

from enum import StrEnum


class FieldType(StrEnum):
    """The types a field can have (reference: fields, section 1); the value is the API's name."""

    BOOLEAN = "boolean"
    INT = "int"
    DOUBLE = "double"
    DATE = "date"
    DATETIME = "datetime"
    TEXT = "text"
    GEO_POINT = "geo_point_2d"
    GEO_SHAPE = "geo_shape"
    FILE = "file"
    JSON = "json_blob"
