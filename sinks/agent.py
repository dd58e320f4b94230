"""Moves runs from Faust to the writer; decides nothing."""

from collections.abc import AsyncIterator
from typing import Any

from sinks.parcels import Unaddressed, quarantine_parcel, rows_parcel
from sinks.writer import Writer


async def take_rows(runs: AsyncIterator[Any], writer: Writer) -> None:
    """Hand over every run of the records topic; stops taking while the writer is full."""
    async for event in runs:
        try:
            parcel = rows_parcel(event.value)
        except Unaddressed as error:
            await writer.put_unaddressed(event.value, str(error))
        else:
            await writer.put(parcel)


async def take_quarantine(runs: AsyncIterator[Any], writer: Writer) -> None:
    """Hand over every run of the quarantine topic."""
    async for event in runs:
        await writer.put(quarantine_parcel(event.value))
