#!/usr/bin/env python3
"""Writes the seeds of the fuzz targets into tests/fuzz/corpus/: published messages, configuration texts,
and scripts for the state machines. Files that a fuzzer found (found-*) are left alone.

usage: make_corpus.py            (from anywhere; then commit what changed)
"""
import json
import pathlib

FUZZ = pathlib.Path(__file__).resolve().parent
PORTAL = json.loads((FUZZ.parent / "vectors" / "portal.json").read_text(encoding="utf-8"))
VECTORS = json.loads((FUZZ.parent / "vectors" / "wireguard.json").read_text(encoding="utf-8"))


def write(target, name, content):
    folder = FUZZ / "corpus" / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)


def messages():
    psk = VECTORS["handshakes"][0]
    yield "initiation", psk["initiation"]["message"]
    yield "response", psk["response"]["message"]
    yield "cookie-reply", VECTORS["cookies"][0]["message"]
    for message in VECTORS["transport"][:2]:
        yield message["name"], message["message"]
    for name in ("init-reserved-not-zero", "init-short", "data-31-bytes"):
        yield name, next(m for m in VECTORS["negative"] if m["name"] == name)["message"]


# The operations of tunnel_fuzz.cc. Side A is even, B odd.
def send(side, size=100):
    return bytes([side]) + size.to_bytes(2, "big")


def start(side):
    return bytes([2 + side])


def run(seconds):
    return bytes([14 + 16, seconds])


DELIVER, NEXT = bytes([4]), bytes([14])
CONNECT = start(0) + run(1)


def corrupt(pick, offset, flip):
    return bytes([8, pick]) + offset.to_bytes(2, "big") + bytes([flip])


def change(side, what, argument=None):
    return bytes([15, side | what << 1]) + (b"" if argument is None else bytes([argument]))


def sleep(minutes):
    return bytes([13]) + minutes.to_bytes(2, "big")


TUNNEL = {
    "idle": b"\0",
    "connect-and-talk": b"\0" + CONNECT + send(0) + send(1, 1400) + run(1) + send(0, 1) + run(20),
    "renew-by-age": b"\0" + CONNECT + (send(0) + send(1) + run(60)) * 7,
    "both-start": b"\0" + start(0) + start(1) + run(2) + send(0) + send(1) + run(1),
    "response-lost": b"\0" + start(0) + DELIVER + bytes([6, 0]) + run(6) + send(1) + run(1),
    "replay-everything": b"\0" + CONNECT + send(0) + run(1) + b"".join(bytes([11, i]) for i in range(6)),
    "corrupt-each-kind": b"\0" + start(0) + corrupt(0, 50, 1) + DELIVER + run(6) + send(0) + corrupt(0, 20, 4) + DELIVER,
    "slept-for-days": b"\0" + CONNECT + send(0) + sleep(10000) + send(0) + NEXT * 3 + sleep(1) + CONNECT,
    "reorder-and-reflect": b"\0" + CONNECT + send(0) * 5 + bytes([5, 3, 5, 1, 7, 0, 10, 2, 5, 2, 5, 0, 5, 0]),
    "peer-lost-its-session": b"\0" + CONNECT + change(1, 0) + send(0) + DELIVER + run(30),
    "rebuilt": b"\0" + CONNECT + change(0, 1) + change(1, 1) + start(0) + run(1) + bytes([11, 0, 11, 1]),
    "cookies": b"\1" + CONNECT + run(20) + send(0) + run(130) + CONNECT,
    "keepalives": b"\2" + run(30) + change(1, 2, 1) + run(10) + change(1, 2, 0) + sleep(10),
    "counter-runs-high": b"\10" + CONNECT + (send(0) + run(1)) * 12,
    "late-clock": b"\0" + CONNECT + change(0, 3, 200) + send(0) + run(200) + start(1) + run(1),
    "given-up": b"\4" + start(0) + bytes([6, 0]) + NEXT * 12 + sleep(1) + run(30),
}


# The operations of wireguard_handshake_fuzz.cc: kind << 1 | side.
def attack(side, pick, mutations, how):
    """`pick` of the log; each mutation is XOR (offset, flip); how & 8 mends mac1."""
    out = bytes([4 << 1 | side, 0, pick, len(mutations)])
    for offset, flip in mutations:
        out += bytes([0]) + offset.to_bytes(2, "big") + bytes([flip])
    return out + bytes([how])


def later(milliseconds):
    return bytes([3 << 1]) + milliseconds.to_bytes(2, "big")


MEND = 8
SHAKE = bytes([0, 2 << 1, 0, 2 << 1, 0, 2 << 1, 0])  # Start, then initiation, response, keepalive arrive.
HANDSHAKE = {
    "plain": b"\0" + SHAKE,
    "bad-mac1": b"\0\0" + attack(1, 0, [(120, 1)], 0),
    "tampered-static": b"\0\0" + attack(1, 0, [(50, 1)], MEND),
    "tampered-timestamp": b"\0\0" + attack(1, 0, [(90, 1)], MEND),
    "tampered-ephemeral": b"\0\0" + attack(1, 0, [(8, 1)], MEND) + attack(1, 0, [(39, 128)], MEND),
    "other-sender-index": b"\0\0" + attack(1, 0, [(4, 1)], MEND) + later(30) + attack(1, 0, [(5, 1)], MEND),
    "tampered-response": b"\0\0" + bytes([4, 0]) + attack(0, 1, [(44, 1)], MEND) + attack(0, 1, [], 0),
    "replayed": b"\0" + SHAKE + later(100) + attack(1, 0, [], 0) + attack(0, 1, [], 0) + attack(1, 2, [], 0),
    "flood-from-one-source": b"\0" + SHAKE + attack(1, 0, [], 0) * 30,
    "forced-cookie": b"\1\0" + attack(1, 0, [], 0) + attack(1, 0, [], 7) + attack(0, 1, [(40, 1)], 0) + attack(0, 1, [], 0),
}

KEY = "00112233445566778899aabbccddeeff00112233445566778899aabbccddee7f"
PEER = "c2290520ad21383a269dc03f43435ebdf19226dabd5f9cd4f38af0ccb91cfb36"
OTHER = "1bd402862b6be1ecf078404edbff61bfd603259236194041cb207a4813c15b2a"
UAPI = {
    "get": (255, "get=1\n\n"),
    "device": (255, f"set=1\nprivate_key={KEY}\nlisten_port=51820\nfwmark=4660\nreplace_peers=true\n\n"),
    "peer": (
        255,
        f"set=1\nprivate_key={KEY}\npublic_key={PEER}\npreshared_key={OTHER}\nendpoint=192.0.2.1:51820\n"
        "persistent_keepalive_interval=25\nreplace_allowed_ips=true\nallowed_ip=10.0.0.0/8\nallowed_ip=fd00::/64\n"
        "protocol_version=1\n\n",
    ),
    "two-peers-in-pieces": (
        6,
        f"set=1\npublic_key={PEER}\nallowed_ip=0.0.0.0/0\npublic_key={OTHER}\nendpoint=[2001:db8::1]:1\n"
        f"allowed_ip=0.0.0.0/0\n\nset=1\npublic_key={PEER}\nremove=true\n\nget=1\n\n",
    ),
    "updates": (
        40,
        f"set=1\npublic_key={PEER}\nallowed_ip=+10.0.0.0/8\n\nset=1\npublic_key={PEER}\nupdate_only=true\n"
        f"allowed_ip=-10.0.0.0/8\n\nset=1\npublic_key={OTHER}\nupdate_only=true\n\nset=1\nprivate_key={'0' * 64}\nfwmark=\n\n",
    ),
    "errors": (255, "\nget=2\n\nset=1\nnonsense\n\nset=1\nlisten_port=65536\n\nset=1\nallowed_ip=10.0.0.0/8\n\nget=1"),
}


# ip_packet_fuzz.cc: what is done, then a packet (checksums are its own business) and edits or other packets.
A4, B4 = bytes([10, 0, 0, 1]), bytes([192, 0, 2, 1])
A6, B6 = bytes.fromhex("fd000000000000000000000000000001"), bytes.fromhex("20010db8000000000000000000000001")


def ipv4(protocol, upper, options=b""):
    size = (20 + len(options) + len(upper)).to_bytes(2, "big")
    first = bytes([0x45 + len(options) // 4, 0])
    return first + size + bytes([0, 1, 0, 0, 64, protocol, 0, 0]) + A4 + B4 + options + upper


def ipv6(next_header, payload):
    return bytes([0x60, 0, 0, 0]) + len(payload).to_bytes(2, "big") + bytes([next_header, 64]) + A6 + B6 + payload


def udp(payload=b""):
    return bytes([4, 0, 0, 53]) + (8 + len(payload)).to_bytes(2, "big") + bytes([1, 1]) + payload


def view(packet, *edits):
    script = b"".join(bytes([what]) + bytes([9] * 18) for what in edits)
    return bytes([0]) + len(packet).to_bytes(2, "big") + packet + script


def cut(gso, segment, start, offset, packet):
    numbers = segment.to_bytes(2, "big") + b"\0\0" + b"\1" + start.to_bytes(2, "big") + offset.to_bytes(2, "big")
    return bytes([1, gso]) + numbers + packet


TCP = bytes([4, 0, 1, 187]) + bytes(8) + bytes([0x60, 0x18, 1, 0]) + bytes(4) + bytes([1] * 4)
ECHO = bytes([8, 0, 1, 1, 0, 7, 0, 1])
UNREACHABLE4 = bytes([3, 13, 0, 0, 0, 0, 0, 0])
TOO_BIG4, TOO_BIG6 = bytes([3, 4, 0, 0, 0, 0, 5, 0]), bytes([2, 0, 0, 0, 0, 0, 5, 0])
EXTENSIONS = bytes([60] + [0] * 7) + bytes([51] + [0] * 7) + bytes([44] + [4] + [0] * 22) + bytes([17] + [0] * 7)
IP_PACKET = {
    "udp4": view(ipv4(17, udp(b"hello")), 0, 1, 0x12, 0x13, 0x14, 0x15, 6, 7),
    "udp6-extensions": view(ipv6(0, EXTENSIONS + udp(b"x")), 0, 1, 0x14, 0x15, 0x36, 7),
    "udp4-no-checksum": view(ipv4(17, bytes([4, 0, 0, 53, 0, 8, 0, 0])), 0x14),
    "udp4-options": view(ipv4(17, udp(), bytes([1, 148, 4, 0, 0, 0, 0, 0])), 0x15),
    "tcp4": view(ipv4(6, TCP + b"data"), 4, 5, 0x14),
    "tcp6": view(ipv6(6, TCP), 4, 0x85),
    "echo4": view(ipv4(1, ECHO), 0x24, 0x25),
    "echo6": view(ipv6(58, bytes([128]) + ECHO[1:]), 0x24, 0x25),
    "opaque": view(ipv4(132, bytes(12)), 0, 1, 4),
    "fragment": view(ipv6(44, bytes([17, 0, 0, 1, 0, 0, 0, 0]) + udp())),
    "source-routed": view(ipv4(17, udp(), bytes([131, 7, 4, 9, 9, 9, 9, 0]))),
    "unreachable4": view(ipv4(1, UNREACHABLE4 + ipv4(17, udp(b"12345678"))[:28])),
    "too-big4-quotes-tcp": view(ipv4(1, TOO_BIG4 + ipv4(6, TCP)[:28])),
    "too-big6": view(ipv6(58, TOO_BIG6 + ipv6(6, TCP + bytes(100))), 1),
    "error-quotes-echo": view(ipv4(1, UNREACHABLE4 + ipv4(1, ECHO))),
    "error-quotes-error": view(ipv4(1, UNREACHABLE4 + ipv4(1, UNREACHABLE4 + ipv4(17, udp())))),
    "cut-tcp4": cut(1, 100, 20, 16, ipv4(6, TCP + bytes(1000))),
    "cut-tcp6": cut(2, 100, 40, 16, ipv6(6, TCP + bytes(950))),
    "cut-udp4": cut(3, 50, 20, 6, ipv4(17, udp(bytes(210)))),
    "finish-checksum": cut(0, 0, 20, 6, ipv4(17, udp(bytes(11)))),
    # Flows of tests' packets: kind | flow << 2 | v6 << 4 | damage << 5 | mend << 6, payload / 4, identification.
    "merge-tcp4": bytes([2, 0]) + b"".join(bytes([2, 100, i]) for i in range(6)) + bytes([2, 3, 6]),
    "merge-two-flows": bytes([2, 1]) + b"".join(bytes([18, 50, 0, 22, 40, 0]) for _ in range(5)),
    "merge-udp6": bytes([2, 1]) + bytes([17, 30, 0]) * 5 + bytes([17, 2, 0]),
    "merge-with-flags": bytes([2, 1]) + bytes([2, 9, 0, 3, 9, 1, 0x18, 3, 9, 2, 0x11, 2, 9, 3]),
    "merge-df-and-junk": bytes([2, 1]) + bytes([0x62, 9, 0, 0x40]) * 3 + bytes([0, 3, 0x45, 1, 2]) + bytes([2, 9, 3]),
}


# The operations of node_fuzz.cc. The first byte is the policy for late candidates; peer 0 is the other end.
def cleanly(tenths):
    return bytes([2, tenths])


def node_upsert(side, twist=0, *more):
    return bytes([11, side, 0, twist]) + bytes(more)


def node_send(side, size=100):
    return bytes([14, side, 0]) + size.to_bytes(2, "big")


def node_check(side, priority, what, source):
    return bytes([15, side]) + priority.to_bytes(2, "big") + bytes([what, source])


MEET = bytes([3]) + cleanly(20) + node_send(0) + node_send(1) + cleanly(2)
SHUT, OPEN = bytes([16, 2]), bytes([16, 3])
REBOOT = [bytes([16, 0, 0, relay]) for relay in (0, 1)]
NODE = {
    "nothing": b"",
    "meet": b"\0" + MEET,
    "meet-relayed": b"\0" + SHUT + MEET + cleanly(100) + node_send(0, 1280) + cleanly(2),
    "direct-path-dies": b"\0" + MEET + SHUT + (node_send(0) + cleanly(20)) * 12 + OPEN + cleanly(200),
    "sleeps-and-wakes": b"\1" + MEET + cleanly(250) + bytes([1, 60]) + node_send(0) + cleanly(250),
    "relays-reboot": b"\2" + SHUT + MEET + REBOOT[0] + REBOOT[1] + cleanly(250) + cleanly(250),
    "relays-leave": b"\0" + SHUT + MEET + bytes([12, 0, 1, 1]) + cleanly(30) + bytes([12, 0, 2, 2]) + cleanly(30),
    "relays-lie": b"\0" + bytes([3]) + bytes([12, 0, 6, 10, 0]) + cleanly(50) + bytes([12, 1, 82, 130, 6, 9, 9, 9]),
    "upserts-differ": b"\0" + MEET + node_upsert(0, 1, 7) + node_upsert(1, 1, 7) + cleanly(30) + node_upsert(0, 2)
    + node_upsert(1, 16) + node_upsert(0, 12, 1) + cleanly(120),
    "ends": b"\0" + MEET + bytes([13, 0, 0, 0]) + cleanly(5) + MEET + bytes([13, 1, 2]) + cleanly(1) + MEET + bytes([13, 0, 1, 0]),
    "resets": b"\0" + MEET + bytes([13, 0, 4]) + cleanly(20) + bytes([16, 1, 0, 13, 0, 4]) + cleanly(20) + MEET + bytes([13, 1, 3]) + cleanly(9),
    "checks-from-anywhere": b"\0" + MEET + b"".join(node_check(i % 2, 300 * i, 129 | i << 1, i % 3) for i in range(20)) + cleanly(50),
    "lines": b"\0" + MEET + b"".join(bytes([10, i % 2, 64 * (i % 4), 1, i % 4, i % 5, 1, i]) for i in range(12))
    + bytes([10, 0, 0, 6, 3, 0, 1, 1]) + bytes([10, 0, 0, 0, 20]) + b"1 1 udp 1 1.2.3.4 5 " + cleanly(50),
    "everything-mangled": b"\0" + bytes([3]) + bytes([7, 0, 0, 30, 1]) * 4 + bytes([6, 3, 6, 200, 5, 0, 4, 1]) * 3 + cleanly(100),
    "late-clock": b"\0" + bytes([17, 200]) + MEET + bytes([17, 100]) + node_send(1) + bytes([0, 40, 0]) + cleanly(60),
}


# The inputs of control_fuzz.cc: 0 and a whole packet, or type << 1 | 1 and a payload.
ASSIGNED = (b'{"resource":"3f1a2b4c-0000-4000-8000-123456789abc","domain":"example.com","proxy_ips":["100.96.0.1",'
            b'"100.96.0.2","100.96.0.3","100.96.0.4","fd00:2021:1111:8000::","fd00:2021:1111:8000::1",'
            b'"fd00:2021:1111:8000::2","fd00:2021:1111:8000::3"]}')
STATUS = b'{"resource":"r","domain":"a.b","status":"Active"}'
CONTROL = {
    "assigned": b"\1" + ASSIGNED,
    "assigned-more-fields": b"\1" + ASSIGNED[:-1] + b',"ttl":[1,2.5e3,null,{"x":"\\u0041"}]}',
    "assigned-sentinel": b"\1" + ASSIGNED.replace(b"100.96.0.4", b"100.100.111.1"),
    "status": b"\3" + STATUS,
    "status-unknown": b"\3" + STATUS.replace(b"Active", b"Later"),
    "status-cut": b"\3" + STATUS[:-4],
    "nested": b"\3" + b"[" * 600,
    "type-unknown": b"\7{}",
    "goodbye-packet": b"\0" + bytes.fromhex("60000000 0008ff00") + bytes(32) + b"\2" + bytes(7),
    "status-packet": b"\0" + bytes.fromhex("60000000 0039ff00") + bytes(32) + b"\1" + bytes(7) + STATUS,
}


# portal_fuzz.cc: whole frames; the examples of the protocol, and what ends or answers a channel.
def portal():
    for number, message in enumerate(PORTAL["messages"]):
        frame = {key: message[key] for key in ("event", "payload")}
        frame |= {"topic": message["channel"], "ref": None if message["direction"] == "down" else number}
        yield f"{number:02}-{message['channel']}-{message['event']}", frame
    for name, event, payload, ref in (
        ("reply-ok", "phx_reply", {"status": "ok", "response": {}}, 0),
        ("reply-error", "phx_reply", {"status": "error", "response": {"reason": "unmatched topic"}}, 7),
        ("close", "phx_close", {}, None),
        ("disconnect", "disconnect", {"reason": "token_expired"}, None),
        ("join-relay", "phx_join", {"stamp_secret": "5e" * 32}, 0),
        ("join-client", "phx_join", None, 0),
    ):
        yield name, {"topic": "relay", "event": event, "payload": payload, "ref": ref}


# The operations of nat_fuzz.cc: 0 installs, 1 waits, 2 and 3 send raw, 4 exchanges, 6 and 7 send built packets.
def install(name, proxies, reals):
    def some(addresses):
        return len(addresses).to_bytes(2, "big") + b"".join(bytes(a) for a in addresses)
    return b"\0" + some(proxies) + some(reals) + name.to_bytes(2, "big")


def wait(milliseconds):
    return b"\1" + milliseconds.to_bytes(2, "big")


def raw(operation, packet):
    return bytes([operation]) + len(packet).to_bytes(2, "big") + packet


V4, V6 = 0, 1
BOTH = install(0, [(V4, 1), (V4, 2), (V6, 1), (V6, 2)], [(V4, 1), (V6, 1)])
NAT = {
    "exchange-udp": BOTH + bytes([4, 0, 1, 1, 4]) + bytes([4, 1, 1, 1, 4]),
    "exchange-echo": BOTH + bytes([4, 4, 1, 1]) + bytes([4, 5, 2, 0]),
    "exchange-tcp": BOTH + bytes([4, 8, 1, 1, 2]) + bytes([4, 10, 2, 0, 16]),
    "ports-collide": BOTH + bytes([4, 10, 1, 0, 16]) + bytes([4, 10, 2, 0, 16]) + bytes([4, 10, 1, 0, 16]),
    "expires": BOTH + bytes([6, 0, 1, 1, 4]) + wait(61000) + bytes([7, 0, 1, 1, 4]),
    "closes": BOTH + bytes([6, 8, 1, 1, 17, 7, 8, 1, 1, 17]) + wait(6000) + bytes([7, 8, 1, 1, 16]),
    "resets-and-opens": BOTH + bytes([6, 8, 1, 1, 20, 6, 8, 1, 1, 2]) + wait(2000) + bytes([7, 8, 1, 1, 18]),
    "renumbers": BOTH + bytes([6, 0, 1, 1, 4]) + install(1, [(V4, 1)], [(V4, 2)]) + bytes([7, 0, 1, 1, 4]),
    "no-records": install(0, [(V4, 1), (V6, 1)], []) + bytes([6, 0, 1, 1, 4]),
    "leads-to-client": install(2, [(V4, 1)], [(V4, 0x80)]) + bytes([6, 0, 1, 1, 4]),
    "floods": BOTH + b"".join(bytes([6, kind, proxy, port, 4])
                              for kind in (0, 2, 8, 10) for proxy in (1, 2) for port in range(4)),
    "raw-error": BOTH + bytes([6, 0, 1, 1, 4]) + raw(3, ipv4(1, UNREACHABLE4 + ipv4(17, udp(b"12345678"))[:28])),
    "raw-opaque": BOTH + raw(2, ipv4(47, bytes(20))),
}


# DNS messages, and texts for patterns: the pattern, a newline, a name.
def name(text):
    return b"".join(bytes([len(label)]) + label.encode() for label in text.split(".") if label) + b"\0"


def dns(flags, question, *sections):
    counts = [1] + [len(section) for section in sections] + [0] * (3 - len(sections))
    return (b"\x12\x34" + flags.to_bytes(2, "big") + b"".join(count.to_bytes(2, "big") for count in counts)
            + question + b"".join(record for section in sections for record in section))


def ask(text, kind):
    return name(text) + bytes([0, kind, 0, 1])


def record(owner, kind, rdata, ttl=60):
    return owner + bytes([0, kind, 0, 1]) + ttl.to_bytes(4, "big") + len(rdata).to_bytes(2, "big") + rdata


QUESTION = b"\xc0\x0c"  # A pointer to its name.
OPT = b"\0\0\x29\x10\0\0\0\x80\0\0\0"
SOA = record(QUESTION, 6, name("ns.b") + name("x.b") + bytes(19) + b"\x3c")

DNS = {
    "query-a": dns(0x0100, ask("www.a", 1)),
    "query-aaaa-edns": dns(0x0100, ask("www.a", 28), [], [], [OPT]),
    "query-pool": dns(0x0100, ask("host.b", 1)),
    "query-txt": dns(0x0100, ask("www.a", 16)),
    "query-ptr": dns(0x0100, ask("1.0.96.100.in-addr.arpa", 12)),
    "query-ptr6": dns(0x0100, ask("0." * 18 + "8.1.1.1.1.1.2.0.2.0.0.d.f.ip6.arpa", 12)),
    "answer-a": dns(0x8180, ask("www.c", 1), [record(QUESTION, 1, bytes([192, 0, 2, 1]))]),
    "answer-cname": dns(0x8180, ask("www.c", 1),
                        [record(QUESTION, 5, b"\1x\xc0\x10"), record(b"\1x\xc0\x10", 1, bytes(4))], [], [OPT]),
    "nxdomain": dns(0x8183, ask("www.b", 1), [], [SOA]),
    "loop": dns(0x8180, ask("c", 1), [record(b"\xc0\x0f", 1, bytes(4))]),
    "pattern-star": b"*.example.com\nwww.example.com",
    "pattern-any": b"app.**.web.**.c\napp.a.web.b.c",
    "pattern-mixed": b"a*b?.c\nAxxbY.C",
}

# The operations of dns_tcp_fuzz.cc: side, operation, arguments; two bytes but for operations.
DELIVER_ALL, WRITE, CONSUME, CLOSE, INVENT, SLEEP = 9, 0, 1, 2, 3, 8
OPEN = bytes([0xff, 0xff, 0xff, 0xf0]) + bytes([0, 0, DELIVER_ALL]) + bytes([0, 0])


def tcp(side, operation, *numbers):
    return bytes([0, side, operation]) + b"".join(number.to_bytes(2, "big") for number in numbers)


DNS_TCP = {
    "open": OPEN,
    "talk": OPEN + tcp(0, WRITE, 3000) + tcp(0, DELIVER_ALL) + tcp(1, CONSUME, 3000) + tcp(1, WRITE, 60000)
            + tcp(0, DELIVER_ALL) * 3 + tcp(1, CLOSE) + tcp(0, CLOSE) + tcp(0, DELIVER_ALL) * 2,
    "lost-syn": bytes(4) + tcp(0, 6, 0) + tcp(0, SLEEP) * 9,
    "lost-data": OPEN + tcp(0, WRITE, 9000) + tcp(0, 6, 0) + tcp(0, DELIVER_ALL) * 2 + tcp(0, SLEEP) * 3,
    "repeat": OPEN + tcp(1, WRITE, 100) + tcp(0, 5, 0) * 3 + tcp(0, DELIVER_ALL),
    "changed": OPEN + tcp(1, WRITE, 100) + tcp(0, 7, 0, 13) + b"\x04" + tcp(0, DELIVER_ALL),
    "invented": OPEN + (tcp(0, INVENT) + bytes([0, 0, 0, 0, 1, 0, 1, 2, 4]) + bytes([0xff, 0, 0, 0, 0, 0])) * 4,
    "full-window": OPEN + (tcp(0, WRITE, 65000) + tcp(0, DELIVER_ALL)) * 4 + tcp(0, SLEEP) * 8,
}

# The operations of gateway_fuzz.cc: 0 grants, 1 revokes, 2 updates, 3 lists, 4 waits, 5 installs, 6 sends, 7 receives.
# A grant: id (2), kind, [network or name (2)], filters (2), [protocol, first, last], expiry (1 or 2).
GATEWAY = {
    "network": bytes([0, 0, 0, 0, 0, 0, 0, 0, 0, 6, 1, 0, 3, 195, 80, 0, 0, 0, 80, 0, 2, 7, 1, 0, 0, 0, 80, 0, 3, 195, 80, 0, 16]),
    "name": bytes([0, 0, 0, 1, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 1, 0, 0, 6, 1, 0, 3, 195, 80, 0, 6, 0, 80, 1]),
    "internet": bytes([0, 0, 0, 2, 0, 0, 0, 6, 1, 0, 3, 195, 80, 0, 2, 0, 80, 1, 6, 1, 0, 3, 195, 80, 0, 0, 0, 80, 1]),
    "expires": bytes([0, 0, 0, 0, 0, 0, 0, 0, 1, 9, 4, 255, 255, 6, 1, 0, 3, 195, 80, 0, 0, 0, 80, 1]),
    "revoked": bytes([0, 0, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 6, 1, 0, 3, 195, 80, 0, 0, 0, 80, 1]),
    "listed": bytes([0, 0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 1, 0, 0, 1, 60, 4, 16, 0, 6, 1, 0, 3, 195, 80, 0, 0, 0, 80, 1]),
}


def main():
    for name, frame in portal():
        write("portal_fuzz", name, json.dumps(frame, separators=(",", ":")).encode())
    for name, text in messages():
        write("wireguard_messages_fuzz", name, bytes.fromhex(text))
    for name, script in TUNNEL.items():
        write("tunnel_fuzz", name, script)
    for name, script in HANDSHAKE.items():
        write("wireguard_handshake_fuzz", name, script)
    for name, script in IP_PACKET.items():
        write("ip_packet_fuzz", name, script)
    for name, script in NODE.items():
        write("node_fuzz", name, script)
    for name, script in CONTROL.items():
        write("control_fuzz", name, script)
    for name, script in NAT.items():
        write("nat_fuzz", name, script)
    for seed, content in DNS.items():
        write("dns_fuzz", seed, content)
    for seed, script in DNS_TCP.items():
        write("dns_tcp_fuzz", seed, script)
    for name, script in GATEWAY.items():
        write("gateway_fuzz", name, script)
    for name, (piece, text) in UAPI.items():
        write("uapi_fuzz", name, bytes([piece]) + text.encode())


if __name__ == "__main__":
    main()
