"""What is in a data directory?  All that one embedded stack keeps, and the lock that says it is running.

<data-dir>/lock         held (flock) while `headwater up` runs
<data-dir>/run.json     addresses and processes of the running stack (state.py)
<data-dir>/admin.key    key of the management API, mode 0600
<data-dir>/secret.key   key with which secrets are kept, mode 0600
<data-dir>/demo.json    the demo's datasets and their keys, mode 0600
<data-dir>/kafka, store, logs
"""

import fcntl
import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from headwater.embedded.errors import DataDirInUse, EmbeddedError

ADMIN_KEY_VARIABLE = "HEADWATER_ADMIN_KEY"
SECRET_KEY_VARIABLE = "HEADWATER_SECRET_KEY"  # noqa: S105 - a name
DEFAULT_DATA_DIR = Path("headwater-data")


class DataDir:
    """The paths of one data directory."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()

    @property
    def run_file(self) -> Path:
        return self.path / "run.json"

    @property
    def admin_key_file(self) -> Path:
        return self.path / "admin.key"

    @property
    def secret_key_file(self) -> Path:
        return self.path / "secret.key"

    @property
    def demo_file(self) -> Path:
        return self.path / "demo.json"

    @property
    def files(self) -> Path:
        return self.path / "files"

    @property
    def kafka(self) -> Path:
        return self.path / "kafka"

    @property
    def store(self) -> Path:
        return self.path / "store"

    def log(self, name: str) -> Path:
        """Return where the output of the process `name` goes."""
        return self.path / "logs" / f"{name}.log"

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the directory, made if it is missing. Raises DataDirInUse while somebody else holds it."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            file = (self.path / "lock").open("a")
        except OSError as error:
            raise EmbeddedError(f"the data directory {self.path} cannot be used: {error.strerror}") from error
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise DataDirInUse(
                    f"another `headwater up` runs on {self.path}; "
                    "stop it, or give this one a --data-dir and --free-ports of its own"
                ) from error
            yield

    @property
    def is_locked(self) -> bool:
        """Whether a `headwater up` runs on this directory."""
        try:
            file = (self.path / "lock").open("rb")
        except FileNotFoundError:
            return False
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
            return False

    def ensure_admin_key(self, environ: Mapping[str, str] = os.environ) -> str:
        """Return the key of the environment, else of the file, which is made (mode 0600) if it is missing."""
        return environ.get(ADMIN_KEY_VARIABLE) or _ensure_key(self.admin_key_file)

    def try_admin_key(self) -> str | None:
        """Return the key of the file, None when there is none."""
        return _try_key(self.admin_key_file)

    def ensure_secret_key(self, environ: Mapping[str, str] = os.environ) -> str:
        """Return the key that seals secrets, found or made as the administrator's is.

        Whoever loses the file cannot read the signing secrets any more, and makes new ones.
        """
        return environ.get(SECRET_KEY_VARIABLE) or _ensure_key(self.secret_key_file)


def _try_key(path: Path) -> str | None:
    try:
        return path.read_text().strip() or None
    except FileNotFoundError:
        return None


def _ensure_key(path: Path) -> str:
    if key := _try_key(path):
        return key
    key = secrets.token_hex(28)
    write_secret(path, key + "\n")
    return key


def write_secret(path: Path, text: str) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    partial = path.with_name(path.name + ".partial")
    partial.unlink(missing_ok=True)
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    partial.replace(path)
