#!/usr/bin/env python3
"""Checks that every test that connlib/README.md names for a lesson exists.

usage: lessons.py ROOT

A citation is `FILE`: "NAME", NAME as it stands in a TEST_CASE of FILE. Every lesson from 1 to 80 has
one row, with citations or with the words "no test yet".
"""
import pathlib
import re
import sys

ROW = re.compile(r"^\| (\d+) \| [^|]+ \| (.+) \|$")
CITATION = re.compile(r'`([^`]+_test\.cc)`: "([^"]+)"')
LESSONS = range(1, 81)


def names_in(path):
    """The names of the tests of one file, however their literals are broken."""
    text = re.sub(r'"\s*\n\s*"', "", path.read_text(encoding="utf-8"))
    return set(re.findall(r'TEST_CASE(?:_METHOD)?\(\s*(?:\w+,\s*)?"([^"]+)"', text))


def complaints(root):
    table = (root / "connlib/README.md").read_text(encoding="utf-8")
    rows = dict(match.groups() for match in map(ROW.match, table.splitlines()) if match)
    for number in LESSONS:
        row = rows.get(str(number))
        if row is None:
            yield f"lesson {number} has no row"
            continue
        cited = CITATION.findall(row)
        if not cited and not row.startswith("no test yet"):
            yield f"lesson {number} names no test"
        for file, name in cited:
            if not (root / file).is_file() or name not in names_in(root / file):
                yield f'lesson {number}: there is no test "{name}" in {file}'


def main():
    found = list(complaints(pathlib.Path(sys.argv[1])))
    for complaint in found:
        print(complaint)
    print(f"{len(LESSONS)} lessons, {len(found)} complaints")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
