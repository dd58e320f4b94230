"""May a producer that came past the gateway do this?  The one check of messages with a key of their own.

Whoever reads topic raw decides about native messages by this, so that a record that the processors refuse
is neither archived nor replayed.
"""

from collections.abc import Mapping

from headwater.domain.datasets import Dataset, Scope

SCOPES: Mapping[str, Scope] = {  # what each operation needs
    "upsert": Scope.PUSH,
    "merge": Scope.PUSH,
    "delete": Scope.DELETE,
    "delete-by-id": Scope.DELETE,
}
INVALID_PUSHKEY = "invalid_pushkey"  # of a stranger: such a record is not the dataset's business

Objection = tuple[str, str]  # machine word, sentence


def check_native(dataset: Dataset, resource_id: str, pushkey: str, op: str, now_us: int) -> Objection | None:
    """Return why a native message is refused, None when it is admitted.

    `op` is the header as it was sent (upsert when there was none), `now_us` the message's own timestamp:
    a replay of the log gives the same answer.
    """
    resource = dataset.resource(resource_id)
    if resource is None:
        return "unknown_resource", f"no resource {resource_id!r}"
    key = resource.opened_by(pushkey, now_us)
    if key is None:
        return INVALID_PUSHKEY, f"the pushkey does not open {dataset.dataset_id!r}"
    scope = SCOPES.get(op)
    if scope is None:
        return "unknown_op", f"no operation {op!r}; use {', '.join(SCOPES)}"
    if scope not in key.scopes:
        return "insufficient_scope", f"the pushkey may not {scope}"
    if resource.signing_secret:
        return "signature_required", f"{resource_id!r} takes signed pushes over HTTP only"
    if not dataset.published:
        return "dataset_not_published", "the dataset is not published"
    if not resource.enabled:
        return "push_disabled", f"push is disabled for {resource_id!r}"
    return None
