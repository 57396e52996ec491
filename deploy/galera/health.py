"""Tells HAProxy whether a node can commit: 200 when it is in the cluster, the cluster has a quorum, and it may write.

Beside each node: `python -m deploy.galera.health --socket /run/mysqld/mysqld.sock --port 9200`.
"""

from __future__ import annotations

import argparse
from http.server import BaseHTTPRequestHandler, HTTPServer

import pymysql

_ASKED = (
    "SELECT variable_name, variable_value FROM information_schema.global_status"
    " WHERE variable_name IN ('wsrep_local_state_comment', 'wsrep_cluster_status', 'wsrep_ready')"
    " UNION ALL SELECT 'read_only', IF(@@read_only, 'ON', 'OFF')"
)
WELL = {
    "wsrep_local_state_comment": "Synced",
    "wsrep_cluster_status": "Primary",
    "wsrep_ready": "ON",
    "read_only": "OFF",
}
_TIMEOUT_SECONDS = 2


class _Health(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        """The state of the node: its words are for people, HAProxy reads the status alone."""
        found = state(self.server.socket_path)  # type: ignore[attr-defined]
        self.send_response(200 if found == WELL else 503)
        self.end_headers()
        self.wfile.write(f"{found}\n".encode())

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the base class's name
        """Twice a second, and of no use."""


def state(socket_path: str) -> dict[str, str]:
    """What the node says of itself, or why it says nothing."""
    try:
        with (
            pymysql.connect(
                unix_socket=socket_path,
                user="root",
                # A node without a quorum answers questions about itself only to those who say that they know.
                init_command="SET wsrep_dirty_reads = 1",
                connect_timeout=_TIMEOUT_SECONDS,
                read_timeout=_TIMEOUT_SECONDS,
            ) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute(_ASKED)
            return {name.lower(): value for name, value in cursor.fetchall()}
    except pymysql.Error as error:
        return {"error": str(error)}


def main() -> None:
    """Answer until the end."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--socket", required=True, help="where the node listens")
    arguments.add_argument("--port", required=True, type=int, help="where HAProxy asks")
    asked = arguments.parse_args()
    server = HTTPServer(("127.0.0.1", asked.port), _Health)
    server.socket_path = asked.socket  # type: ignore[attr-defined]
    server.serve_forever()


if __name__ == "__main__":
    main()
