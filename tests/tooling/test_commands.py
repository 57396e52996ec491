"""./run and ./test on machines that are not prepared: they say in one line what is missing, and do no work twice."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from tests.architecture.sources import ROOT

# What even the barest machine has.
_ALWAYS_THERE = ("bash", "cat", "cmp", "cp", "dirname", "env", "id")


@pytest.fixture
def machine(tmp_path):
    """A machine with a checkout and nothing but the most basic programs."""
    checkout = tmp_path / "holdfast"
    (checkout / ".ci").mkdir(parents=True)
    for name in ("run", "test", ".ci/environment.sh", "requirements.txt", "requirements-dev.txt"):
        shutil.copy(ROOT / name, checkout / name)
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in _ALWAYS_THERE:
        (programs / name).symlink_to(shutil.which(name))
    return Machine(checkout, programs)


class Machine:
    def __init__(self, checkout, programs):
        self.checkout = checkout
        self.programs = programs

    def has(self, path, script):
        """Put a program there that does what `script` says."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def has_environment(self, requirements):
        """An environment into which everything was installed before; its Python tells what it is asked to do."""
        answers = 'case "$*" in "-c "*) ;; "-m pip"*) echo "python $*" ;; *) echo "python $*"; exit 7 ;; esac'
        self.has(self.checkout / ".venv/bin/python", answers)
        shutil.copy(self.checkout / requirements, self.checkout / ".venv" / requirements)

    def types(self, *command):
        return subprocess.run(
            command,
            cwd=self.checkout,
            env={"PATH": str(self.programs)},
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.mark.parametrize("command", ["./run", "./test"])
def test_without_python_one_line_says_what_to_install(machine, command):
    answer = machine.types(command)
    assert answer.returncode == 1
    assert answer.stdout == ""
    assert answer.stderr == (
        "Python 3.11 or newer is not installed. Run: apt-get install python3 python3-venv (Debian, Ubuntu) "
        "or brew install python@3.11 (macOS).\n"
    )


def test_a_python_that_is_too_old_is_not_taken(machine):
    machine.has(machine.programs / "python3", "exit 1")
    assert machine.types("./run").stderr.startswith("Python 3.11 or newer is not installed.")


def test_a_python_that_cannot_make_environments_is_named(machine):
    machine.has(
        machine.programs / "python3",
        'case "$2" in *ensurepip*) exit 1 ;; *print*) echo python3.13-venv ;; esac',
    )
    answer = machine.types("./run")
    assert answer.stderr == "python3 cannot make environments. Run: apt-get install python3.13-venv\n"


def test_a_second_start_installs_nothing_and_hands_over_at_once(machine):
    machine.has_environment("requirements.txt")
    answer = machine.types("./run", "tour")
    assert answer.stdout == "python -m sandbox.development tour\n"
    assert answer.returncode == 7


def test_changed_requirements_are_installed_before_the_start(machine):
    machine.has_environment("requirements.txt")
    with (machine.checkout / "requirements.txt").open("a") as requirements:
        requirements.write("# changed\n")
    assert "python -m pip install" in machine.types("./run").stdout


def test_missing_programs_are_named_before_anything_runs(machine):
    machine.has_environment("requirements-dev.txt")
    answer = machine.types("env", "HOLDFAST_TEST_DATABASE=sqlite", "bash", "./test")
    assert answer.returncode == 1
    assert answer.stdout == ""
    assert (
        answer.stderr
        == "Not installed: hledger. Run: apt-get install hledger (Debian, Ubuntu) or brew install hledger (macOS).\n"
    )


def test_arguments_go_to_pytest_on_every_database_and_the_exit_code_comes_back(machine):
    machine.has_environment("requirements-dev.txt")
    for name in ("hledger", "mariadbd", "mariadb-install-db"):
        machine.has(machine.programs / name, "exit 0")
    answer = machine.types("./test", "tests/ledger", "-x")
    assert answer.returncode == 1
    assert answer.stdout == (
        "== pytest on sqlite\npython -m pytest tests/ledger -x\n"
        "== pytest on mariadb\npython -m pytest tests/ledger -x\n"
    )
    assert answer.stderr == "Failed: pytest on sqlite · pytest on mariadb\n"
