"""Starts the gateway: `python -m gateway`."""

from gateway.app import main
from gateway.settings import GatewaySettings
from headwater.runtime.process import run

if __name__ == "__main__":
    run("gateway", GatewaySettings, main)
