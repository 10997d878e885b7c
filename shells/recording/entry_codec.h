#pragma once

#include <optional>

#include <absl/time/time.h>

#include "connlib/base/ip.h"
#include "shells/recording/recording.pb.h"
#include "snownet/node/node_observer.h"
#include "snownet/node/node_options.h"

namespace connlib::recording {

inline constexpr uint32_t kVersion = 1;

// write_start() and write_input() fill `entry` but for its time. Without `with_payloads` packets
// from inside are stored as their length alone.
void write_start(const snownet::node::NodeOptions& options, absl::Time date, Entry& entry);
void write_input(const snownet::node::NodeInput& input, bool with_payloads, Entry& entry);

// The other direction; nullopt for what no recorder writes.
std::optional<snownet::node::NodeOptions> read_options(const Start& start);
absl::Time read_date(const Start& start);
std::optional<SocketAddress> read_address(const Address& address);
std::optional<snownet::node::ConnectionOptions> read_connection(const Upsert& upsert);
std::optional<snownet::node::RelayListing> read_relay(const Relay& relay);

}  // namespace connlib::recording
