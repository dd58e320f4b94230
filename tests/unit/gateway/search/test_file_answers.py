"""How is a stranger's file served?"""

import pytest
from aiohttp.test_utils import make_mocked_request

from gateway.search.file_answers import file_answer, is_known_already
from headwater.runtime.files import KeptFile


def served(mimetype, **options):
    """Return the answer for a file of this type."""
    kept = KeptFile(b"bytes", {"mimetype": mimetype, "filename": 'a "b"\r\n.x'})
    return file_answer(kept, etag="e", **{"public": True, "download": False, **options})


@pytest.mark.parametrize(
    "mimetype", ["text/html", "image/svg+xml", "application/xhtml+xml", "text/javascript", "application/pdf"]
)
def test_what_could_run_is_only_saved(mimetype):
    """HTML, SVG and scripts are attachments, in a sandbox, with no guessing of types."""
    headers = served(mimetype).headers

    assert headers["Content-Disposition"].startswith("attachment;")
    assert headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_an_image_is_shown_unless_it_is_downloaded():
    """The path with /download/ asks for saving."""
    assert served("image/png").headers["Content-Disposition"].startswith("inline;")
    assert served("image/png", download=True).headers["Content-Disposition"].startswith("attachment;")


def test_names_cannot_break_headers():
    """Quotes and line ends of a name are escaped."""
    header = served("image/png").headers["Content-Disposition"]

    assert header == "inline; filename*=UTF-8''a%20%22b%22%0D%0A.x"


def test_restricted_files_are_not_for_shared_caches():
    """A proxy must not hand on what only a key may read."""
    assert served("image/png", public=False).headers["Cache-Control"].startswith("private")


def test_a_caller_that_has_it_is_told_so():
    """Any of several tags, weak ones too."""
    request = make_mocked_request("GET", "/", headers={"If-None-Match": 'W/"x", "e"'})

    assert is_known_already(request, "e")
    assert not is_known_already(request, "f")
