#pragma once

#include <array>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <absl/functional/any_invocable.h>

#include "connlib/base/ip.h"
#include "connlib/base/random_source.h"
#include "connlib/base/strong.h"
#include "tests/sim/datagram.h"
#include "tests/sim/event_queue.h"
#include "tests/sim/firewall.h"
#include "tests/sim/link.h"
#include "tests/sim/nat.h"
#include "tests/sim/trace.h"

namespace connlib::sim {

using HostId = Strong<struct HostIdTag, uint32_t>;
using SiteId = Strong<struct SimSiteIdTag, uint32_t>;  // connlib::SiteId has the other name.

inline constexpr SiteId kInternet{0};  // The public segment.

enum class Families : uint8_t { kDual, kV4Only, kV6Only };

// SiteConfig describes a network behind a router. Left alone, addresses are chosen: 10.N.0.0/24 and
// 2001:db8:N::/64 inside; outside, one that is free in the parent.
struct SiteConfig {
  std::string name = {};
  SiteId parent = kInternet;  // A site with a NAT as parent makes it a double NAT.
  std::optional<NatBehaviour> nat = kPortRestricted;  // IPv4. nullopt: routed, untranslated.
  std::optional<IpAddress> outer = {};                // The NAT's address in the parent.
  std::optional<IpPrefix> inner_v4 = {};              // Sites may overlap, as real ones do.
  std::optional<FirewallBehaviour> firewall = {};     // For whatever is not translated.
  bool blocks_udp = false;
  std::optional<uint16_t> only_udp_port = {};  // The one remote port that UDP may go to.
  LinkConditions link = {};                    // The uplink, both directions.
};

// InterfaceConfig is where and how a host is plugged in.
struct InterfaceConfig {
  SiteId site = kInternet;
  Families families = Families::kDual;    // Of chosen addresses.
  std::vector<IpAddress> addresses = {};  // Empty: chosen.
  LinkConditions link = {};               // Both directions.
};

// Network carries datagrams between hosts in virtual time:
//
//   host ── cable ── site [NAT, firewall] ── cable ── Internet ── … ── host
//
// On a segment a datagram goes to whoever has its destination there: a host, a NAT's outer address,
// or the router of a site with an untranslated, public address inside. From a site everything else
// goes up. What the Internet does not know vanishes without a word, private addresses first of all.
class Network {
 public:
  using Receiver = absl::AnyInvocable<void(HostId, Datagram)>;

  Network(EventQueue& queue, Trace& trace, SeededRandom random);
  void set_receiver(Receiver receiver) { receiver_ = std::move(receiver); }

  SiteId add_site(SiteConfig config);
  HostId add_host(std::string name, const InterfaceConfig& config);

  // connect() plugs in one more interface, disconnect() pulls all, move() is both: old addresses
  // are gone at once, datagrams on their way to them vanish.
  void connect(HostId host, const InterfaceConfig& config);
  void disconnect(HostId host);
  void move(HostId host, const InterfaceConfig& config);

  // send() takes a datagram from a socket of `host`.
  void send(HostId host, Datagram datagram);

  // inject() puts a datagram with any source on the Internet: the forger's way in.
  void inject(Datagram datagram) { enter_segment(kInternet, std::move(datagram)); }

  // drop() ends a datagram, counted and traced. For World, which knows of sockets and sleep.
  void drop(const Datagram& datagram, DropReason reason, const std::string& where);
  uint64_t drops(DropReason reason) const { return drops_[static_cast<size_t>(reason)]; }

  const std::string& name(HostId host) const { return at(host).name; }
  std::vector<IpAddress> addresses(HostId host) const;
  std::optional<IpAddress> address(HostId host, IpFamily family) const;  // The first one.

  // What the Internet sees `host` as: its own address, or that of the outermost NAT.
  std::vector<IpAddress> public_addresses(HostId host) const;

  Cable& cable(HostId host, size_t interface = 0);
  Cable& cable(SiteId site) { return at(site).cable; }
  Nat& nat(SiteId site);            // The site must have one.
  Firewall& firewall(SiteId site);  // The site must have one.
  void set_blocks_udp(SiteId site, bool blocks) { at(site).blocks_udp = blocks; }

  // A route is one more link, one way, between the public addresses of two hosts: the means to harm
  // one path and leave the others. Hosts behind one NAT share it.
  void set_route(HostId from, HostId to, const LinkConditions& conditions);
  void clear_route(HostId from, HostId to);
  void cut(HostId a, HostId b);   // Both ways.
  void mend(HostId a, HostId b);  // Both ways.

 private:
  struct Interface {
    SiteId site;
    std::vector<IpAddress> addresses;
    Cable cable;
  };
  struct Host {
    std::string name;
    std::vector<std::unique_ptr<Interface>> interfaces;
  };
  // Who has an address on a segment: a host there, or a site below (its router).
  struct Owner {
    std::optional<HostId> host;
    SiteId child;
  };
  struct Site {
    std::string name;
    SiteId parent;
    std::optional<Nat> nat;
    std::optional<Firewall> firewall;
    bool blocks_udp;
    std::optional<uint16_t> only_udp_port;
    IpPrefix inner_v4;
    uint32_t hosts_numbered;
    Cable cable;
    std::map<IpAddress, Owner> owners;

    bool blocks(const SocketAddress& remote) const {
      return blocks_udp || (only_udp_port && remote.port != *only_udp_port);
    }
  };

  Host& at(HostId host) { return *hosts_.at(host.value()); }
  const Host& at(HostId host) const { return *hosts_.at(host.value()); }
  Site& at(SiteId site) { return *sites_.at(site.value()); }
  const Site& at(SiteId site) const { return *sites_.at(site.value()); }

  std::vector<IpAddress> choose_addresses(SiteId site, Families families);
  void publish(SiteId site, const IpAddress& address, HostId host);
  void withdraw(SiteId site, const IpAddress& address);
  Interface* interface_with(HostId host, const IpAddress& address);

  // The way of a datagram.
  template <typename Next>
  void pass(Link& link, const std::string& where, const Datagram& datagram, Next next);
  void enter_segment(SiteId site, Datagram datagram);
  void forward(SiteId site, Datagram datagram, bool may_leave);
  void leave(SiteId site, Datagram datagram);
  void enter(SiteId site, Datagram datagram);
  void hairpin(SiteId site, Datagram datagram);
  void deliver(HostId host, Datagram datagram);

  EventQueue& queue_;
  Trace& trace_;
  SeededRandom random_;
  Receiver receiver_;
  std::vector<std::unique_ptr<Host>> hosts_;
  std::vector<std::unique_ptr<Site>> sites_;
  std::map<std::pair<IpAddress, IpAddress>, Link> routes_;
  std::array<uint64_t, static_cast<size_t>(DropReason::kCount)> drops_{};
};

// is_private() says whether the Internet refuses to route an address (RFC 1918, RFC 6598, RFC 4193,
// link-local, loopback).
bool is_private(const IpAddress& address);

}  // namespace connlib::sim
