"""What is the stack made of?  Its processes, their addresses, what each is told, the order of their stop."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass

from headwater.embedded.child import Command
from headwater.embedded.clickhouse import ClickHouse
from headwater.embedded.datadir import DataDir
from headwater.embedded.errors import PortTaken
from headwater.embedded.kafka import KafkaBroker, KafkaPorts
from headwater.embedded.ports import HOST, free_ports, taken_ports
from headwater.embedded.readiness import is_ready

GATEWAY_PORT, STORE_PORT, KAFKA_PORT = 8480, 8123, 9092
SERVICE_START_S, SERVICE_STOP_S = 60.0, 12.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How many of the services that may be many."""

    processors: int = 1
    sinks: int = 1

    @property
    def stages(self) -> tuple[tuple[str, ...], ...]:
        """The services by name, in the order in which they stop: who feeds others first."""
        return (
            ("gateway",),
            ("schedulers",),
            _names("processors", self.processors),
            _names("sinks", self.sinks),
        )

    @property
    def services(self) -> tuple[str, ...]:
        return tuple(name for stage in self.stages for name in stage)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ports:
    """Every port of the stack; `metrics` by service name."""

    gateway: int
    metrics: Mapping[str, int]
    store: int
    kafka: KafkaPorts

    def by_owner(self) -> dict[int, str]:
        """Return which part each port is for."""
        metrics = {port: f"{name} metrics" for name, port in self.metrics.items()}
        kafka = {self.kafka.broker: "kafka", self.kafka.controller: "kafka controller"}
        return {self.gateway: "gateway", **metrics, self.store: "store", **kafka}


def default_ports(shape: Shape, gateway_port: int = GATEWAY_PORT) -> Ports:
    """Return the documented ports: the gateway's, then one for the metrics of each service."""
    metrics = {name: gateway_port + 1 + at for at, name in enumerate(shape.services)}
    kafka = KafkaPorts(KAFKA_PORT, KAFKA_PORT + 1)
    return Ports(gateway=gateway_port, metrics=metrics, store=STORE_PORT, kafka=kafka)


def any_ports(shape: Shape, gateway_port: int | None = None) -> Ports:
    """Return ports that are free now; the gateway's may be given."""
    services = shape.services
    gateway, store, broker, controller, *rest = free_ports(4 + len(services))
    return Ports(
        gateway=gateway_port or gateway,
        metrics=dict(zip(services, rest, strict=True)),
        store=store,
        kafka=KafkaPorts(broker, controller),
    )


def check_ports(ports: Ports) -> None:
    """Raise PortTaken, naming every port that somebody else listens on."""
    owners = ports.by_owner()
    if taken := taken_ports(owners):
        names = ", ".join(f"{port} ({owners[port]})" for port in taken)
        raise PortTaken(
            f"already taken by another program: port {names}; stop that program, "
            "or use --free-ports (any free ports) or --port N (another gateway port)"
        )


class Stack:
    """The commands of one stack over one data directory."""

    def __init__(
        self, data_dir: DataDir, shape: Shape, ports: Ports, *, admin_key: str, secret_key: str
    ) -> None:
        self.shape = shape
        self.ports = ports
        self._data_dir = data_dir
        self._admin_key = admin_key
        self._secret_key = secret_key
        self._kafka = KafkaBroker(data_dir.kafka, ports=ports.kafka, log=data_dir.log("kafka"))
        self._store = ClickHouse(data_dir.store, port=ports.store, log=data_dir.log("store"))

    @property
    def gateway_url(self) -> str:
        return f"http://{HOST}:{self.ports.gateway}"

    @property
    def urls(self) -> dict[str, str]:
        """Where the stack is reached."""
        return {
            "gateway": self.gateway_url,
            "push": f"{self.gateway_url}/api/push/1.0",
            "management": f"{self.gateway_url}/api/automation/v1.0",
            "search": f"{self.gateway_url}/api/explore/v2.1",
            "metrics": f"http://{HOST}:{self.ports.metrics['gateway']}/metrics",
            "clickhouse": self._store.url,
        }

    @property
    def bootstrap(self) -> str:
        return self._kafka.bootstrap

    @property
    def stop_order(self) -> tuple[tuple[str, ...], ...]:
        """The names of the processes in the order in which they stop; those of one stage together."""
        return (*self.shape.stages, ("store",), ("kafka",))

    async def foundation(self) -> list[Command]:
        """Return Kafka and the store, which everything else needs; formats a new data directory."""
        await self._kafka.format()
        return [self._kafka.command(), self._store.command()]

    def services(self) -> list[Command]:
        """Return the commands of our own services."""
        return [self._service(name) for name in self.shape.services]

    def _service(self, name: str) -> Command:
        port = self.ports.metrics[name]
        url = f"http://{HOST}:{port}"
        return Command(
            name=name,
            argv=(sys.executable, "-m", name.partition("-")[0]),
            env=self._environment(name, port),
            log=self._data_dir.log(name),
            ready=lambda: is_ready(url),
            metrics_url=url,
            start_timeout_s=SERVICE_START_S,
            stop_timeout_s=SERVICE_STOP_S,
        )

    def _environment(self, name: str, metrics_port: int) -> dict[str, str]:
        return {
            "HEADWATER_INSTANCE": name,
            "HEADWATER_METRICS_PORT": str(metrics_port),
            "HEADWATER_KAFKA_BOOTSTRAP": self._kafka.bootstrap,
            "HEADWATER_CLICKHOUSE_URL": self._store.url,
            "HEADWATER_GATEWAY_PORT": str(self.ports.gateway),
            "HEADWATER_SCHEDULER_GATEWAY_URL": self.gateway_url,
            "HEADWATER_SCHEDULER_PUBLIC_URL": self.gateway_url,
            "HEADWATER_ADMIN_KEY": self._admin_key,
            "HEADWATER_SECRET_KEY": self._secret_key,
            "HEADWATER_FILES_URL": self._data_dir.files.absolute().as_uri(),
            "PYTHONUNBUFFERED": "1",
        }


def _names(service: str, count: int) -> tuple[str, ...]:
    return (service,) if count == 1 else tuple(f"{service}-{at}" for at in range(count))
