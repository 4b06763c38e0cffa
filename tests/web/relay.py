"""A proxy that adds nothing: passes bytes on to a port of this machine, as HAProxy in its default mode does.

    python -m tests.web.relay PORT [fork]

It prints the port at which it listens. With `fork` a child that doesn't listen itself passes each connection on, as
socat's do.
"""

from __future__ import annotations

import os
import socket
import sys
import threading


def pump(source: socket.socket, sink: socket.socket) -> None:
    while piece := source.recv(65_536):
        sink.sendall(piece)
    sink.shutdown(socket.SHUT_WR)


def relay(stranger: socket.socket, port: int) -> None:
    ours = socket.create_connection(("127.0.0.1", port))
    threading.Thread(target=pump, args=(stranger, ours), daemon=True).start()
    pump(ours, stranger)


def main() -> None:
    port, forks = int(sys.argv[1]), "fork" in sys.argv
    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    while True:
        stranger, _ = listener.accept()
        if not forks:
            threading.Thread(target=relay, args=(stranger, port), daemon=True).start()
        elif os.fork() == 0:
            listener.close()
            relay(stranger, port)
            os._exit(0)


if __name__ == "__main__":
    main()
