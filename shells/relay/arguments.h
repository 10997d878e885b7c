#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <absl/status/statusor.h>

#include "connlib/base/ip.h"
#include "shells/common/log.h"
#include "shells/relay/control_client.h"
#include "shells/relay/process.h"
#include "shells/relay/public_address.h"
#include "shells/relay/unsupported.h"

namespace connlib::relay {

// Arguments is what the command line and the environment say, as they say it.
struct Arguments {
  bool standalone = false;
  std::vector<std::string> users;  // NAME:PASSWORD
  std::string stamp_secret;
  std::string token;
  std::string name;
  std::string api_url;
  std::string public_ip4, public_ip6;  // An address, auto, or empty.
  std::vector<std::string> stun_servers;
  std::string bind_ip4 = "0.0.0.0", bind_ip6 = "::";
  uint16_t listen_port = 3478;
  uint16_t lowest_port = 49152;
  uint16_t highest_port = 65535;
  bool allow_private_peers = false;
  bool allow_rfc5766_channels = false;
  snownet::relay::Limits limits;
  std::string health_check = "0.0.0.0:8080";
  double drain_seconds = 60;
  std::string log = "info";
  std::string log_format = "human";
  std::optional<std::string> control_endpoint;  // Absent: kControlEndpoint, if it can be had.
  UnsupportedOptions unsupported;
  std::optional<ControlCommand> control;  // `ctl`: to be asked of a relay that runs.
};

// parse_arguments() reads argv and the environment. It prints help, version and usage errors
// itself; then `exit_code` is set and the result is nothing.
std::optional<Arguments> parse_arguments(int argc, char** argv, int& exit_code);

// check_combination() refuses what this version cannot do (Unimplemented), and arguments that
// exclude each other.
absl::Status check_combination(const Arguments& arguments);

// process_options() checks the arguments' values and turns them into types. FailedPrecondition
// means that no public address was given.
absl::StatusOr<ProcessOptions> process_options(const Arguments& arguments);

// auto_options() is what find_public_address() needs for a family whose public address is `auto`;
// nullopt for one that is given, or left out.
std::optional<PublicAddressOptions> auto_options(const Arguments& arguments, IpFamily family,
                                                 const ProcessOptions& options);

absl::StatusOr<snownet::relay::Credentials> credentials(const Arguments& arguments);

}  // namespace connlib::relay
