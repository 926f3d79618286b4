"""Hands figures to Prometheus, over mutual TLS."""

import http.server
import ssl
import threading

from member_log import say

TLS = "/etc/dujyo/tls"


class FiguresServer:
    """Answers `GET /metrics` with the text it was given last, to holders of a certificate of PostgreSQL's trust domain."""

    def __init__(self, port):
        self.text = ""
        server = _Server(("", port), self._handler())
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(f"{TLS}/ca.crt")
        self._context = context
        self.read_certificate()
        # The handshake is each session's own affair: one that never ends keeps nobody else out.
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=server.serve_forever, daemon=True).start()

    def read_certificate(self):
        """Shows what is there now to whoever connects from here on."""
        self._context.load_cert_chain(f"{TLS}/server.crt", f"{TLS}/server.key")

    def _handler(self):
        figures = self

        class Handler(http.server.BaseHTTPRequestHandler):
            timeout = 10

            def do_GET(self):
                if self.path != "/metrics":
                    self.send_error(404)
                    return
                content = figures.text.encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_):
                """Every reading would be a line."""

        return Handler


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        say(f"figures: the session of {client_address[0]} failed")
