#include "shells/relay/public_address.h"

#include <algorithm>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "shells/relay/system.h"

namespace connlib::relay {
namespace {

constexpr const char* kModule = "relay";

absl::StatusOr<IpAddress> address_of_host(const PublicAddressOptions& options,
                                          bool allows_private) {
  const IpAddress& bind = options.probe.bind;
  if (!bind.is_unspecified()) return host_address(bind, allows_private);
  const auto source = default_source(bind.family());
  if (!source) {
    return absl::FailedPreconditionError(fmt::format("this host has no route to the IPv{} Internet",
                                                     bind.family() == IpFamily::kV4 ? 4 : 6));
  }
  return host_address(*source, allows_private);
}

// Servers that are silent need not keep a relay down whose own address is public: all relays may be
// starting at once. A private address it was told not to trust, by being given servers.
absl::StatusOr<IpAddress> choose(const PublicAddressOptions& options, AddressProbe& probe,
                                 Tracer& tracer) {
  if (options.servers.empty()) return address_of_host(options, options.allows_private);
  const auto seen = probe.observe(options.servers);
  auto address = announced_address(seen, options.allows_private);
  const bool is_answered = std::any_of(
      seen.begin(), seen.end(), [](const Observation& one) { return one.mapped.has_value(); });
  if (is_answered) return address;
  auto own = address_of_host(options, false);
  if (!own.ok()) return address;
  tracer.trace(TraceLevel::kWarn, kModule, "the host's own address is taken",
               {{"why", std::string(address.status().message())}});
  return own;
}

}  // namespace

absl::StatusOr<IpAddress> find_public_address(const PublicAddressOptions& options, Tracer& tracer) {
  auto probe = AddressProbe::open(options.probe);
  if (!probe.ok()) return probe.status();
  auto address = choose(options, **probe, tracer);
  if (!address.ok()) return address.status();
  const auto own = interface_addresses();
  const bool is_own = std::find(own.begin(), own.end(), *address) != own.end();
  const bool reaches = (*probe)->reaches_itself(*address);
  tracer.trace(TraceLevel::kInfo, kModule, "public address found",
               {{"address", to_text(*address)},
                {"by", options.servers.empty() ? "interface" : "stun"},
                {"behind_nat", is_own ? "no" : "yes"},
                {"reaches_itself", reaches ? "yes" : "no"}});
  if (reaches) return address;
  if (is_own) {
    return absl::FailedPreconditionError(
        fmt::format("a datagram from a relayed port to {}, port {}, an address of this host, does "
                    "not arrive: does a firewall drop it?",
                    to_text(*address), options.probe.listen_port));
  }
  tracer.trace(TraceLevel::kWarn, kModule,
               "the NAT does not lead the public address back to us (hairpinning): two clients "
               "that meet at this relay will not hear each other",
               {{"address", to_text(*address)}});
  return address;
}

}  // namespace connlib::relay
