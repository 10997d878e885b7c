#!/usr/bin/env python3
"""Compares the code in READMEs with the programs it comes from.

usage: check_snippets.py ROOT

A README quotes a region of a real program with a line `<!-- snippet: FILE NAME -->` right before a
```cpp fence; FILE holds the same text between `// [snippet: NAME]` and `// [/snippet]`, indented as
it likes. C++ without such a line is an error: it would rot.
"""
import pathlib
import re
import sys
import textwrap

MARK = re.compile(r"^<!-- snippet: (\S+) (\S+) -->$")
SKIPPED = {"build", "third_party", ".git"}


def region(text, name):
    """The lines of one marked region, dedented; None when there is none."""
    lines = text.splitlines()
    starts = [i for i, line in enumerate(lines) if line.strip() == f"// [snippet: {name}]"]
    if len(starts) != 1:
        return None
    for end in range(starts[0] + 1, len(lines)):
        if lines[end].strip() == "// [/snippet]":
            return textwrap.dedent("\n".join(lines[starts[0] + 1 : end])).strip("\n")
    return None


def fence(lines, start):
    end = next((i for i in range(start + 1, len(lines)) if lines[i] == "```"), len(lines))
    return "\n".join(lines[start + 1 : end]).strip("\n")


def check(root, readme):
    """Yields (line, complaint or None) for every C++ fence of one README."""
    lines = readme.read_text(encoding="utf-8").splitlines()
    for i, line in enumerate(lines):
        if not line.startswith("```cpp"):
            continue
        mark = MARK.match(lines[i - 1]) if i > 0 else None
        if not mark:
            yield i + 1, "C++ that comes from no program: quote a region of tests/examples/*.cc"
            continue
        file = root / mark.group(1)
        wanted = region(file.read_text(encoding="utf-8"), mark.group(2)) if file.is_file() else None
        if wanted is None:
            yield i + 1, f"{mark.group(1)} has no region {mark.group(2)}"
        else:
            yield i + 1, None if fence(lines, i) == wanted else f"differs from {mark.group(1)} {mark.group(2)}"


def main():
    root = pathlib.Path(sys.argv[1])
    found = wrong = 0
    for readme in sorted(root.rglob("README.md")):
        name = str(readme.relative_to(root))
        if SKIPPED.intersection(readme.relative_to(root).parts):
            continue
        results = list(check(root, readme))
        complaints = [(line, complaint) for line, complaint in results if complaint]
        found += len(results)
        wrong += len(complaints)
        for line, complaint in complaints:
            print(f"{name}:{line}: {complaint}")
    print(f"{found} snippets, {wrong} wrong")
    sys.exit(1 if wrong or not found else 0)


if __name__ == "__main__":
    main()
