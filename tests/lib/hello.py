# SPDX-License-Identifier: GPL-2.0-or-later
"""hello - what a TLS client says first."""
import ssl


def client_hello(name):
    """The ClientHello of a client that wants the server called name."""
    coming, going = ssl.MemoryBIO(), ssl.MemoryBIO()
    session = ssl.create_default_context().wrap_bio(coming, going, server_hostname=name)
    try:
        session.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return going.read()
