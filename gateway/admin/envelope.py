"""What do errors of the management API carry beyond the common envelope?  (reference: management)"""

import secrets
from typing import Any

import structlog

from gateway.admin.states import InvalidStatus
from headwater.domain.errors import HeadwaterError, InvalidDocument

log = structlog.get_logger(__name__)


def dress(error: HeadwaterError, body: dict[str, Any]) -> dict[str, Any]:
    """Return the envelope with `detail` (the path of the wrong member, or null) and a `trace_id` to quote."""
    trace_id = secrets.token_hex(8)
    log.info("management request refused", trace_id=trace_id, error_code=error.code, error=str(error))
    detail = {"field": error.field} if isinstance(error, InvalidDocument) else None
    dressed = {**body, "detail": detail, "trace_id": trace_id}
    if isinstance(error, InvalidStatus):
        dressed["error_key"] = error.error_key
    return dressed
