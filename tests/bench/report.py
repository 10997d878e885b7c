#!/usr/bin/env python3
"""Tables, ratios and verdicts from what run.sh measured.

report.py [--json] [--micro FILE]... [--tunnel FILE] [--relay FILE]

--micro takes Google Benchmark's JSON, --tunnel the objects of tunnel.sh, --relay those of relay.sh. With --json one JSON object is printed
instead of tables; BENCH_JSON=FILE writes that object besides the tables.
"""
import argparse
import json
import os
import re
import statistics
import sys

OURS = "connlib-wg"
PEER = "wireguard-go"
NEWER = "wireguard-go (WIREGUARD_GO)"
TCP = ["tcp1", "tcp1-reverse", "tcp4", "tcp4-reverse"]
SIZES = [64, 576, 1280, 1420]
NODE_SIZES = [64, 576, 1280]

# The bar: what `make bench` must show.
MIN_STUB_ANSWERS = 200_000
MAX_AEAD_RATIO = 1.15
MAX_NODE_RATIO = 1.15
MAX_STATE_NANOSECONDS = 150
MAX_IDLE_MEBIBYTES = 64
MAX_IDLE_CPU_PERCENT = 2
MIN_TCP_RATIO = {PEER: 6.0, NEWER: 2.0}
MAX_CPU_SHARE = {PEER: 0.15, NEWER: 0.45}
MIN_RELAY_RATIO = {"batches": 3.5, "packets": 1.0}
MAX_RELAY_CPU_SHARE = {"batches": 0.35, "packets": 1.0}


def read_objects(path):
    """The JSON objects that follow each other in a file."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    decoder = json.JSONDecoder()
    at = 0
    while text[at:].strip():
        at += len(text[at:]) - len(text[at:].lstrip())
        value, at = decoder.raw_decode(text, at)
        yield value


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def row(cells, widths):
    print("  " + "".join(f"{cell:<{w}}" if i == 0 else f"{cell:>{w}}" for i, (cell, w) in enumerate(zip(cells, widths))))


# --- microbenchmarks


def micro_figures(paths):
    """name/size -> {real_time in ns, allocs}; medians where a benchmark repeats."""
    figures = {}
    for path in paths:
        with open(path, encoding="utf-8") as file:
            runs = json.load(file)["benchmarks"]
        for run in runs:
            if run.get("aggregate_name", "median") != "median":
                continue
            name = re.sub(r"/(min_time|repeats|real_time|iterations).*", "", run["run_name"])
            scale = {"ns": 1, "us": 1e3, "ms": 1e6, "s": 1e9}[run["time_unit"]]
            standard = {"name", "run_name", "run_type", "time_unit", "aggregate_name", "aggregate_unit"}
            figure = {k: v for k, v in run.items() if k not in standard and isinstance(v, float)}
            # Not real time: the machine may be busy. A benchmark may have timed the part that matters.
            figure["ns"] = figure.pop("ns/packet", run["cpu_time"] * scale)
            figures[name] = figure
    return figures


def micro_report(figures):
    checks = []
    if "connlib_seal/1280" in figures:
        print("\nCost per packet beside the bare AEAD (OpenSSL ChaCha20-Poly1305, keyed once, a fresh nonce per packet)\n")
        widths = [12, 12, 14, 10, 16]
        row(["", "connlib", "bare AEAD", "ratio", "allocs/packet"], widths)
        for operation in ("seal", "open"):
            for size in SIZES:
                ours = figures[f"connlib_{operation}/{size}"]
                bare = figures[f"openssl_{operation}/{size}"]
                ratio = ours["ns"] / bare["ns"]
                row([f"{operation} {size} B", f"{ours['ns']:.0f} ns", f"{bare['ns']:.0f} ns", f"{ratio:.3f}",
                     f"{ours['allocs/packet']:g}"], widths)
                if size == 1280:
                    checks.append((f"{operation} at 1280 bytes at most {MAX_AEAD_RATIO} x bare AEAD", ratio,
                                   ratio <= MAX_AEAD_RATIO))
    checks += node_report(figures)
    checks += state_report(figures)
    beside = ("connlib_", "node_", "tunnel/", "wireguard_")  # They have tables of their own.
    others = {name: f for name, f in figures.items() if "allocs/packet" in f and not name.startswith(beside)}
    if others:
        print("\nThe rest of the packet path\n")
        widths = [40, 14, 16]
        row(["", "per packet", "allocs/packet"], widths)
        for name, figure in others.items():
            row([name, f"{figure['ns']:.0f} ns", f"{figure['allocs/packet']:g}"], widths)
    allocating = [name for name, f in figures.items() if f.get("allocs/packet", 0) > 0]
    if figures:
        checks.append(("0 allocations per packet", len(allocating), not allocating))
    if "handshake" in figures:
        seconds = figures["handshake"]["ns"] / 1e9
        print(f"\n  handshakes, both ends on one core: {1 / seconds:.0f} per second")
    if "memory" in figures:
        memory = figures["memory"]
        print(f"  memory per peer with {memory['peers']:.0f} peers: {memory['configured_bytes']:.0f} bytes configured, "
              f"{memory['session_bytes']:.0f} bytes with a session")
    if "stub_answers" in figures:
        stub = figures["stub_answers"]
        print(f"  DNS stub with 10,000 resources on one core: {1e9 / stub['ns']:.0f} answers per second, "
              f"{stub['allocs/answer']:.3f} allocations each")
        checks.append((f"at least {MIN_STUB_ANSWERS} DNS stub answers per second", 1e9 / stub["ns"],
                       1e9 / stub["ns"] >= MIN_STUB_ANSWERS))
        checks.append(("no allocation per DNS stub answer", stub["allocs/answer"], stub["allocs/answer"] < 0.001))
    if "relay_memory" in figures:
        memory = figures["relay_memory"]
        print(f"  memory of the relay's tables per allocation with {memory['allocations']:.0f}: "
              f"{memory['allocation_bytes']:.0f} bytes, {memory['bound_bytes']:.0f} bytes with a channel")
    return checks


def node_report(figures):
    if "wireguard_handle/1280" not in figures:
        return []
    print("\nCost per packet of the node beside the bare WireGuard layer; a packet at a time, or a run of 45\n")
    widths = [34, 14, 14, 10, 16]
    row(["", "node", "bare", "ratio", "allocs/packet"], widths)
    checks = []
    for what, bare, words in (("encapsulate", "encapsulate", "encapsulate"), ("seal_run", "encapsulate", "seal a run"),
                              ("handle", "handle", "handle_datagrams")):
        for path in ("direct", "channel"):
            for size in NODE_SIZES:
                ours, theirs = figures[f"node_{what}_{path}/{size}"], figures[f"wireguard_{bare}/{size}"]
                ratio = ours["ns"] / theirs["ns"]
                row([f"{words}, {path}, {size} B", f"{ours['ns']:.0f} ns", f"{theirs['ns']:.0f} ns", f"{ratio:.3f}",
                     f"{ours['allocs/packet']:g}"], widths)
                if size == 1280:
                    checks.append((f"node: {words}, {path}, at 1280 bytes at most {MAX_NODE_RATIO} x bare WireGuard", ratio,
                                   ratio <= MAX_NODE_RATIO))
    idle, meeting = figures["idle_connections"], figures["upsert_to_established"]
    print(f"\n  {idle['connections']:.0f} idle connections: {idle['bytes_per_connection']:.0f} bytes each, {idle['mebibytes']:.1f} MiB "
          f"in all; {idle['cpu_percent']:.2f} % of a core, {idle['wakeups_per_second']:.0f} wake-ups per second")
    print(f"  upsert to established, in round trips, portal included: {meeting['client_round_trips']:.2f} for a client, "
          f"{meeting['gateway_round_trips']:.2f} for a gateway")
    checks.append((f"node: idle connections in less than {MAX_IDLE_MEBIBYTES} MiB", idle["mebibytes"],
                   idle["mebibytes"] < MAX_IDLE_MEBIBYTES))
    checks.append((f"node: idle connections with less than {MAX_IDLE_CPU_PERCENT} % of a core", idle["cpu_percent"],
                   idle["cpu_percent"] < MAX_IDLE_CPU_PERCENT))
    return checks


def state_report(figures):
    if "tunnel/names/from_client" not in figures:
        return []
    print("\nWhat client and gateway add to the node: 1,000 resources with filters, 10,000 flows, one packet of each in turn\n")
    widths = [34, 14, 14, 14, 16]
    row(["", "with state", "bare node", "added", "allocs/packet"], widths)
    worst = 0
    for resources in ("networks", "names"):
        for step, words in (("from_application", "client, out"), ("from_client", "gateway, out"), ("from_server", "gateway, back"),
                            ("from_gateway", "client, back")):
            ours, bare = figures[f"tunnel/{resources}/{step}"], figures[f"tunnel/nodes/{step}"]
            added = ours["ns"] - bare["ns"]
            worst = max(worst, added)
            row([f"{words}, {resources}", f"{ours['ns']:.0f} ns", f"{bare['ns']:.0f} ns", f"{added:.0f} ns",
                 f"{ours['allocs/packet']:g}"], widths)
    return [(f"client or gateway state adds at most {MAX_STATE_NANOSECONDS} ns to a packet", worst, worst <= MAX_STATE_NANOSECONDS)]


# --- end to end


def tunnel_figures(path):
    """(veth, program, what) -> medians over the rounds."""
    samples = {}
    for run in read_objects(path):
        samples.setdefault((run["veth"], run["program"], run["what"]), []).append(run)
    return {key: tunnel_figure(key[2], runs) for key, runs in samples.items()}


def tunnel_figure(what, runs):
    median = statistics.median
    if what == "latency":
        return {"median_us": median(statistics.median(r["result"]) for r in runs),
                "p99_us": median(percentile(r["result"], 0.99) for r in runs)}
    if what == "udp":
        ends = [r["result"]["end"]["sum"] for r in runs]
        received = [e["bytes"] * (1 - e["lost_percent"] / 100) for e in ends]
        return {"mbit_per_second": median(b * 8e-6 / e["seconds"] for b, e in zip(received, ends)),
                "loss_percent": median(e["lost_percent"] for e in ends),
                "cpu_seconds_per_gb": median(r["cpu_seconds"] / b * 1e9 for b, r in zip(received, runs))}
    ends = [r["result"]["end"]["sum_received"] for r in runs]
    return {"mbit_per_second": median(e["bits_per_second"] / 1e6 for e in ends),
            "cpu_seconds_per_gb": median(r["cpu_seconds"] / e["bytes"] * 1e9 for e, r in zip(ends, runs))}


WORDS = {"tcp1": "TCP, 1 stream", "tcp1-reverse": "TCP, 1 stream, reverse", "tcp4": "TCP, 4 streams",
         "tcp4-reverse": "TCP, 4 streams, reverse", "udp": "UDP delivered"}


def tunnel_report(figures):
    programs = list(dict.fromkeys(program for _, program, _ in figures))
    checks = []
    for veth in dict.fromkeys(v for v, _, _ in figures):
        print(f"\nThrough a tunnel, veth {veth}: Mbit/s (CPU seconds of both ends per GB)\n")
        widths = [26] + [22] + [34] * (len(programs) - 1)
        row([""] + programs, widths)
        for what, words in WORDS.items():
            ours = figures[veth, OURS, what]
            cells = [words, f"{ours['mbit_per_second']:.0f} ({ours['cpu_seconds_per_gb']:.2f})"]
            for program in programs[1:]:
                theirs = figures[veth, program, what]
                ratio = ours["mbit_per_second"] / theirs["mbit_per_second"]
                share = ours["cpu_seconds_per_gb"] / theirs["cpu_seconds_per_gb"]
                cells.append(f"{theirs['mbit_per_second']:.0f} ({theirs['cpu_seconds_per_gb']:.2f})"
                             f"  {ratio:.2f} x, {share:.0%}")
            row(cells, widths)
        row(["UDP lost"] + [f"{figures[veth, p, 'udp']['loss_percent']:.1f} %" for p in programs], widths)
        for name, words in (("median_us", "round trip, median"), ("p99_us", "round trip, p99")):
            row([words] + [f"{figures[veth, p, 'latency'][name]:.0f} us" for p in programs], widths)
        checks += tunnel_checks(figures, veth, programs[1:])
    return checks


def tunnel_checks(figures, veth, programs):
    """The ratio of all TCP runs together: geometric mean."""
    checks = []
    for program in programs:
        def mean(name, of=program):
            return statistics.geometric_mean(figures[veth, OURS, w][name] / figures[veth, of, w][name] for w in TCP)
        ratio, share = mean("mbit_per_second"), mean("cpu_seconds_per_gb")
        checks.append((f"veth {veth}: TCP at least {MIN_TCP_RATIO[program]:g} x {program}", ratio,
                       ratio >= MIN_TCP_RATIO[program]))
        checks.append((f"veth {veth}: CPU per GB at most {MAX_CPU_SHARE[program]:.0%} of {program}", share,
                       share <= MAX_CPU_SHARE[program]))
    return checks


# --- relays

RELAYS = ["connlib-relay", "coturn"]


def relay_figures(path):
    """(program, what) -> medians over the rounds."""
    samples = {}
    for run in read_objects(path):
        samples.setdefault((run["program"], run["what"]), []).append(run["result"])
    figures = {}
    for key, results in samples.items():
        figure = {name: statistics.median(r[name] for r in results) for name in results[0]}
        if "received" in figure:
            figure["cpu_us_per_packet"] = statistics.median(r["cpu_seconds"] / r["received"] * 1e6 for r in results)
        figures[key] = figure
    return figures


def relay_words(what):
    """Which bar it counts for, and its name in the table."""
    batch, burst, payload, direction = what.split("/")
    kind = "batches" if int(batch) > 1 else "packets"
    name = kind if kind == "batches" or int(burst) > 1 else "one by one"
    return kind, f"{name}, {payload} B, {direction.replace('-', ' ')}"


def relay_report(figures):
    if not figures:
        return []
    print("\nThrough a relay: packets per second that arrived (CPU microseconds of the relay per packet)\n")
    widths = [32, 22, 22, 16]
    row([""] + RELAYS, widths)
    ratios, shares = {}, {}
    for what in [w for p, w in figures if p == RELAYS[0] and "/" in w]:
        ours, theirs = (figures[program, what] for program in RELAYS)
        ratio = ours["packets_per_second"] / theirs["packets_per_second"]
        share = ours["cpu_us_per_packet"] / theirs["cpu_us_per_packet"]
        sending, words = relay_words(what)
        ratios.setdefault(sending, []).append(ratio)
        shares.setdefault(sending, []).append(share)
        row([words] + [f"{f['packets_per_second']:.0f} ({f['cpu_us_per_packet']:.2f})"
                                       for f in (ours, theirs)] + [f"{ratio:.2f} x, {share:.0%}"], widths)
    ours, theirs = (figures[program, "allocate"] for program in RELAYS)
    for name, words in (("allocate_median_us", "Allocate, median"), ("allocate_p99_us", "Allocate, p99"),
                        ("release_median_us", "Refresh 0, median"), ("cpu_us", "CPU for both")):
        row([words] + [f"{f[name]:.0f} us" for f in (ours, theirs)], widths)
    memory = [figures[program, "memory"] for program in RELAYS]
    row([f"resident, {memory[0]['allocations']:.0f} allocations"] + [f"{m['after_kib'] / 1024:.1f} MiB" for m in memory],
        widths)
    row(["resident, before"] + [f"{m['before_kib'] / 1024:.1f} MiB" for m in memory], widths)
    checks = []
    for sending, words in (("batches", "senders that batch"), ("packets", "one-packet senders")):
        checks.append((f"relay, {words}: at least {MIN_RELAY_RATIO[sending]:g} x coturn's packets in every row",
                       min(ratios[sending]), min(ratios[sending]) >= MIN_RELAY_RATIO[sending]))
        checks.append((f"relay, {words}: CPU per packet at most {MAX_RELAY_CPU_SHARE[sending]:.0%} of coturn in every row",
                       max(shares[sending]), max(shares[sending]) <= MAX_RELAY_CPU_SHARE[sending]))
    ratio = ours["allocate_median_us"] / theirs["allocate_median_us"]
    checks.append(("relay: allocation round trip no slower than coturn's", ratio, ratio <= 1))
    return checks


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--check", action="store_true", help="exit with 1 when the bar is not reached")
    parser.add_argument("--micro", action="append", default=[])
    parser.add_argument("--tunnel")
    parser.add_argument("--relay")
    arguments = parser.parse_args()
    screen = sys.stdout
    if arguments.json:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")
    micro = micro_figures(arguments.micro)
    checks = micro_report(micro)
    tunnel = tunnel_figures(arguments.tunnel) if arguments.tunnel else {}
    checks += tunnel_report(tunnel)
    relay = relay_figures(arguments.relay) if arguments.relay else {}
    checks += relay_report(relay)
    print("\nThe bar\n")
    for what, value, met in checks:
        print(f"  {'reached' if met else 'MISSED '}  {what}: {value:.3g}")
    sys.stdout = screen
    everything = json.dumps({
        "micro": micro,
        "tunnel": [{"veth": v, "program": p, "what": w, **f} for (v, p, w), f in tunnel.items()],
        "relay": [{"program": p, "what": w, **f} for (p, w), f in relay.items()],
        "bar": [{"what": what, "value": value, "reached": met} for what, value, met in checks],
    }, indent=1)
    if arguments.json:
        print(everything)
    if os.environ.get("BENCH_JSON"):
        with open(os.environ["BENCH_JSON"], "w", encoding="utf-8") as file:
            file.write(everything + "\n")
    if arguments.check and not all(met for _, _, met in checks):
        sys.exit(1)


main()
