"""What stops the embedded stack on this machine?"""

from headwater.domain.errors import HeadwaterError


class EmbeddedError(HeadwaterError):
    """The stack cannot start or go on here; the sentence says what the operator can do about it."""

    code = "embedded_stack"


class JarsUnavailable(EmbeddedError):
    """Kafka's jars are not cached and could not be downloaded; the next start resumes the download."""


class PortTaken(EmbeddedError):
    """Somebody else listens on a port that we were told to use."""


class DataDirInUse(EmbeddedError):
    """Another `headwater up` runs on this data directory."""


class NotRunning(EmbeddedError):
    """There is no live `headwater up` on this data directory."""


class ProcessFailed(EmbeddedError):
    """A process of the stack ended, or did not become ready in time."""
