"""HTTPS as a caller speaks it: the example authority is trusted and nothing else, every request has
a connection of its own, so that each sees the certificate that is served now."""

import base64
import dataclasses
import http.client
import json
import ssl
import urllib.parse

TIMEOUT_SECONDS = 15


@dataclasses.dataclass
class Answer:
    status: int
    headers: http.client.HTTPMessage
    text: str
    serial: str  # of the certificate that the server showed, in hex

    def json(self):
        return json.loads(self.text)


class Web:
    def __init__(self, authority_file):
        self._context = ssl.create_default_context(cafile=str(authority_file))

    def get(self, url, token=None):
        return self._request("GET", url, {"Authorization": f"Bearer {token}"} if token else {})

    def post_form(self, url, user, secret, form):
        """`form`: pairs, so that a name may repeat."""
        quoted = ":".join(urllib.parse.quote(word, safe="") for word in (user, secret))
        return self._request("POST", url, {
            "Authorization": "Basic " + base64.b64encode(quoted.encode()).decode(),
            "Content-Type": "application/x-www-form-urlencoded",
        }, urllib.parse.urlencode(form))

    def _request(self, method, url, headers, body=None):
        """Raises OSError or HTTPException where there is no answer."""
        parts = urllib.parse.urlsplit(url)
        connection = http.client.HTTPSConnection(
            parts.hostname, parts.port, timeout=TIMEOUT_SECONDS, context=self._context)
        try:
            target = parts.path + (f"?{parts.query}" if parts.query else "")
            connection.connect()
            serial = connection.sock.getpeercert()["serialNumber"]
            connection.request(method, target, body, headers)
            answer = connection.getresponse()
            return Answer(answer.status, answer.headers, answer.read().decode(), serial)
        finally:
            connection.close()


NO_ANSWER = (OSError, http.client.HTTPException)
