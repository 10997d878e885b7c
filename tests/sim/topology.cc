// Who is plugged in where: sites, hosts, interfaces and the addresses between them.
#include <algorithm>

#include <fmt/format.h>

#include "connlib/base/bytes.h"
#include "connlib/base/check.h"
#include "tests/sim/network.h"

namespace connlib::sim {
namespace {

IpAddress address_at(const IpPrefix& prefix, uint32_t number) {
  if (const auto* v4 = prefix.address().v4()) {
    Ipv4Address out;
    store_be32(out.bytes.data(), load_be32(v4->bytes.data()) + number);
    CONNLIB_CHECK(prefix.contains(out));  // The site is full.
    return out;
  }
  Ipv6Address out = *prefix.address().v6();
  store_be32(out.bytes.data() + 12, number);
  return out;
}

IpPrefix parsed(const std::string& text) {
  const auto prefix = IpPrefix::parse(text);
  CONNLIB_CHECK(prefix.has_value());
  return *prefix;
}

IpPrefix v6_of(SiteId site) { return parsed(fmt::format("2001:db8:{:x}::/64", site.value())); }

}  // namespace

bool is_private(const IpAddress& address) {
  static const std::array<IpPrefix, 8> prefixes = {
      parsed("10.0.0.0/8"),    parsed("172.16.0.0/12"), parsed("192.168.0.0/16"),
      parsed("100.64.0.0/10"), parsed("127.0.0.0/8"),   parsed("169.254.0.0/16"),
      parsed("fc00::/7"),      parsed("fe80::/10"),
  };
  return std::any_of(prefixes.begin(), prefixes.end(),
                     [&](const IpPrefix& prefix) { return prefix.contains(address); });
}

Network::Network(EventQueue& queue, Trace& trace, SeededRandom random)
    : queue_(queue), trace_(trace), random_(std::move(random)) {
  // From 203.0.113.1 up; documentation addresses first, and enough for a thousand hosts after them.
  sites_.push_back(std::make_unique<Site>(Site{"internet",
                                               kInternet,
                                               {},
                                               {},
                                               false,
                                               {},
                                               parsed("203.0.0.0/16"),
                                               113 * 256,
                                               Cable({}, random_),
                                               {}}));
}

SiteId Network::add_site(SiteConfig config) {
  const SiteId id(static_cast<uint32_t>(sites_.size()));
  const IpPrefix inner = config.inner_v4.value_or(
      parsed(fmt::format("10.{}.{}.0/24", id.value() / 256, id.value() % 256)));
  auto site = std::make_unique<Site>(Site{std::move(config.name),
                                          config.parent,
                                          {},
                                          {},
                                          config.blocks_udp,
                                          config.only_udp_port,
                                          inner,
                                          1,
                                          Cable(config.link, random_),
                                          {}});
  if (config.nat) {
    const IpAddress outer =
        config.outer ? *config.outer : choose_addresses(config.parent, Families::kV4Only).front();
    site->nat.emplace(*config.nat, outer, random_.fork());
    CONNLIB_CHECK(at(config.parent).owners.emplace(outer, Owner{std::nullopt, id}).second);
  }
  if (config.firewall) site->firewall.emplace(*config.firewall);
  sites_.push_back(std::move(site));
  return id;
}

HostId Network::add_host(std::string name, const InterfaceConfig& config) {
  const HostId id(static_cast<uint32_t>(hosts_.size()));
  hosts_.push_back(std::make_unique<Host>(Host{std::move(name), {}}));
  connect(id, config);
  return id;
}

void Network::connect(HostId host, const InterfaceConfig& config) {
  auto interface = std::make_unique<Interface>(
      Interface{config.site, config.addresses, Cable(config.link, random_)});
  if (interface->addresses.empty()) {
    interface->addresses = choose_addresses(config.site, config.families);
  }
  for (const IpAddress& address : interface->addresses) publish(config.site, address, host);
  at(host).interfaces.push_back(std::move(interface));
}

void Network::disconnect(HostId host) {
  for (const auto& interface : at(host).interfaces) {
    for (const IpAddress& address : interface->addresses) withdraw(interface->site, address);
  }
  at(host).interfaces.clear();
}

void Network::move(HostId host, const InterfaceConfig& config) {
  disconnect(host);
  connect(host, config);
}

std::vector<IpAddress> Network::addresses(HostId host) const {
  std::vector<IpAddress> out;
  for (const auto& interface : at(host).interfaces) {
    out.insert(out.end(), interface->addresses.begin(), interface->addresses.end());
  }
  return out;
}

std::optional<IpAddress> Network::address(HostId host, IpFamily family) const {
  for (const IpAddress& address : addresses(host)) {
    if (address.family() == family) return address;
  }
  return std::nullopt;
}

std::vector<IpAddress> Network::public_addresses(HostId host) const {
  std::vector<IpAddress> out;
  for (const auto& interface : at(host).interfaces) {
    for (IpAddress address : interface->addresses) {
      for (SiteId site = interface->site; site != kInternet; site = at(site).parent) {
        if (address.is_v4() && at(site).nat) address = at(site).nat->outer();
      }
      out.push_back(address);
    }
  }
  return out;
}

Cable& Network::cable(HostId host, size_t interface) {
  return at(host).interfaces.at(interface)->cable;
}

Nat& Network::nat(SiteId site) {
  CONNLIB_CHECK(at(site).nat.has_value());
  return *at(site).nat;
}

Firewall& Network::firewall(SiteId site) {
  CONNLIB_CHECK(at(site).firewall.has_value());
  return *at(site).firewall;
}

std::vector<IpAddress> Network::choose_addresses(SiteId site, Families families) {
  Site& segment = at(site);
  std::vector<IpAddress> out;
  const bool wants_v4 = families != Families::kV6Only;
  IpAddress v4;
  do {  // Skips what a test gave out by hand.
    v4 = address_at(segment.inner_v4, ++segment.hosts_numbered);
  } while (wants_v4 && segment.owners.contains(v4));
  if (wants_v4) out.push_back(v4);
  if (families != Families::kV4Only) {
    out.push_back(address_at(v6_of(site), segment.hosts_numbered));
  }
  return out;
}

// An address is known on its own segment and, as far as routers pass it on untranslated, on those
// above.
void Network::publish(SiteId site, const IpAddress& address, HostId host) {
  // Two owners of one address on a segment would be a mistake of the test.
  CONNLIB_CHECK(at(site).owners.emplace(address, Owner{host, kInternet}).second);
  while (site != kInternet && !(address.is_v4() && at(site).nat)) {
    const SiteId below = site;
    site = at(site).parent;
    if (site == kInternet && is_private(address)) return;
    CONNLIB_CHECK(at(site).owners.emplace(address, Owner{std::nullopt, below}).second);
  }
}

void Network::withdraw(SiteId site, const IpAddress& address) {
  at(site).owners.erase(address);
  while (site != kInternet && !(address.is_v4() && at(site).nat)) {
    site = at(site).parent;
    if (site == kInternet && is_private(address)) return;
    at(site).owners.erase(address);
  }
}

Network::Interface* Network::interface_with(HostId host, const IpAddress& address) {
  for (const auto& interface : at(host).interfaces) {
    const auto& addresses = interface->addresses;
    if (std::find(addresses.begin(), addresses.end(), address) != addresses.end()) {
      return interface.get();
    }
  }
  return nullptr;
}

void Network::set_route(HostId from, HostId to, const LinkConditions& conditions) {
  for (const IpAddress& source : public_addresses(from)) {
    for (const IpAddress& destination : public_addresses(to)) {
      if (source.family() != destination.family()) continue;
      const auto [route, is_new] =
          routes_.try_emplace({source, destination}, conditions, random_.fork());
      if (!is_new) route->second.conditions() = conditions;
    }
  }
}

void Network::clear_route(HostId from, HostId to) {
  for (const IpAddress& source : public_addresses(from)) {
    for (const IpAddress& destination : public_addresses(to)) routes_.erase({source, destination});
  }
}

void Network::cut(HostId a, HostId b) {
  set_route(a, b, {.is_cut = true});
  set_route(b, a, {.is_cut = true});
}

void Network::mend(HostId a, HostId b) {
  clear_route(a, b);
  clear_route(b, a);
}

}  // namespace connlib::sim
