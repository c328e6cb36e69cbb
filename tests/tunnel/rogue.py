# SPDX-License-Identifier: GPL-2.0-or-later
"""An SSH client that logs in as it should and then sends whatever a test wants it to.

RFC 4253, 4252 and 4254 with curve25519-sha256 and aes128-gcm@openssh.com only. It checks nothing that
the gateway says: what honest clients see is for OpenSSH and the connector to test.
"""
import hashlib
import os
import socket
import struct

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

DISCONNECT, SERVICE_REQUEST, KEXINIT, NEWKEYS, ECDH_INIT, ECDH_REPLY = 1, 5, 20, 21, 30, 31
USERAUTH_REQUEST, USERAUTH_SUCCESS, GLOBAL_REQUEST = 50, 52, 80
REQUEST_SUCCESS, REQUEST_FAILURE, OPEN, CONFIRMATION = 81, 82, 90, 91
WINDOW_ADJUST, DATA, EOF, CLOSE, CHANNEL_REQUEST = 93, 94, 96, 97, 98


def text(data):
    data = data.encode() if isinstance(data, str) else data
    return struct.pack(">I", len(data)) + data


def number(data):
    data = data.lstrip(b"\0")
    return text(b"\0" + data if data and data[0] & 0x80 else data)


def kexinit():
    lists = ("curve25519-sha256", "ecdsa-sha2-nistp256", *("aes128-gcm@openssh.com",) * 2,
             *("hmac-sha2-256",) * 2, "none", "none", "", "")
    return bytes([KEXINIT]) + os.urandom(16) + b"".join(text(t) for t in lists) + bytes(5)


class Direction:
    def __init__(self, key, nonce):
        self.cipher, self.fixed, self.count = AESGCM(key), nonce[:4], int.from_bytes(nonce[4:], "big")

    def nonce(self):
        nonce = self.fixed + self.count.to_bytes(8, "big")
        self.count = (self.count + 1) % 2 ** 64
        return nonce


class Rogue:
    def __init__(self, port, receive_buffer=0):
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(20)
        self.socket.connect(("127.0.0.1", port))
        self.coming, self.going, self.input = None, None, b""

    # --- packets ---
    def exactly(self, n):
        while len(self.input) < n:
            part = self.socket.recv(65536)
            if not part:
                raise ConnectionResetError("the gateway ended it")
            self.input += part
        data, self.input = self.input[:n], self.input[n:]
        return data

    def seal(self, payload, length=None):
        """@length: what the packet says of itself, instead of the truth."""
        block = 16 if self.going else 8
        padding = block - (1 + len(payload) + (0 if self.going else 4)) % block
        padding += block if padding < 4 else 0
        body = bytes([padding]) + payload + bytes(padding)
        head = struct.pack(">I", len(body) if length is None else length)
        return head + (self.going.cipher.encrypt(self.going.nonce(), body, head) if self.going else body)

    def send(self, *parts, length=None):
        self.socket.sendall(self.seal(b"".join(parts), length))

    def receive(self):
        head = self.exactly(4)
        body = self.exactly(struct.unpack(">I", head)[0] + (16 if self.coming else 0))
        if self.coming:
            try:
                body = self.coming.cipher.decrypt(self.coming.nonce(), body, head)
            except InvalidTag:
                raise AssertionError("a packet of the gateway is not authentic") from None
        return body[1:len(body) - body[0]]

    def expect(self, message):
        while (payload := self.receive())[0] != message:
            if payload[0] == DISCONNECT:
                raise ConnectionResetError(payload[9:9 + struct.unpack(">I", payload[5:9])[0]].decode())
        return payload

    def ended(self):
        """Why the gateway ends this; reads until it does."""
        try:
            while True:
                self.expect(DISCONNECT + 1000)
        except ConnectionError as error:
            return str(error)

    # --- the beginning ---
    def versions(self):
        self.socket.sendall(b"SSH-2.0-rogue\r\n")
        line = b""
        while not line.endswith(b"\n"):
            line += self.exactly(1)
        self.server = line.rstrip(b"\r\n")

    def exchange(self):
        mine = kexinit()
        self.send(mine)
        theirs = self.expect(KEXINIT)
        secret = X25519PrivateKey.generate()
        public = secret.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.send(bytes([ECDH_INIT]), text(public))
        reply, values = self.expect(ECDH_REPLY)[1:], []
        while reply:
            n = struct.unpack(">I", reply[:4])[0]
            values.append(reply[4:4 + n])
            reply = reply[4 + n:]
        shared = number(secret.exchange(X25519PublicKey.from_public_bytes(values[1])))
        exchanged = hashlib.sha256(b"".join(map(text, (
            "SSH-2.0-rogue", self.server, mine, theirs, values[0], public, values[1]))) + shared).digest()

        def derived(letter, n):
            return hashlib.sha256(shared + exchanged + letter + exchanged).digest()[:n]
        self.send(bytes([NEWKEYS]))
        self.going = Direction(derived(b"C", 16), derived(b"A", 12))
        self.expect(NEWKEYS)
        self.coming = Direction(derived(b"D", 16), derived(b"B", 12))

    def log_in(self, password, user="token"):
        self.versions()
        self.exchange()
        self.send(bytes([SERVICE_REQUEST]), text("ssh-userauth"))
        self.send(bytes([USERAUTH_REQUEST]), text(user), text("ssh-connection"), text("password"), b"\0",
                  text(password))
        self.expect(USERAUTH_SUCCESS)
        return self

    def forward(self, port):
        self.send(bytes([GLOBAL_REQUEST]), text("tcpip-forward"), b"\1", text("0.0.0.0"),
                  struct.pack(">I", port))
        while (payload := self.receive())[0] not in (REQUEST_SUCCESS, REQUEST_FAILURE):
            pass
        return payload[0] == REQUEST_SUCCESS

    def accept(self, window=1 << 20, packet=32768):
        """The gateway's next channel, confirmed. Returns the gateway's number of it, and its window."""
        payload = self.expect(OPEN)
        at = 5 + struct.unpack(">I", payload[1:5])[0]
        number_there, granted, _ = struct.unpack(">III", payload[at:at + 12])
        self.send(struct.pack(">BIIII", CONFIRMATION, number_there, 0, window, packet))
        return number_there, granted

    def data(self, channel, data):
        self.send(struct.pack(">BI", DATA, channel), text(data))

    def close(self):
        self.socket.close()
