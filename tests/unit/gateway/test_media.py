"""Is this body a table?"""

import pytest

from gateway.media import Kind, kind_of_body


@pytest.mark.parametrize(
    ("content_type", "kind"),
    [
        ("text/csv", Kind.TABLE),
        ("Text/CSV; charset=latin1", Kind.TABLE),
        ("application/x-ndjson", Kind.LINES),
        ("application/json", Kind.JSON),
        ("application/x-www-form-urlencoded", Kind.JSON),
        ("text/csv-schema", Kind.JSON),
        ("", Kind.JSON),
        (None, Kind.JSON),
    ],
)
def test_every_other_content_type_means_json(content_type, kind):
    """Clients send JSON under any type."""
    assert kind_of_body(content_type) is kind
