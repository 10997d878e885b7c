#!/usr/bin/python3
"""One ICE agent (aioice) that signals through two files of plain lines, like connlib-ice-agent."""
import argparse
import asyncio
import os

import aioice

PINGS = 20


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("role", choices=["controlling", "controlled"])
    parser.add_argument("mine")
    parser.add_argument("theirs")
    parser.add_argument("--stun")
    parser.add_argument("--turn")
    parser.add_argument("--user")
    parser.add_argument("--pw")
    parser.add_argument("--v6", action="store_true")
    parser.add_argument("--relay-only", action="store_true")
    parser.add_argument("--hold", type=float, default=0, help="seconds that the pings take at least")
    return parser.parse_args()


def host_and_port(text):
    host, port = text.rsplit(":", 1)
    return host, int(port)


def write_offer(connection, path, relay_only):
    with open(path + ".tmp", "w") as out:
        out.write(f"ice-ufrag:{connection.local_username}\nice-pwd:{connection.local_password}\n")
        for candidate in connection.local_candidates:
            if not relay_only or candidate.type == "relay":
                out.write("candidate:" + candidate.to_sdp() + "\n")
        out.write("end-of-candidates\n")
    os.rename(path + ".tmp", path)


async def read_offer(connection, path):
    while not os.path.exists(path):
        await asyncio.sleep(0.05)
    for line in open(path):
        name, _, value = line.strip().partition(":")
        if name == "ice-ufrag":
            connection.remote_username = value
        elif name == "ice-pwd":
            connection.remote_password = value
        elif name == "candidate":
            await connection.add_remote_candidate(aioice.Candidate.from_sdp(value))
    await connection.add_remote_candidate(None)


async def ping(connection, hold):
    echoed = 0
    for number in range(PINGS):
        await connection.send(b"ping%d" % number)
        try:
            echoed += await asyncio.wait_for(connection.recv(), 1) == b"pong%d" % number
        except asyncio.TimeoutError:
            pass
        await asyncio.sleep(hold / PINGS)
    await connection.send(b"bye")
    return echoed


async def pong(connection):
    echoed = 0
    while (data := await asyncio.wait_for(connection.recv(), 30)) != b"bye":
        echoed += 1
        await connection.send(data.replace(b"ping", b"pong"))
    return echoed


async def main(options):
    servers = {}
    if options.stun:
        servers["stun_server"] = host_and_port(options.stun)
    if options.turn:
        servers.update(
            turn_server=host_and_port(options.turn), turn_username=options.user, turn_password=options.pw
        )
    controls = options.role == "controlling"
    connection = aioice.Connection(ice_controlling=controls, use_ipv4=True, use_ipv6=options.v6, **servers)
    await connection.gather_candidates()
    write_offer(connection, options.mine, options.relay_only)
    await read_offer(connection, options.theirs)
    await asyncio.wait_for(connection.connect(), 30)
    print("connected", {key: str(pair) for key, pair in connection._nominated.items()}, flush=True)
    echoed = await (ping(connection, options.hold) if controls else pong(connection))
    print("echoed", echoed, flush=True)
    await asyncio.sleep(0.3)
    await connection.close()


asyncio.run(main(arguments()))
