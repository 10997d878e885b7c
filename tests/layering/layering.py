#!/usr/bin/env python3
"""Reads every #include of the project against the table of who may know what.

usage: layering.py ROOT

Prints one line per violation, `file:line: why`, and exits with 1 when there is one. The rules are
those of ARCHITECTURE.md; the core (all but shells/, bindings/ and tests) must not know clocks,
threads, sockets or the randomness of the machine.
"""
import pathlib
import re
import sys

FLOOR = ("connlib/base/", "connlib/packet/", "connlib/model/")

# Folder: what its project includes may begin with. The longest matching folder counts.
MAY_INCLUDE = {
    "connlib/base/": ("connlib/base/",),
    "connlib/packet/": ("connlib/base/", "connlib/packet/"),
    "connlib/model/": ("connlib/base/", "connlib/model/"),
    "wireguard/crypto/": FLOOR + ("wireguard/crypto/",),
    "wireguard/noise/": FLOOR + ("wireguard/crypto/", "wireguard/noise/"),
    "wireguard/cookie/": FLOOR + ("wireguard/crypto/", "wireguard/noise/", "wireguard/cookie/"),
    "wireguard/session/": FLOOR + ("wireguard/crypto/", "wireguard/noise/", "wireguard/session/"),
    "wireguard/": FLOOR + ("wireguard/",),
    "snownet/stun/": FLOOR + ("wireguard/crypto/", "snownet/stun/"),
    "snownet/turn/": FLOOR + ("wireguard/crypto/", "snownet/stun/", "snownet/turn/"),
    "snownet/ice/": FLOOR + ("wireguard/crypto/", "snownet/stun/", "snownet/ice/"),
    "snownet/relay/": FLOOR + ("wireguard/crypto/", "snownet/stun/", "snownet/relay/"),
    "snownet/": FLOOR + ("wireguard/", "snownet/"),
    "connlib/": ("connlib/", "snownet/", "wireguard/crypto/"),
    "shells/": ("connlib/", "snownet/", "wireguard/", "shells/"),
    "bindings/": ("connlib/", "snownet/", "wireguard/", "shells/", "bindings/"),
}
PROJECT = ("connlib/", "snownet/", "wireguard/", "shells/", "bindings/", "tests/")

# System headers that only some places may include: pattern, then the files that may.
RESTRICTED_HEADERS = [
    (re.compile(r"openssl/"), re.compile(r"wireguard/crypto/[^/]*\.cc|snownet/stun/integrity\.cc|shells/.*|bindings/.*")),
    (re.compile(r"nlohmann/"), re.compile(r"connlib/(portal|control)/.*\.cc|shells/.*")),
    (
        re.compile(
            r"(thread|mutex|shared_mutex|condition_variable|future|semaphore|stop_token|random|ctime|time\.h"
            r"|unistd\.h|fcntl\.h|poll\.h|sched\.h|pthread\.h|netdb\.h|ifaddrs\.h|uv\.h|windows\.h"
            r"|absl/time/clock\.h|absl/synchronization/.*|absl/random/.*|spdlog/.*|CLI/.*)$"
            r"|(sys|net|netinet|arpa|linux|libmnl)/"
        ),
        re.compile(r"(shells|bindings)/.*"),
    ),
]

# What the text of the core must not contain, comments and strings aside.
FORBIDDEN_TEXT = [
    (re.compile(r"std::chrono::\w*_clock\b|(?<!\w)\w*_clock::now\b"), "reads a clock"),
    (re.compile(r"\babsl::Now\b|\bgettimeofday\b|\bclock_gettime\b"), "reads a clock"),
    (re.compile(r"\bstd::random_device\b|(?<![\w:.])s?rand\s*\(|\bgetrandom\b"), "draws randomness of the machine"),
    (re.compile(r"\bstd::(jthread|thread|mutex|async)\b"), "uses threads"),
    (re.compile(r"(?<![\w:.>])getenv\s*\(|\bstd::getenv\b"), "reads the environment"),
    (re.compile(r"\b(throw|catch)\b"), "throws or catches"),
]

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
COMMENT_OR_STRING = re.compile(r'//.*|"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])\'')


def rule_for(path):
    folders = [folder for folder in MAY_INCLUDE if path.startswith(folder)]
    return max(folders, key=len) if folders else None


def check_include(path, header, is_test):
    if header.startswith(PROJECT):
        if is_test and header.startswith(("tests/support/", "tests/bench/allocation_counter.h")):
            return None
        folder = rule_for(path)
        if not header.startswith(MAY_INCLUDE[folder]):
            return f"{folder} must not know {header}"
        return None
    if is_test:
        return None
    for pattern, allowed in RESTRICTED_HEADERS:
        if pattern.match(header) and not allowed.fullmatch(path):
            return f"<{header}> is not for this place"
    return None


def check_file(root, path):
    is_test = path.endswith("_test.cc")
    is_core = not path.startswith(("shells/", "bindings/"))
    for number, line in enumerate((root / path).read_text(encoding="utf-8").splitlines(), 1):
        include = INCLUDE.match(line)
        why = None
        if include:
            why = check_include(path, include.group(2), is_test)
        elif is_core and not is_test:
            text = COMMENT_OR_STRING.sub("", line)
            for pattern, what in FORBIDDEN_TEXT:
                if pattern.search(text):
                    why = f"the core {what}: {text.strip()}"
                    break
        if why:
            yield f"{path}:{number}: {why}"


def check_tree(root):
    root = pathlib.Path(root)
    files = sorted(
        str(file.relative_to(root))
        for top in ("connlib", "snownet", "wireguard", "shells", "bindings")
        for file in (root / top).rglob("*")
        if file.suffix in (".h", ".cc")
    )
    return files, [violation for path in files for violation in check_file(root, path)]


def main():
    files, violations = check_tree(sys.argv[1])
    for violation in violations:
        print(violation)
    print(f"{len(files)} files read, {len(violations)} violations")
    if not files:
        print("no file found: that cannot be right")
    sys.exit(1 if violations or not files else 0)


if __name__ == "__main__":
    main()
