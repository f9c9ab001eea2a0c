"""Load by wrk, and the bare RS256 signature that its cost is a ratio to."""

import dataclasses
import json
import pathlib
import statistics
import subprocess
import sys

from harness.server import write_private

FORM = "application/x-www-form-urlencoded"
TOKEN_FORM = "grant_type=client_credentials"

ATTEMPTS = 3  # each twice as long as the one before

# Run by wrk at its end. Times are microseconds.
REPORT = """
done = function(summary, latency)
  local errors = summary.errors
  io.stderr:write(string.format(
    '{"requests": %d, "refused": %d, "broken": %d, "seconds": %f, "p50_us": %f, "p99_us": %f}\\n',
    summary.requests, errors.status, errors.connect + errors.read + errors.write + errors.timeout,
    summary.duration / 1e6, latency:percentile(50), latency:percentile(99)))
end
"""


@dataclasses.dataclass
class Load:
    """What a run of wrk saw; `cpu_us` is the server's CPU time a request, 0 where nobody measured it."""
    requests: int
    refused: int      # answered, with a status of 400 or more
    broken: int       # connections that failed, requests without an answer in time
    seconds: float
    p50_us: float
    p99_us: float
    cpu_us: float = 0.0

    @property
    def rate(self):
        return (self.requests - self.refused) / self.seconds

    @property
    def tail(self):
        return self.p99_us / self.p50_us if self.p50_us else 0.0


def lua_text(text):
    return json.dumps(str(text))  # a Lua string too, as long as it is ASCII


def post(authorization, body=""):
    """The Lua for one and the same POST of a form again and again. GETs need none."""
    return (f'wrk.method = "POST"\nwrk.body = {lua_text(body)}\nwrk.headers["Content-Type"] = {lua_text(FORM)}\n'
            f'wrk.headers["Authorization"] = {lua_text(authorization)}\n')


def post_token(authorization):
    return post(authorization, TOKEN_FORM)


def post_each(authorization, tokens_file):
    """The Lua for POSTs of one token after the other, each a line of the file; then from the first again."""
    return post(authorization) + f"""
local requests, at = {{}}, 0
function init(arguments)  -- before the clock runs
  for token in io.lines({lua_text(tokens_file)}) do
    requests[#requests + 1] = wrk.format(nil, nil, nil, "token=" .. token)
  end
end
function request()
  at = at % #requests + 1
  return requests[at]
end
"""


def post_token_as_any(credentials_file, line_bytes, clients):
    """The Lua for tokens of clients chosen uniformly at random among the first `clients` lines of the file."""
    return post("") + f"""
wrk.body = {lua_text(TOKEN_FORM)}
local file = io.open({lua_text(credentials_file)}, "rb")
math.randomseed(os.time())
function request()
  file:seek("set", math.random(0, {clients - 1}) * {line_bytes})
  wrk.headers["Authorization"] = "Basic " .. file:read({line_bytes - 1})
  return wrk.format()
end
"""


def post_token_and_keep(authorization, tokens_file):
    """The Lua that also appends the tokens to a file, one a line."""
    return post_token(authorization) + f"""
local file = io.open({lua_text(tokens_file)}, "a")
function response(status, headers, body)
  local token = body:match('"access_token":"([^"]+)"')
  if token then file:write(token, "\\n") end
end
"""


def wrk(url, lua, connections, seconds, directory, server=None):
    """Load with one thread of wrk. `server`, where given, says its CPU time by cpu_seconds()."""
    script = pathlib.Path(directory) / "wrk.lua"
    write_private(script, lua + REPORT)
    for attempt in range(ATTEMPTS):
        before = server.cpu_seconds() if server else 0.0
        done = subprocess.run(["wrk", "-t1", f"-c{connections}", f"-d{seconds << attempt}s", "--timeout", "20s",
                               "-s", script, url], capture_output=True, text=True)
        used = server.cpu_seconds() - before if server else 0.0
        report = [line for line in done.stderr.splitlines() if line.startswith("{")]
        if done.returncode != 0 or not report:
            sys.exit(f"wrk {url}: {done.stdout}{done.stderr}")
        load = Load(**json.loads(report[-1]))
        if load.requests > 0:  # else all the time went into handshakes, on a machine that is very busy
            load.cpu_us = used / load.requests * 1e6
            return load
    sys.exit(f"wrk {url}: not one request was answered")


def median(loads):
    """Each figure's median of several runs."""
    return Load(*(statistics.median(values) for values in zip(*map(dataclasses.astuple, loads))))


def ratio_of(loads, references):
    """The median of each run's CPU a request to what was measured beside it, microseconds too."""
    return statistics.median(load.cpu_us / reference for load, reference in zip(loads, references))


def bare_signature(grantd, seconds=1):
    """{"sign_us", "verify_us"}: CPU time of one bare RS256 operation, measured now."""
    program = pathlib.Path(grantd).parent / "tests/bench/bare_signature"
    return json.loads(subprocess.run([program, str(seconds)], check=True, capture_output=True, text=True).stdout)
