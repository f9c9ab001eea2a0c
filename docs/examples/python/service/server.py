"""An HTTPS server whose certificate is read again when it changes, and what both services answer alike."""

import asyncio
import contextlib
import logging
import os
import signal
import ssl

import uvicorn
from fastapi import FastAPI
from fastapi.responses import JSONResponse

from .feed import Feed
from .keys import Keys
from .outbound import Unavailable, new_client
from .settings import Settings
from .verifier import Refused, Verifier

LOOK_SECONDS = 1
STOP_SECONDS = 10


class Service:
    """The parts of a service, put together; the routes are added to `app`."""

    def __init__(self):
        logging.basicConfig(level=logging.WARNING)
        self.settings = settings = Settings()
        self.client = new_client(settings)
        self.keys = Keys(self.client, settings.endpoint("/.well-known/jwks.json"))
        self.feed = Feed(self.client, settings.endpoint("/revocations"), settings.credentials,
                         settings.issuer, self.keys)
        self.verifier = Verifier(settings, self.keys, self.feed)
        self.app = FastAPI(lifespan=self._background, openapi_url=None)
        self.app.get("/healthz")(self._health)
        self.app.exception_handler(Refused)(refused)
        self.app.exception_handler(Unavailable)(unavailable)

    async def _health(self):
        ready = self.keys.loaded and self.feed.fresh
        return JSONResponse({"ready": ready}, 200 if ready else 503)

    @contextlib.asynccontextmanager
    async def _background(self, _):
        tasks = [asyncio.create_task(part.run()) for part in (self.keys, self.feed)]
        yield
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.client.aclose()

    def run(self):
        """Until SIGTERM; then what is being answered is finished."""
        # uvicorn raises the signal again when it is done; then it is to mean nothing more.
        signal.signal(signal.SIGTERM, lambda *_: None)
        asyncio.run(self._serve())

    async def _serve(self):
        certificate, key = self.settings.tls_files
        config = uvicorn.Config(
            self.app, host=self.settings.bind, port=self.settings.port, ssl_certfile=certificate,
            ssl_keyfile=key, access_log=False, log_level="warning", timeout_keep_alive=30,
            timeout_graceful_shutdown=STOP_SECONDS)
        config.load()
        renewing = asyncio.create_task(renew(config.ssl, certificate, key))
        await uvicorn.Server(config).serve()
        renewing.cancel()


async def renew(context, certificate, key):
    """Handshakes from then on show the new certificate; open connections stay."""
    def versions():
        return [(os.stat(file).st_ino, os.stat(file).st_mtime_ns) for file in (certificate, key)]

    loaded = versions()
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        try:
            if (found := versions()) != loaded:
                # A trial first: a pair that does not match would leave the live one half changed.
                ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key)
                context.load_cert_chain(certificate, key)
                loaded = found
        except (OSError, ssl.SSLError) as error:
            logging.warning("certificate not renewed: %r", error)


async def refused(_, error):
    return JSONResponse({"error": error.error}, error.status,
                        {"WWW-Authenticate": f'Bearer error="{error.error}"'})


async def unavailable(_, error):
    logging.warning("%s", error)
    return JSONResponse({"error": "temporarily_unavailable"}, error.status)
