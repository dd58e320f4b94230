"""Do readers know that records were merged?  Native producers merge past the gateway, which would tell."""

from dataclasses import replace

from headwater.domain.errors import BrokerUnavailable, Conflict, NotFound
from headwater.runtime.amending import amend
from headwater.runtime.catalog import Catalog


async def ensure_patched(catalog: Catalog, uid: str) -> None:
    """Let readers look for merges from now on; of a dataset that has gone nobody reads anything.

    Raises BrokerUnavailable, also when others changed the document all the time: trying again helps.
    """
    try:
        await amend(catalog, uid, lambda present: replace(present, patched=True))
    except NotFound:
        return
    except Conflict as error:
        raise BrokerUnavailable(f"the document of {uid} was changed by others all the time") from error
