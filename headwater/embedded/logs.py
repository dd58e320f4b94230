"""What did a child say?  Its output in a file that cannot grow without end."""

from pathlib import Path
from types import TracebackType
from typing import IO, Self

LIMIT_BYTES = 5_000_000  # of the file; one older file of that size is kept beside it


class BoundedLog:
    """Appends to `<name>.log`; when that is full it becomes `<name>.log.1`. One writer at a time."""

    def __init__(self, path: Path, limit_bytes: int = LIMIT_BYTES) -> None:
        self.path = path
        self._limit = limit_bytes
        self._file: IO[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self.close()

    def write(self, line: bytes) -> None:
        """Append one line; it is in the file on return."""
        file = self._file or self._open()
        file.write(line)
        file.flush()
        if file.tell() >= self._limit:
            self.close()
            self.path.replace(self.path.with_name(self.path.name + ".1"))

    def close(self) -> None:
        """Close the file; writing opens it again."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def tail(self, lines: int) -> list[str]:
        """Return the last lines, oldest first."""
        if not self.path.exists():
            return []
        with self.path.open("rb") as file:
            file.seek(max(0, self.path.stat().st_size - 400 * lines))
            return file.read().decode(errors="replace").splitlines()[-lines:]

    def _open(self) -> IO[bytes]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self.path.open("ab")
        return self._file
