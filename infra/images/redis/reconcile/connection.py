"""One connection to one member, in Redis's own protocol over TLS. Python's standard library has no client for it, and
redis-cli prints answers for people; the data itself is moved by redis-cli (see steps.py)."""

import socket
import ssl

CA_FILE = "/etc/dujyo/tls/ca.crt"
PASSWORD_FILE = "/etc/dujyo/secrets/redis-cluster"
USER = "cluster"
ANSWER_SECONDS = 5.0


class ReplyError(Exception):
    """The server answered with an error."""


def read_password() -> str:
    with open(PASSWORD_FILE, encoding="utf-8") as file:
        return file.read().strip()


class Connection:
    def __init__(self, address: str, port: int, server_name: str):
        """`server_name` is what the certificate has to name, however the member was reached."""
        context = ssl.create_default_context(cafile=CA_FILE)
        # Formal demands on a CA that the members do not make either: a CA that is given may well miss them.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        plain = socket.create_connection((address, port), timeout=ANSWER_SECONDS)
        try:
            self._socket = context.wrap_socket(plain, server_hostname=server_name)
        except BaseException:
            plain.close()
            raise
        self._reader = self._socket.makefile("rb")
        self.call("AUTH", USER, read_password())

    def call(self, *words: object):
        """Sends one command; returns str, int, list or None. Raises ReplyError, or OSError when the line breaks."""
        encoded = [str(word).encode() for word in words]
        parts = [b"*%d\r\n" % len(encoded)] + [b"$%d\r\n%s\r\n" % (len(word), word) for word in encoded]
        self._socket.sendall(b"".join(parts))
        return self._answer()

    def _answer(self):
        line = self._reader.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("the member closed the connection")
        kind, rest = line[:1], line[1:-2].decode()
        if kind == b"-":
            raise ReplyError(rest)
        if kind == b"+":
            return rest
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return None if rest == "-1" else self._reader.read(int(rest) + 2)[:-2].decode()
        if kind == b"*":
            return [self._answer() for _ in range(int(rest))]
        raise ConnectionError(f"an answer begins with {kind!r}")

    def close(self) -> None:
        self._reader.close()
        self._socket.close()
