"""Run inside a box without a network: what connects to a port there is led to a socket that was put into the box.

    python relay.py SOCKET PORT PROGRAM WORDS...

Listens on loopback, then runs the program and ends with its exit code. Python 2.7 to 3.7, the standard library alone.
"""

import os
import socket
import subprocess
import sys
import threading


def pump(source, target):
    """Hand on what one side says until it has said all."""
    try:
        while True:
            data = source.recv(65536)
            if not data:
                break
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def lead(near, path):
    far = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    far.connect(path)
    back = threading.Thread(target=pump, args=(far, near))
    back.start()
    pump(near, far)
    back.join()
    near.close()
    far.close()


def accept(listening, path):
    while True:
        thread = threading.Thread(target=lead, args=(listening.accept()[0], path))
        thread.daemon = True
        thread.start()


def main(path, port, command):
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(("127.0.0.1", int(port)))
    listening.listen(16)
    thread = threading.Thread(target=accept, args=(listening, path))
    thread.daemon = True
    thread.start()
    code = subprocess.call(command)
    sys.stdout.flush()
    os._exit(code if code >= 0 else 128 - code)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
