#!/usr/bin/env python3
"""Sends or receives BYTES over one TCP connection and prints the SHA-256 of what went through.

usage: tcp_hash.py receive ADDRESS PORT | send ADDRESS PORT BYTES
"""

import hashlib
import os
import socket
import struct
import sys
import time

BLOCK = 1 << 20


def receive(listener):
    connection, _ = listener.accept()
    digest, total, buffer = hashlib.sha256(), 0, bytearray(BLOCK)
    begin = time.monotonic()
    while count := connection.recv_into(buffer):
        digest.update(memoryview(buffer)[:count])
        total += count
    return digest, total, time.monotonic() - begin


def send(address, port, total):
    # Every block differs from every other, so lost, doubled or swapped blocks change the sum.
    noise = bytearray(os.urandom(BLOCK))
    digest, sent = hashlib.sha256(), 0
    begin = time.monotonic()
    with socket.create_connection((address, port), timeout=20) as connection:
        connection.settimeout(60)
        while sent < total:
            struct.pack_into("<QQ", noise, (sent // BLOCK * 40) % (BLOCK - 16), sent, sent ^ 0x5A5A)
            part = memoryview(noise)[: min(BLOCK, total - sent)]
            digest.update(part)
            connection.sendall(part)
            sent += len(part)
    return digest, sent, time.monotonic() - begin


def main():
    role, address, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
    if role == "receive":
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with socket.create_server((address, port), family=family) as listener:
            listener.settimeout(30)
            digest, total, seconds = receive(listener)
    else:
        digest, total, seconds = send(address, port, int(sys.argv[4]))
    print(digest.hexdigest(), total, f"{seconds:.2f}", f"{total * 8 / seconds / 1e6:.0f}")


main()
