#pragma once

#include <cstdint>
#include <vector>

#include "connlib/base/timestamp.h"
#include "connlib/dns/packet_writer.h"
#include "connlib/dns/tcp/server.h"

namespace connlib::dns {

enum class Transport : uint8_t { kUdp, kTcp };

// Asker is who asked, and how to answer.
struct Asker {
  Transport transport = Transport::kUdp;
  PacketAddresses reply;         // From sentinel to application.
  tcp::ConnectionId connection;  // Of a TCP asker.
};

// PendingQuery waits for somebody else's answer.
struct PendingQuery {
  Asker asker;
  std::vector<uint8_t> message;
  Timestamp deadline;
  uint64_t configuration = 0;  // As of which it was asked.
};

}  // namespace connlib::dns
