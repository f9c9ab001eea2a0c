"""nginx with grantd's certificate and bytes: the yardstick for JWKS, handshakes and idle connections.

One worker a core and a log line for each request, as grantd has; connections are kept as long as wrk
likes; all else as nginx comes. JWKS is a file, as nginx mostly serves; under MEMORY the same from memory.
"""

import contextlib
import os
import pathlib
import subprocess
import sys
import time

from harness.server import START_SECONDS, STOP_SECONDS, cpu_of, free_port, program, rss_of, wait_for_port

JWKS = "/.well-known/jwks.json"
MEMORY = "/memory"

CONFIG = """
%(user)s
daemon off;
pid nginx.pid;
error_log error.log;
worker_processes %(workers)d;
worker_rlimit_nofile 20000;
events { worker_connections 12000; }
http {
  access_log access.log;
  client_body_temp_path temp; proxy_temp_path temp; fastcgi_temp_path temp; uwsgi_temp_path temp; scgi_temp_path temp;
  keepalive_requests 1000000000;
  keepalive_timeout 600s;
  server {
    listen 127.0.0.1:%(port)d ssl backlog=4096;
    ssl_certificate %(root)s/server.crt;
    ssl_certificate_key %(root)s/server.key;
    ssl_protocols TLSv1.2 TLSv1.3;
    default_type application/json;
    add_header Cache-Control "public, max-age=300";
    types { application/json json; }
    root files;
    location = %(memory)s { return 200 '%(body)s'; }
  }
}
"""


def workers_of(master):
    """Their pids, once all are there: it listens before."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        children = pathlib.Path(f"/proc/{master.pid}/task/{master.pid}/children").read_text().split()
        if len(children) == os.cpu_count():
            return [int(pid) for pid in children]
        time.sleep(0.02)
    sys.exit("nginx has not all its workers")


class Nginx:
    def __init__(self, root, body):
        self.root, self.body, self.port = root, body, free_port()
        self.url = f"https://127.0.0.1:{self.port}"
        self.directory = root / "nginx"
        (self.directory / "files/.well-known").mkdir(parents=True, exist_ok=True)
        (self.directory / ("files" + JWKS)).write_text(body)
        self.program = program("nginx")

    @contextlib.contextmanager
    def running(self):
        # Else root's workers would run as a user that cannot get to the files.
        user = "user root;" if os.geteuid() == 0 else ""
        (self.directory / "nginx.conf").write_text(
            CONFIG % {"user": user, "workers": os.cpu_count(), "port": self.port, "root": self.root, "memory": MEMORY,
                      "body": self.body.replace("'", "\\'")})
        process = subprocess.Popen([self.program, "-p", self.directory, "-e", "error.log", "-c", "nginx.conf"])
        try:
            wait_for_port(self.port)
            self.workers = workers_of(process)
            yield self
        finally:
            process.terminate()
            process.wait(STOP_SECONDS)

    def version(self):
        said = subprocess.run([self.program, "-v"], capture_output=True, text=True).stderr
        return said.strip().rpartition(": ")[2]

    def cpu_seconds(self):
        return sum(cpu_of(pid) for pid in self.workers)

    def rss(self):
        return sum(rss_of(pid) for pid in self.workers)
