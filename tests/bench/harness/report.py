"""What a run of benchmarks found: tables for people in Markdown, and the same as JSON."""

import datetime
import json
import os
import pathlib
import platform
import subprocess


def machine():
    cpu = next((line.partition(":")[2].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")),
               platform.machine())
    system = next((line.partition("=")[2].strip().strip('"') for line in open("/etc/os-release")
                   if line.startswith("PRETTY_NAME=")), "Linux")
    openssl = subprocess.run(["openssl", "version"], capture_output=True, text=True).stdout.split()[1]
    return f"{os.cpu_count()} cores of {cpu}, {system}, Linux {platform.release()}, OpenSSL {openssl}"


def commit():
    done = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True)
    return done.stdout.strip() or "unknown"


class Report:
    """Rows as they come: of the targets, and of what each endpoint takes."""

    def __init__(self, command):
        at = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        self.about = {"command": command, "machine": machine(), "commit": commit(), "at": at,
                      "load_average": os.getloadavg()[0]}
        self.targets, self.endpoints = [], []

    def target(self, what, target, reached, how, **figures):
        """`figures` are for the JSON: plain numbers with their units in their names."""
        self.targets.append({"what": what, "target": target, "reached": reached, "how": how, "figures": figures})
        print(f"{what}: {reached} (target: {target})", flush=True)

    def endpoint(self, name, connections, load, ratio, ratio_to):
        self.endpoints.append({"endpoint": name, "connections": connections, "requests_per_second": load.rate,
                               "cpu_us": load.cpu_us, "ratio": ratio, "ratio_to": ratio_to, "p50_us": load.p50_us,
                               "p99_us": load.p99_us, "refused": load.refused, "broken": load.broken})
        faults = f", {load.refused:.0f} refused, {load.broken:.0f} broken" if load.refused or load.broken else ""
        print(f"{name}, {connections} connections: {load.rate:.0f}/s, {load.cpu_us:.1f} us{faults}", flush=True)

    def markdown(self):
        about = self.about
        lines = [f"`{about['command']}` at commit {about['commit']}, {about['at'][:10]}, on {about['machine']}; "
                 f"load average at its start {about['load_average']:.1f}.", ""]
        if self.targets:
            lines += ["| what | target | reached | how |", "|---|---|---|---|"]
            lines += [f"| {row['what']} | {row['target']} | {row['reached']} | {row['how']} |" for row in self.targets]
        if self.endpoints:
            lines += ["", "| endpoint | connections | requests/s | CPU a request | ratio | p50 | p99 | p99 / p50 |",
                      "|---|---|---|---|---|---|---|---|"]
            lines += map(endpoint_row, self.endpoints)
        return "\n".join(lines)

    def write(self, file):
        """JSON; the Markdown beside it."""
        file = pathlib.Path(file)
        file.parent.mkdir(parents=True, exist_ok=True)
        found = self.about | {"targets": self.targets, "endpoints": self.endpoints}
        file.write_text(json.dumps(found, indent=2) + "\n")
        file.with_suffix(".md").write_text(self.markdown() + "\n")


def endpoint_row(row):
    return (f"| {row['endpoint']} | {row['connections']} | {row['requests_per_second']:,.0f} "
            f"| {row['cpu_us']:.1f} µs | {row['ratio']:.2f} × {row['ratio_to']} "
            f"| {time_text(row['p50_us'])} | {time_text(row['p99_us'])} | {row['p99_us'] / row['p50_us']:.1f} |")


def time_text(microseconds):
    return f"{microseconds:.0f} µs" if microseconds < 1000 else f"{microseconds / 1000:.1f} ms"
