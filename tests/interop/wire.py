#!/usr/bin/env python3
"""A cable between two network namespaces that loses, doubles, delays and reorders frames.

usage: wire.py NS1 DEV1 NS2 DEV2 [--delay MS] [--loss PCT] [--dup PCT] [--reorder PCT] [--reorder-by MS] [--seed N]

Makes TAP device DEV1 in NS1 and DEV2 in NS2, for kernels without netem. Prints "ready"; on SIGTERM it removes the
devices and prints counts per direction. The same seed decides the same for the same sequence of frames.
"""

import argparse
import ctypes
import fcntl
import heapq
import os
import random
import select
import signal
import struct
import subprocess
import time

CLONE_NEWNET = 0x40000000
TUNSETIFF = 0x400454CA
IFF_TAP_WITHOUT_HEADER = 0x1002
QUEUE_FRAMES = 2000


def arguments():
    parser = argparse.ArgumentParser()
    for name in ("ns1", "dev1", "ns2", "dev2"):
        parser.add_argument(name)
    for name, default in (("delay", 0), ("loss", 0), ("dup", 0), ("reorder", 0), ("reorder-by", 10)):
        parser.add_argument("--" + name, type=float, default=default)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def tap(namespace, device):
    libc = ctypes.CDLL(None, use_errno=True)
    home = os.open("/proc/self/ns/net", os.O_RDONLY)
    there = os.open("/run/netns/" + namespace, os.O_RDONLY)
    if libc.setns(there, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns " + namespace)
    try:
        fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", device.encode(), IFF_TAP_WITHOUT_HEADER))
        subprocess.run(["ip", "link", "set", device, "up"], check=True)
    finally:
        libc.setns(home, CLONE_NEWNET)
        os.close(home)
        os.close(there)
    return fd


class Direction:
    """Decides the fate of each frame from one device and keeps those on their way to the other."""

    def __init__(self, options, seed):
        self.options = options
        self.random = random.Random(seed)
        self.waiting = []
        self.counts = dict.fromkeys(("in", "lost", "doubled", "reordered", "overflow"), 0)

    def chance(self, percent):
        return self.random.random() * 100 < percent

    def take(self, frame, now):
        self.counts["in"] += 1
        lost, doubled, late = (self.chance(p) for p in (self.options.loss, self.options.dup, self.options.reorder))
        if lost or len(self.waiting) >= QUEUE_FRAMES:
            self.counts["lost" if lost else "overflow"] += 1
            return
        self.counts["reordered"] += late
        self.counts["doubled"] += doubled
        when = now + (self.options.delay + (self.options.reorder_by if late else 0)) / 1000
        for _ in range(2 if doubled else 1):
            heapq.heappush(self.waiting, (when, self.counts["in"], frame))

    def due(self, now):
        while self.waiting and self.waiting[0][0] <= now:
            yield heapq.heappop(self.waiting)[2]


def main():
    options = arguments()
    fds = (tap(options.ns1, options.dev1), tap(options.ns2, options.dev2))
    directions = [Direction(options, options.seed * 2 + i) for i in (0, 1)]
    stopped = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.append(True))
    poll = select.poll()
    for fd in fds:
        poll.register(fd, select.POLLIN)
    print("ready", flush=True)
    while not stopped:
        next_at = min((d.waiting[0][0] for d in directions if d.waiting), default=time.monotonic() + 0.1)
        for fd, _ in poll.poll(max(0.0, (next_at - time.monotonic()) * 1000)):
            try:
                directions[fds.index(fd)].take(os.read(fd, 65536), time.monotonic())
            except BlockingIOError:
                pass
        for i, direction in enumerate(directions):
            for frame in direction.due(time.monotonic()):
                try:
                    os.write(fds[1 - i], frame)
                except OSError:
                    direction.counts["overflow"] += 1
    for name, direction in zip(("1to2", "2to1"), directions):
        print(name, " ".join(f"{key}={value}" for key, value in direction.counts.items()), flush=True)


main()
