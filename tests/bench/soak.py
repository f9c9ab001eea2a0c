"""Whether grantd keeps its shape under load: `soak.py GRANTD [MINUTES [CLIENTS [REVOCATIONS]]]`.

Fills a SQLite database (scale_data.py) with CLIENTS (1,000,000) and as many live REVOCATIONS, starts a
server on it, and loads it for MINUTES (10) with all that wrk can send on CONNECTIONS: of ten requests seven
tokens for clients drawn at random, two introspections, and one revocation of a token that was issued
before, by its own client. Prints for each minute the server's memory and its CPU for a request, and at the
end both of the last minute against those of the second, by when its caches are full. Tokens live for a
minute only, so that revocations of the load are forgotten as fast as new ones come. Not part of a plain
`./dev bench`: it takes its time. Python's standard library, openssl, wrk; asserts nothing.
"""

import contextlib
import re
import subprocess
import sys
import time

import scale_data
from harness.server import Node, workplace

CONNECTIONS = 64
MINUTE = 60

# Of a token's payload the client is read: who revokes must be the one to whom it was issued.
WRK = """
local clients, size = %d, %d
local file = assert(io.open("%s", "r"))
local lines = file:read("*a")
file:close()
local alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
local value = {}
for i = 1, #alphabet do value[alphabet:byte(i)] = i - 1 end
local function decode(text)
  local octets, bits, held = {}, 0, 0
  for i = 1, #text do
    held = (held * 64 + value[text:byte(i)]) %% 65536
    bits = bits + 6
    if bits >= 8 then
      bits = bits - 8
      octets[#octets + 1] = string.char(math.floor(held / 2 ^ bits) %% 256)
    end
  end
  return table.concat(octets)
end
local kept, newest, turn = {}, 0, 0
local function post(path, client, body)
  local at = client * size
  return "POST " .. path .. " HTTP/1.1\\r\\nHost: localhost\\r\\n" ..
    "Content-Type: application/x-www-form-urlencoded\\r\\nAuthorization: Basic " ..
    lines:sub(at + 1, at + size - 1) .. "\\r\\nContent-Length: " .. #body .. "\\r\\n\\r\\n" .. body
end
function init() math.randomseed(os.time()) end
function request()
  turn = (turn + 1) %% 10
  if turn >= 3 or newest < 10 then
    return post("/token", math.random(0, clients - 1), "grant_type=client_credentials&scope=read")
  end
  local token = kept[math.random(math.max(1, newest - 99), newest) %% 100]
  local client = tonumber(decode(token:match("%%.([^.]+)")):match('"client_id":"scale%%-(%%d+)"'))
  return post(turn == 0 and "/revoke" or "/introspect", client, "token=" .. token)
end
function response(status, headers, body)
  local token = body:match('"access_token":"([^"]+)"')
  if token then
    newest = newest + 1
    kept[newest %% 100] = token
  end
end
"""


def main(grantd, minutes=10, clients=1_000_000, revocations=None):
    with contextlib.ExitStack() as stack:
        root = stack.enter_context(workplace())
        server = Soaked(grantd, root, root / "server", {"tokens": {"lifetime": "1m"}})
        began = time.monotonic()
        scale_data.fill(grantd, server.config, clients, clients if revocations is None else revocations,
                        root / "credentials")
        print(f"made {clients} clients in {time.monotonic() - began:.0f} s")
        stack.enter_context(server.running())
        print(f"ready, {megabytes(server.rss()):.1f} MB")
        script = root / "soak.lua"
        script.write_text(WRK % (clients, scale_data.CREDENTIAL_BYTES, root / "credentials"))
        load = subprocess.Popen(["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{minutes * MINUTE + 5}s", "-s", script,
                                 server.url + "/"], stdout=subprocess.DEVNULL)
        stack.callback(load.wait)
        stack.callback(load.terminate)
        show(server, minutes)


def megabytes(octets):
    return octets / 1024 / 1024


def show(server, minutes):
    print(f"{'minute':>6}{'memory':>12}{'requests/s':>12}{'failed':>8}{'CPU/request':>13}")
    rows = []
    cpu, (done, failed) = server.cpu_seconds(), server.requests()
    for minute in range(1, minutes + 1):
        time.sleep(MINUTE)
        now_cpu, (now_done, now_failed), memory = server.cpu_seconds(), server.requests(), server.rss()
        each = (now_cpu - cpu) / max(now_done - done, 1) * 1e6
        rows.append((memory, each))
        print(f"{minute:>6}{megabytes(memory):>9.1f} MB{(now_done - done) / MINUTE:>12.0f}{now_failed - failed:>8}"
              f"{each:>10.1f} us", flush=True)
        cpu, done, failed = now_cpu, now_done, now_failed
    if minutes > 2:
        (was_memory, was_each), (memory, each) = rows[1], rows[-1]
        print(f"minute {minutes} against minute 2: memory {memory / was_memory:.3f}, CPU {each / was_each:.3f}")


class Soaked(Node):
    def requests(self):
        """Answered in all, and of them not with 200."""
        done = failed = 0
        for endpoint, status, count in re.findall(
                r'^grantd_requests_total\{endpoint="(\w+)",status="(\d+)"\} (\S+)$', self.metrics(), re.M):
            if endpoint in ("token", "introspect", "revoke"):
                done += int(float(count))
                failed += int(float(count)) if status != "200" else 0
        return done, failed


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
