"""The outside world on one machine: peers that Holdfast talks to in a demo and in the tests.

`start` runs the peer inside this process, `python -m sandbox` runs it as one of its own; `Remote` drives either.
The service itself never imports this package.
"""

from sandbox.remote import Remote, SandboxRefusedError
from sandbox.running import Running, start

__all__ = ["Remote", "Running", "SandboxRefusedError", "start"]
