"""What is a pushed file once its bytes are kept elsewhere?  Its description, in the record's place for it.

Source: reference, push, section 13; fields, section 1 (file).
"""

from typing import Any


class StoredFile(dict[str, Any]):
    """The description of a file whose bytes are in the object store.

    Members: `id` (SHA-1 of the content), `filename`, `format`, `mimetype`, `size`; of an image also `width`,
    `height` and, where it has one, `exif_orientation`. A type of its own, because an object that somebody
    pushes can look the same and has no bytes behind it.
    """


class BrokenFile(dict[str, Any]):
    """A pushed file that is not what it says; `reason` is a sentence."""

    def __init__(self, value: dict[str, Any], reason: str) -> None:
        super().__init__(value)
        self.reason = reason


def may_hold_files(body: bytes) -> bool:
    """Tell cheaply whether there may be a file among the records of a message."""
    return b'"content"' in body and (b'"content-type"' in body or b'"content_type"' in body)
