"""Patroni's REST interface over mutual TLS, with nothing but the standard library."""

import http.client
import json
import os
import ssl

TLS = "/etc/dujyo/tls"
PORT = 8008


class Unreachable(Exception):
    """The member did not answer, or not with JSON."""


class Rest:
    """Asks members by name. One TLS context serves all requests of a process."""

    def __init__(self, tls_directory=TLS):
        self._context = ssl.create_default_context(cafile=os.path.join(tls_directory, "ca.crt"))
        self._certificate = os.path.join(tls_directory, "client.crt")
        self._key = os.path.join(tls_directory, "client.key")
        self._shown = None

    def _read_certificate(self):
        """Reads need no certificate; whatever changes anything does. A process that lives for long meets new ones."""
        try:
            present = os.stat(self._certificate).st_mtime_ns, os.stat(self._key).st_mtime_ns
        except FileNotFoundError:
            return
        if present != self._shown:
            self._context.load_cert_chain(self._certificate, self._key)
            self._shown = present

    def ask(self, host, method, path, body=None, timeout=3.0):
        """Returns (status, text). Raises Unreachable when there is no answer within `timeout` seconds."""
        try:
            self._read_certificate()
        except OSError as error:
            raise Unreachable(f"{self._certificate} can not be used: {error}") from error
        connection = http.client.HTTPSConnection(host, PORT, timeout=timeout, context=self._context)
        try:
            payload = None if body is None else json.dumps(body)
            connection.request(method, path, payload, {"Content-Type": "application/json"} if payload else {})
            answer = connection.getresponse()
            return answer.status, answer.read().decode("utf-8", "replace")
        except (OSError, http.client.HTTPException) as error:
            raise Unreachable(f"{host}:{PORT}{path}: {error}") from error
        finally:
            connection.close()

    def document(self, host, path, timeout=3.0):
        """The JSON document at `path`, whatever the status: Patroni answers 503 with one, too."""
        status, text = self.ask(host, "GET", path, timeout=timeout)
        try:
            return json.loads(text)
        except ValueError as error:
            raise Unreachable(f"{host}:{PORT}{path}: status {status}, not JSON") from error
