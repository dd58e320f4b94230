"""Headwater: push records over HTTP or Kafka, search them in well under two seconds."""

from importlib.metadata import version

__version__ = version("headwater")
