// The way of a datagram. Who is where is in topology.cc.
#include "tests/sim/network.h"

#include <fmt/format.h>

#include "connlib/base/check.h"

namespace connlib::sim {

void Network::send(HostId host, Datagram datagram) {
  Interface* interface = interface_with(host, datagram.source.ip);
  if (interface == nullptr || datagram.source.ip.family() != datagram.destination.ip.family()) {
    return drop(datagram, DropReason::kNoSuchSource, name(host));
  }
  if (interface_with(host, datagram.destination.ip) != nullptr) {
    queue_.schedule(queue_.now(), [this, host, datagram = std::move(datagram)]() mutable {
      deliver(host, std::move(datagram));
    });
    return;
  }
  pass(interface->cable.up, name(host) + " up", datagram,
       [this, site = interface->site](Datagram d) { enter_segment(site, std::move(d)); });
}

template <typename Next>
void Network::pass(Link& link, const std::string& where, const Datagram& datagram, Next next) {
  const size_t bytes = wire_bytes(datagram.destination.ip.family(), datagram.bytes.size());
  const auto outcome = link.pass(queue_.now(), bytes, datagram.ecn);
  if (const auto* reason = std::get_if<DropReason>(&outcome)) {
    return drop(datagram, *reason, where);
  }
  for (const Link::Arrival& arrival : std::get<Link::Arrivals>(outcome)) {
    Datagram copy = datagram;
    copy.ecn = arrival.ecn;
    queue_.schedule(arrival.at,
                    [next, copy = std::move(copy)]() mutable { next(std::move(copy)); });
  }
}

void Network::enter_segment(SiteId site, Datagram datagram) {
  if (site == kInternet) {
    const auto route = routes_.find({datagram.source.ip, datagram.destination.ip});
    if (route != routes_.end()) {
      return pass(route->second, "route", datagram,
                  [this](Datagram d) { forward(kInternet, std::move(d), false); });
    }
  }
  forward(site, std::move(datagram), site != kInternet);
}

void Network::forward(SiteId site, Datagram datagram, bool may_leave) {
  const auto owner = at(site).owners.find(datagram.destination.ip);
  if (owner == at(site).owners.end()) {
    if (may_leave) return leave(site, std::move(datagram));
    return drop(datagram, DropReason::kUnroutable, at(site).name);
  }
  if (owner->second.host) {
    const HostId host = *owner->second.host;
    Interface* interface = interface_with(host, datagram.destination.ip);
    CONNLIB_CHECK(interface != nullptr);
    return pass(interface->cable.down, name(host) + " down", datagram,
                [this, host](Datagram d) { deliver(host, std::move(d)); });
  }
  const SiteId child = owner->second.child;
  pass(at(child).cable.down, at(child).name + " down", datagram,
       [this, child](Datagram d) { enter(child, std::move(d)); });
}

void Network::leave(SiteId id, Datagram datagram) {
  Site& site = at(id);
  if (site.blocks(datagram.destination)) return drop(datagram, DropReason::kUdpBlocked, site.name);
  if (site.nat && datagram.destination.ip.is_v4()) {
    if (datagram.destination.ip == site.nat->outer()) return hairpin(id, std::move(datagram));
    const auto outer =
        site.nat->translate_outbound(queue_.now(), datagram.source, datagram.destination);
    if (const auto* reason = std::get_if<DropReason>(&outer)) {
      return drop(datagram, *reason, site.name);
    }
    datagram.source = std::get<SocketAddress>(outer);
  } else if (site.firewall) {
    const auto reason =
        site.firewall->pass_outbound(queue_.now(), datagram.source, datagram.destination);
    if (reason) return drop(datagram, *reason, site.name);
  }
  pass(site.cable.up, site.name + " up", datagram,
       [this, parent = site.parent](Datagram d) { enter_segment(parent, std::move(d)); });
}

void Network::enter(SiteId id, Datagram datagram) {
  Site& site = at(id);
  if (site.blocks(datagram.source)) return drop(datagram, DropReason::kUdpBlocked, site.name);
  if (site.nat && datagram.destination.ip == site.nat->outer()) {
    const auto inner =
        site.nat->translate_inbound(queue_.now(), datagram.source, datagram.destination.port);
    if (const auto* reason = std::get_if<DropReason>(&inner)) {
      return drop(datagram, *reason, site.name);
    }
    datagram.destination = std::get<SocketAddress>(inner);
  } else if (site.firewall) {
    const auto reason =
        site.firewall->pass_inbound(queue_.now(), datagram.source, datagram.destination);
    if (reason) return drop(datagram, *reason, site.name);
  }
  forward(id, std::move(datagram), false);
}

// RFC 4787 §6: the datagram goes out and in again, filter included, and shows its outer source.
void Network::hairpin(SiteId id, Datagram datagram) {
  Site& site = at(id);
  if (!site.nat->behaviour().hairpins) {
    return drop(datagram, DropReason::kHairpinRefused, site.name);
  }
  const auto outer =
      site.nat->translate_outbound(queue_.now(), datagram.source, datagram.destination);
  if (const auto* reason = std::get_if<DropReason>(&outer)) {
    return drop(datagram, *reason, site.name);
  }
  datagram.source = std::get<SocketAddress>(outer);
  const auto inner =
      site.nat->translate_inbound(queue_.now(), datagram.source, datagram.destination.port);
  if (const auto* reason = std::get_if<DropReason>(&inner)) {
    return drop(datagram, *reason, site.name);
  }
  datagram.destination = std::get<SocketAddress>(inner);
  forward(id, std::move(datagram), false);
}

void Network::deliver(HostId host, Datagram datagram) {
  if (interface_with(host, datagram.destination.ip) == nullptr) {
    return drop(datagram, DropReason::kUnroutable, name(host));  // It moved meanwhile.
  }
  receiver_(host, std::move(datagram));
}

void Network::drop(const Datagram& datagram, DropReason reason, const std::string& where) {
  ++drops_[static_cast<size_t>(reason)];
  trace_.record(where, fmt::format("drop {}: {}", reason_name(reason), describe(datagram)));
}

}  // namespace connlib::sim
