"""What a benchmark ran on, and what the processes of a run cost."""

from __future__ import annotations

import json
import os
import platform
import statistics
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

_TICKS = os.sysconf("SC_CLK_TCK")
_FSYNCS = 200


@dataclass(frozen=True)
class Machine:
    """The machine, as far as a figure depends on it."""

    processor: str
    cores: int
    memory_gib: int
    system: str
    python: str
    fsync_ms: float

    def __str__(self) -> str:
        return (
            f"{self.cores} x {self.processor}, {self.memory_gib} GiB, {self.system}, Python {self.python}, "
            f"fsync {self.fsync_ms:.2f} ms"
        )


def this_machine() -> Machine:
    """The machine this runs on."""
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return Machine(
        processor=_processor(),
        cores=os.cpu_count() or 1,
        memory_gib=round(pages / 2**30),
        system=f"{platform.system()} {platform.release().partition('-')[0]}",
        python=platform.python_version(),
        fsync_ms=_fsync_ms(),
    )


def cpu_seconds(process_id: int) -> float:
    """The processor time a process has used so far, in user and in system mode."""
    fields = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def in_columns(lines: Sequence[tuple[str, ...]]) -> str:
    """The lines, the first of which are the heads, with each column as wide as its widest cell."""
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines
    )


def keep(results: Path, machine: Machine, **figures: Any) -> None:  # noqa: ANN401 - as JSON takes them
    """Write what was measured, and on what."""
    results.parent.mkdir(exist_ok=True)
    results.write_text(json.dumps({"machine": asdict(machine), **figures}, indent=2) + "\n")


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return " ".join(line.partition(":")[2].split())
    return platform.machine()


def _fsync_ms() -> float:
    # Where the servers of the benchmark have their files, too.
    with tempfile.NamedTemporaryFile(dir="/tmp") as file:
        times = []
        for _ in range(_FSYNCS):
            file.write(b"x" * 512)
            file.flush()
            began = time.perf_counter()
            os.fdatasync(file.fileno())
            times.append(time.perf_counter() - began)
    return statistics.median(times) * 1000
