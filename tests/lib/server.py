#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The servers behind the gateway: server.py ADDRESS CERTIFICATE KEY

80/tcp, 443/tcp (TLS)  GET /source      the client's address as seen here
                       GET /data/N      N bytes, always the same
                       GET /sha256/N    their SHA-256
                       POST /sink       "BYTES SHA-256" of what was sent
7/tcp, 7/udp           echo; a datagram that says "source" or "port" is answered with the
                       client's address or port as seen here

Prints "ready" once all of them listen.
"""
import hashlib
import http.server
import random
import signal
import socket
import socketserver
import ssl
import sys
import threading

CHUNK = 256 * 1024
PATTERN = random.Random(1).randbytes(CHUNK - 8)


def chunks(size):
    """size bytes in pieces; each piece begins with its offset, so that none equals another."""
    for offset in range(0, size, CHUNK):
        yield (offset.to_bytes(8, "big") + PATTERN)[: size - offset]


class Web(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, size, pieces):
        self.send_response(200)
        self.send_header("Content-Length", str(size))
        self.end_headers()
        for piece in pieces:
            self.wfile.write(piece)

    def text(self, text):
        body = f"{text}\n".encode()
        self.answer(len(body), [body])

    def do_GET(self):
        what, _, size = self.path[1:].partition("/")
        if what == "source":
            self.text(self.client_address[0])
        elif what == "data":
            self.answer(int(size), chunks(int(size)))
        elif what == "sha256":
            digest = hashlib.sha256()
            for piece in chunks(int(size)):
                digest.update(piece)
            self.text(digest.hexdigest())
        else:
            self.send_error(404)

    def do_POST(self):
        left = size = int(self.headers["Content-Length"])
        digest = hashlib.sha256()
        while left:
            piece = self.rfile.read(min(left, CHUNK))
            if not piece:
                return
            digest.update(piece)
            left -= len(piece)
        self.text(f"{size} {digest.hexdigest()}")


class WebServer(http.server.ThreadingHTTPServer):
    request_queue_size = 512
    daemon_threads = True
    context = None

    def finish_request(self, request, client_address):
        # The handshake belongs in the connection's own thread: a silent client holds up nobody.
        if self.context:
            request.settimeout(30)
            try:
                request = self.context.wrap_socket(request, server_side=True)
            except OSError:
                return
        super().finish_request(request, client_address)

    def handle_error(self, request, client_address):
        print(f"{client_address[0]}: {sys.exc_info()[1]}", file=sys.stderr, flush=True)


class Echo(socketserver.BaseRequestHandler):
    def handle(self):
        try:
            while data := self.request.recv(65536):
                self.request.sendall(data)
        except OSError:
            pass


class EchoServer(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    request_queue_size = 512
    daemon_threads = True


def echo_datagrams(sock):
    while True:
        data, peer = sock.recvfrom(65535)
        try:
            known = {b"source": peer[0], b"port": str(peer[1])}.get(data)
            sock.sendto(known.encode() if known else data, peer)
        except OSError as error:
            print(f"{peer}: {error}", file=sys.stderr, flush=True)


def main():
    address, certificate, key = sys.argv[1:]
    web = WebServer((address, 80), Web)
    tls = WebServer((address, 443), Web)
    tls.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.context.load_cert_chain(certificate, key)
    echo = EchoServer((address, 7), Echo)
    datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    datagrams.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
    datagrams.bind((address, 7))
    for work in (web.serve_forever, tls.serve_forever, echo.serve_forever):
        threading.Thread(target=work, daemon=True).start()
    threading.Thread(target=echo_datagrams, args=(datagrams,), daemon=True).start()
    print("ready", flush=True)
    signal.sigwait([signal.SIGTERM, signal.SIGINT])


if __name__ == "__main__":
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM, signal.SIGINT])
    main()
