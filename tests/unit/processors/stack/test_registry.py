"""The registry is the one list of processors; what it says is what people can save."""

import dataclasses

import pytest

from headwater.domain.errors import InvalidDocument
from processors.stack.processor import KINDS, Category, ParameterKind, parameters_of
from processors.stack.registry import kind_of, kinds

# The table of the reference (processors, section 2), by category.
GENERIC = """
    add_field copy_field deduplicate_multivalued_fields delete_record expand_json_array
    expand_multivalued_field expression meta_expression extract_bit_range extract_from_json file join_dataset
    json_array_to_multivalued skip_records transform_boolean_columns_to_multivalued_field transpose_fields
"""
DATE = "normalize_date set_timezone"
TEXT = """
    concatenate_text decode_html_entities extract_html extract_text extract_url normalize_unicode_values
    normalize_url string_replace replace_via_regexp split_text
"""
GEOGRAPHICAL = """
    geocode_with_arcgis geocode_with_ban geocode_with_census_bureau geocode_with_pdok nominatim_geocoder
    ip_address_to_geo_coordinates get_coordinates_from_3_word_address what3words geojoin
    retrieve_administrative_divisions geo_distance convert_degrees correct_geo_shape create_geopoint
    decode_google_polyline geohash_to_geojson geomasking normalize_projection_reference polygon_filtering
    simplify_geo_shape wkt_wkb_to_geojson
"""
TABLE = {
    Category.GENERIC: GENERIC.split(),
    Category.DATE: DATE.split(),
    Category.TEXT: TEXT.split(),
    Category.GEOGRAPHICAL: GEOGRAPHICAL.split(),
}
LEGACY = {
    "delete_record_by_id": "delete_record",
    "replace_text": "string_replace",
    "geocode_with_google": "geocode_with_google",
    "country_code_to_geo_coordinates": "geojoin",
    "insee_code_to_geo_coordinates": "geojoin",
    "zip_code_to_geo_coordinates": "geojoin",
    "well_known_text_to_geojson": "wkt_wkb_to_geojson",
}


def test_the_49_processors_are_offered():
    """Each once, under its published name and in its category."""
    offered = {category: {kind.type for kind in kinds() if kind.category is category} for category in TABLE}
    assert offered == {category: set(names) for category, names in TABLE.items()}
    assert len(kinds()) == 49


@pytest.mark.parametrize(("old", "new"), LEGACY.items())
def test_removed_names_are_understood(old, new):
    """What was exported elsewhere can be saved here."""
    assert kind_of(old).type == new


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.type)
def test_a_kind_says_what_people_need(kind):
    """Description, labels, and nothing but parameters in its dataclass."""
    assert kind.description.endswith(".")
    assert all(one.label for one in kind.parameters)
    assert len(dataclasses.fields(kind.processor)) == len(parameters_of(kind.processor))
    choices = [one for one in kind.parameters if one.kind is ParameterKind.CHOICE]
    assert all(one.choices for one in choices)


@pytest.mark.parametrize("name", ["no_such", None, 5, ["string_replace"]])
def test_what_is_no_kind_is_refused(name):
    """With the member to blame."""
    with pytest.raises(InvalidDocument) as refusal:
        kind_of(name)
    assert refusal.value.field == "type"
