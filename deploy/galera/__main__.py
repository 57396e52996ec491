"""A cluster to try things on: `deploy/galera/run`."""

from __future__ import annotations

import signal

from deploy.galera.cluster import cluster, missing
from tests.schema import migrate

_NAME = "holdfast"


def main() -> None:
    """Start it, say where it is, and wait for Ctrl-C."""
    absent = missing()
    if absent is not None:
        raise SystemExit(absent)
    # Ended like this, it clears away what it has started, too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    print("Starting three nodes, one after the other; that takes about twenty seconds.", flush=True)
    try:
        with cluster() as started:
            started.nodes[0].execute(f"CREATE DATABASE {_NAME} CHARACTER SET utf8mb4 COLLATE utf8mb4_bin")
            migrate(started.nodes[0].url(_NAME))
            print(f"\nDATABASE_URL={started.url(_NAME)}\n")
            print("All tables are there. HAProxy sends everybody to the first of these that is well:")
            for node in started.nodes:
                killed = f"kill -9 {(node.directory / 'server').read_text().strip()}"
                print(f"  {node.name}  port {node.port}  {killed}  log in {node.directory}")
            print("Ctrl-C ends them and removes their directories.", flush=True)
            signal.pause()
    except KeyboardInterrupt:
        print("\nEnded; nothing is left.")


if __name__ == "__main__":
    main()
