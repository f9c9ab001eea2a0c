#!/usr/bin/python3
"""What the gateways protect: an HTTPS server that answers every GET with the headers it was given.

It trusts the gateway, and so must be reachable by nobody else (see ../kubernetes and ../nftables).
Environment: BIND, PORT, TLS_CERT_FILE, TLS_KEY_FILE.
"""

import http.server
import json
import os
import signal
import ssl
import sys


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 30

    def do_GET(self):
        body = json.dumps({
            "path": self.path,
            # A repeated header shows as several pairs: a gateway must not let that happen.
            "identity": [[name.lower(), value] for name, value in self.headers.items()
                         if name.lower().replace("_", "-").startswith("x-auth-")],
            # Enough to tell a handle from a signed token, too little to use.
            "token_begins": self.headers.get("Authorization", "").partition(" ")[2][:4],
        }).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def finish_request(self, request, client_address):
        """The handshake belongs to the connection's thread: a silent peer must not hold up others."""
        request.settimeout(Handler.timeout)
        try:
            super().finish_request(context.wrap_socket(request, server_side=True), client_address)
        except (OSError, ssl.SSLError) as error:
            print(f"connection: {error}", file=sys.stderr)


context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(os.environ["TLS_CERT_FILE"], os.environ["TLS_KEY_FILE"])
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
Server((os.environ.get("BIND", "127.0.0.1"), int(os.environ["PORT"])), Handler).serve_forever()
