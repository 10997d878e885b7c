#!/usr/bin/env python3
"""The test of the layering test: each planted violation must be found and named by file and line."""
import pathlib
import tempfile
import unittest

import layering


class Planted(unittest.TestCase):
    def violations(self, path, text):
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / path
            file.parent.mkdir(parents=True)
            file.write_text(text)
            _, violations = layering.check_tree(folder)
            return violations

    def test_includes_that_point_up_or_sideways(self):
        for path, header in [
            ("connlib/base/a.h", "connlib/packet/b.h"),
            ("connlib/base/a.h", "wireguard/tunnel/device.h"),
            ("wireguard/tunnel/a.cc", "snownet/node/node.h"),
            ("wireguard/tunnel/a.cc", "connlib/client/client.h"),
            ("wireguard/session/a.h", "wireguard/tunnel/tunnel.h"),
            ("wireguard/noise/a.h", "wireguard/session/session.h"),
            ("snownet/ice/a.cc", "shells/common/os_clock.h"),
            ("snownet/stun/a.cc", "wireguard/tunnel/tunnel.h"),
            ("snownet/stun/a.cc", "snownet/turn/allocation.h"),
            ("snownet/turn/a.cc", "snownet/ice/agent.h"),
            ("snownet/turn/a.cc", "snownet/relay/server.h"),
            ("snownet/ice/a.h", "snownet/turn/allocation.h"),
            ("snownet/ice/a.h", "snownet/node/node.h"),
            ("snownet/relay/a.cc", "snownet/turn/allocation.h"),
            ("snownet/relay/a.cc", "snownet/ice/agent.h"),
            ("snownet/relay/a.cc", "wireguard/tunnel/device.h"),
            ("connlib/client/a.cc", "wireguard/tunnel/tunnel.h"),
            ("wireguard/crypto/a.cc", "tests/support/vectors.h"),
        ]:
            with self.subTest(path=path, header=header):
                found = self.violations(path, f'#pragma once\n#include "{header}"\n')
                self.assertEqual(len(found), 1)
                self.assertTrue(found[0].startswith(f"{path}:2: "), found[0])
                self.assertIn(header, found[0])

    def test_system_headers_that_are_not_for_the_core(self):
        for path, header in [
            ("wireguard/tunnel/a.cc", "thread"),
            ("wireguard/tunnel/a.cc", "mutex"),
            ("connlib/base/a.h", "sys/socket.h"),
            ("connlib/base/a.h", "uv.h"),
            ("connlib/base/a.cc", "random"),
            ("wireguard/crypto/a.h", "openssl/evp.h"),
            ("wireguard/noise/a.cc", "openssl/evp.h"),
            ("snownet/stun/integrity.h", "openssl/evp.h"),
            ("snownet/stun/message.cc", "openssl/evp.h"),
            ("snownet/relay/integrity.cc", "openssl/evp.h"),
            ("connlib/dns/a.cc", "nlohmann/json.hpp"),
            ("connlib/dns/a.cc", "absl/time/clock.h"),
        ]:
            with self.subTest(path=path, header=header):
                self.assertEqual(len(self.violations(path, f"#include <{header}>\n")), 1)

    def test_clocks_threads_and_randomness_by_name(self):
        for text in [
            "auto t = std::chrono::steady_clock::now();",
            "auto t = absl::Now();",
            "std::random_device device;",
            "int n = rand();",
            "std::mutex m;",
            'auto e = getenv("X");',
            "throw 1;",
        ]:
            with self.subTest(text=text):
                self.assertEqual(len(self.violations("snownet/ice/a.cc", text + "\n")), 1)

    def test_what_is_allowed(self):
        for path, text in [
            ("wireguard/crypto/a.cc", "#include <openssl/evp.h>\n"),
            ("wireguard/tunnel/a.cc", '#include "wireguard/session/session.h"\n#include "connlib/base/ip.h"\n'),
            ("snownet/stun/integrity.cc", "#include <openssl/evp.h>\n"),
            ("snownet/turn/a.cc", '#include "snownet/stun/message.h"\n#include "wireguard/crypto/hash.h"\n'),
            ("snownet/ice/a.cc", '#include "snownet/stun/message.h"\n#include "connlib/base/ip.h"\n'),
            ("snownet/relay/a.cc", '#include "snownet/stun/channel_data.h"\n'),
            ("snownet/node/a.cc", '#include "snownet/ice/a.h"\n#include "snownet/turn/a.h"\n#include "wireguard/tunnel/a.h"\n'),
            ("connlib/nat/a.cc", '#include "wireguard/crypto/hash.h"\n#include <absl/time/time.h>\n'),
            ("shells/linux/a.cc", '#include <sys/socket.h>\n#include "wireguard/tunnel/device.h"\n'),
            ("wireguard/tunnel/a_test.cc", '#include "tests/support/vectors.h"\n#include <thread>\n'),
            ("wireguard/tunnel/a.cc", "// absl::Now() is not for us; random.below(3), operand(4)\n"),
            ("wireguard/tunnel/a.cc", "uint64_t n = random.below(operand(3));\n"),
        ]:
            with self.subTest(path=path, text=text):
                self.assertEqual(self.violations(path, text), [])


if __name__ == "__main__":
    unittest.main()
