"""What does a server answer when a statement fails?  ClickHouse's text, code and HTTP status."""

import re
from http import HTTPStatus

MESSAGE = re.compile(r"Code: (\d+)\. DB::Exception: .*", re.DOTALL)

# As ClickHouse's HTTP handler maps them; every other code is 500.
STATUSES: dict[HTTPStatus, tuple[int, ...]] = {
    # what cannot be read: texts, numbers, dates, syntax, types
    HTTPStatus.BAD_REQUEST: (
        6,
        25,
        26,
        27,
        38,
        41,
        72,
        675,
        676,
        376,
        15,
        44,
        53,
        56,
        62,
        117,
        167,
        168,
        130,
        321,
    ),
    # what does not exist: identifiers, functions, tables, databases, settings, formats
    HTTPStatus.NOT_FOUND: (46, 47, 50, 60, 63, 73, 78, 81, 110, 111, 115, 511),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: (223,),
    HTTPStatus.NOT_IMPLEMENTED: (48,),
    HTTPStatus.SERVICE_UNAVAILABLE: (202, 209, 236, 439),
}
STATUS_OF_CODE = {code: status for status, codes in STATUSES.items() for code in codes}

SYNTAX_ERROR, NOT_IMPLEMENTED, TOO_MANY_STATEMENTS, TOO_LARGE, SHUTTING_DOWN = 62, 48, 202, 223, 236
UNKNOWN_EXCEPTION = 1002
NAMES = {
    SYNTAX_ERROR: "SYNTAX_ERROR",
    NOT_IMPLEMENTED: "NOT_IMPLEMENTED",
    TOO_MANY_STATEMENTS: "TOO_MANY_SIMULTANEOUS_QUERIES",
    TOO_LARGE: "QUERY_IS_TOO_LARGE",
    SHUTTING_DOWN: "ABORTED",
    UNKNOWN_EXCEPTION: "UNKNOWN_EXCEPTION",
}


class Failure(Exception):
    """A statement that failed, as ClickHouse says it: `text` is "Code: N. DB::Exception: ... (NAME)"."""

    def __init__(self, code: int, text: str) -> None:
        self.code = code
        self.text = text
        super().__init__(text)

    @property
    def status(self) -> HTTPStatus:
        return STATUS_OF_CODE.get(self.code, HTTPStatus.INTERNAL_SERVER_ERROR)


def engine_failure(error: Exception) -> Failure:
    """Return what the engine's exception means; its code is in its text."""
    match = MESSAGE.search(str(error))
    if match is None:
        return Failure(
            UNKNOWN_EXCEPTION, f"Code: {UNKNOWN_EXCEPTION}. DB::Exception: {error} (UNKNOWN_EXCEPTION)"
        )
    return Failure(int(match.group(1)), match.group())


def our_failure(code: int, message: str) -> Failure:
    """Return a refusal of the endpoint itself."""
    return Failure(code, f"Code: {code}. DB::Exception: {message}. ({NAMES[code]})")
