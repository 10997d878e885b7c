#pragma once

#include <optional>
#include <string>

#include "connlib/base/ip.h"
#include "snownet/ice/role.h"
#include "snownet/turn/credentials.h"
#include "snownet/turn/relay_sockets.h"

namespace connlib::interop {

// Options are the command line that all agents of the laboratory share.
struct Options {
  snownet::ice::Role role{};
  std::string mine;    // The file to write: credentials and candidates, a line each.
  std::string theirs;  // The peer's, once it is there.
  std::optional<SocketAddress> stun;
  snownet::turn::RelaySockets turn;
  std::optional<snownet::turn::Credentials> credentials;  // With `turn`.
  bool relay_only = false;
  bool uses_v6 = false;
  std::string log;

  bool has_turn() const { return turn.v4 || turn.v6; }
  bool uses(IpFamily family) const { return family == IpFamily::kV4 || uses_v6; }
};

// parse_options() prints what is wrong, or help, and gives the exit status in `status` then.
std::optional<Options> parse_options(int argc, char** argv, int& status);

}  // namespace connlib::interop
