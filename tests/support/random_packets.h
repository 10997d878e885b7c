#pragma once

#include "connlib/base/ip.h"
#include "connlib/base/random_source.h"
#include "tests/support/packets.h"

namespace connlib::testing {

// random_address() and random_bytes() favour zeros now and then: checksums have two of them.
IpAddress random_address(IpFamily family, RandomSource& random);
Bytes random_bytes(size_t size, RandomSource& random);

// random_packet() is a valid packet of at most 1280 bytes: TCP, UDP (some without checksum), echo,
// other ICMP or opaque, sometimes with IPv4 options or IPv6 extension headers.
Bytes random_packet(RandomSource& random);

}  // namespace connlib::testing
