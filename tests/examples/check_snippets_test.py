#!/usr/bin/env python3
"""The test of the snippet check: what differs, is missing or comes from nowhere is named."""
import pathlib
import tempfile
import unittest

import check_snippets

PROGRAM = "int main() {\n  // [snippet: body]\n  int a = 1;\n\n  return a;\n  // [/snippet]\n}\n"
QUOTE = "<!-- snippet: a.cc body -->\n```cpp\nint a = 1;\n\nreturn a;\n```\n"


class Snippets(unittest.TestCase):
    def complaints(self, readme):
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            (root / "a.cc").write_text(PROGRAM)
            (root / "README.md").write_text(readme)
            return [complaint for _, complaint in check_snippets.check(root, root / "README.md")]

    def test_a_true_quote(self):
        self.assertEqual(self.complaints("# Title\n\n" + QUOTE), [None])

    def test_what_is_wrong(self):
        for readme, part in [
            (QUOTE.replace("int a = 1", "int a = 2"), "differs"),
            (QUOTE.replace("a.cc body", "a.cc other"), "no region"),
            (QUOTE.replace("a.cc body", "b.cc body"), "no region"),
            (QUOTE.split("\n", 1)[1], "no program"),
        ]:
            with self.subTest(part=part):
                self.assertEqual(len(self.complaints(readme)), 1)
                self.assertIn(part, self.complaints(readme)[0])


if __name__ == "__main__":
    unittest.main()
