"""One directory of docs/examples with an `example.json`; its format is in docs/examples/README.md."""

import importlib.util
import json
import os
import pathlib
import subprocess

from .failure import Failure, Skipped, check

EXAMPLES = pathlib.Path(__file__).resolve().parent.parent
REPOSITORY = EXAMPLES.parent.parent
SKIPPED_STATUS = 77
BUILD_SECONDS = 600
READY_SECONDS = 60
KINDS = ("services", "gateway")
KNOWN = {"title", "kind", "build", "services", "environment", "grantd", "scenarios",
         "ready_seconds", "build_seconds"}


def names():
    return sorted(file.parent.name for file in EXAMPLES.glob("*/example.json"))


class Example:
    def __init__(self, name):
        self.name = name
        self.directory = EXAMPLES / name
        file = self.directory / "example.json"
        check(file.exists(), f"there is no example '{name}'; there are: {', '.join(names())}")
        described = json.loads(file.read_text())
        check(not described.keys() - KNOWN, f"{name}: unknown: {described.keys() - KNOWN}")
        self.title = described["title"]
        self.kind = described.get("kind", "services")
        check(self.kind in KINDS, f"{name}: kind is one of {KINDS}")
        self.services = {role: self.words(argv) for role, argv in described["services"].items()}
        self.environment = described.get("environment", {})
        self.grantd_settings = described.get("grantd", {})
        self.ready_seconds = described.get("ready_seconds", READY_SECONDS)
        self._build = described.get("build")
        self._build_seconds = described.get("build_seconds", BUILD_SECONDS)
        self._scenarios = described.get("scenarios")

    @property
    def build_directory(self):
        return REPOSITORY / "build" / "examples" / self.name

    def words(self, argv):
        return [word.replace("{build}", str(self.build_directory)) for word in argv]

    def build(self, log):
        """Its output goes to the file `log`. Skipped with its last line where it ends with 77."""
        if not self._build:
            return
        self.build_directory.mkdir(parents=True, exist_ok=True)
        with open(log, "ab") as output:
            try:
                status = subprocess.run(
                    self.words(self._build), cwd=self.directory, stdin=subprocess.DEVNULL,
                    stdout=output, stderr=output, timeout=self._build_seconds).returncode
            except subprocess.TimeoutExpired:
                raise Failure(f"the build took longer than {self._build_seconds} s") from None
            except OSError as error:
                raise Failure(f"the build cannot be started: {error}") from error
        if status == SKIPPED_STATUS:
            lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
            raise Skipped(lines[-1].strip() if lines else "its build step says so")
        check(status == 0, f"the build ended with {status}")

    def service_environment(self):
        """What it inherits, less what would configure grantd, or send loopback to a proxy."""
        inherited = {name: value for name, value in os.environ.items()
                     if not name.startswith("GRANTD_")}
        return {**inherited, "NO_PROXY": "localhost,127.0.0.1", "no_proxy": "localhost,127.0.0.1",
                **dict(zip(self.environment, self.words(self.environment.values())))}

    def module(self):
        """The Python file that it names under `scenarios`, or None."""
        if not self._scenarios:
            return None
        spec = importlib.util.spec_from_file_location(
            f"scenarios_of_{self.name}", self.directory / self._scenarios)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module
