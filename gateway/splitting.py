"""Where in a JSON array do its items begin and end?  Their bytes, as they were sent.

Parsing and writing again would change numbers that are larger than a double, and escapes.
"""

import re
from collections.abc import Iterator

# A text; an object or array without others inside, as a whole; what opens, closes or separates.
_TOKEN = re.compile(
    rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
    rb'|\{(?:[^{}\[\]"]++|"[^"\\]*+(?:\\.[^"\\]*+)*+")*+\}'
    rb"|[\[\]{},]",
    re.DOTALL,
)
_STEPS = {b"[": 1, b"{": 1, b"]": -1, b"}": -1}


def split_array(array: bytes) -> Iterator[bytes]:
    """Yield the items of an array that is known to be good JSON, without the white space around them."""
    depth, start = 0, array.index(b"[") + 1
    end = array.rindex(b"]")
    for token in _TOKEN.finditer(array, start, end):
        found = token.group()
        if found == b",":
            if depth == 0:
                yield array[start : token.start()].strip()
                start = token.end()
        else:
            depth += _STEPS.get(found, 0)
    if last := array[start:end].strip():
        yield last
