// What transitions mean.
#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "connlib/control/control_event.h"
#include "tests/model/catalogue.h"
#include "tests/model/model_run.h"
#include "tests/support/packets.h"

namespace connlib::model_test {
namespace {

using Kind = Transition::Kind;
using P = Filter::Protocol;

// A dead gateway is noticed by an idle client after five unanswered checks of 25 seconds at most.
constexpr Duration kUntilDeadIsNoticed = 160s;
// Nodes find another way after a relay is lost, or give up and are asked for again.
constexpr Duration kUntilRelayIsReplaced = 60s;
constexpr Duration kCacheLife = 61s;   // Of what servers outside say.
constexpr size_t kNetworkTargets = 4;  // The first ones.

Traffic make_traffic(uint32_t number) {
  constexpr std::array<uint16_t, 5> kPorts = {443, 443, 80, 53, 5000};
  const uint16_t port = kPorts.at(number / 3 % kPorts.size());
  switch (number % 3) {
    case 0:
      return {P::kTcp, port};
    case 1:
      return {P::kIcmp, 0};
    default:
      return {P::kUdp, port};
  }
}

std::optional<IcmpError> make_error(IpFamily family, uint32_t number) {
  const bool is_v4 = family == IpFamily::kV4;
  switch (number % (kErrors + 1)) {
    case 0:
      return is_v4 ? IcmpError{family, 3, 1} : IcmpError{family, 1, 4};
    case 1:
      return is_v4 ? IcmpError{family, 3, 3} : IcmpError{family, 1, 0};
    case 2:
      return is_v4 ? IcmpError{family, 11, 0} : IcmpError{family, 3, 0};
    case 3:
      return is_v4 ? IcmpError{family, 3, 4, 1200} : IcmpError{family, 2, 0, 1280};
    default:
      return std::nullopt;
  }
}

const std::string& domain_of(uint32_t number) { return domains()[number % domains().size()]; }
const IpAddress& target_of(uint32_t number) { return targets()[number % targets().size()]; }

}  // namespace

std::string ModelRun::apply(const Transition& t) {
  switch (t.kind) {
    case Kind::kSendToAddress:
      return send_to_address(t);
    case Kind::kSendToName:
      return send_to_name(t);
    case Kind::kSendToGateway:
      return send_to_gateway(t);
    case Kind::kQuery:
      return query(t);
    case Kind::kLie:
      return lie(t);
    case Kind::kOffer:
    case Kind::kWithdraw:
    case Kind::kAllow:
    case Kind::kDeny:
      return change_policy(t);
    case Kind::kSetRecords:
    case Kind::kSetError:
    case Kind::kSetLifetime:
    case Kind::kIdle:
    case Kind::kRebootRelay:
      return change_world(t);
    case Kind::kWantInternet:
    case Kind::kRoam:
    case Kind::kRestartClient:
    case Kind::kCutClient:
    case Kind::kMendClient:
      return change_client(t);
    case Kind::kCutGateway:
    case Kind::kMendGateway:
    case Kind::kKillGateway:
    case Kind::kStopGateway:
    case Kind::kStartGateway:
      return change_gateway(t);
    case Kind::kCount:
      break;
  }
  return "nothing";
}

// --- Packets.

std::string ModelRun::send_to_address(const Transition& t) {
  const IpAddress& target = target_of(t.b);
  Probe probe = make_probe(t.a % kClients, make_traffic(t.c), target);
  expect(probe, {target});
  std::string text = probe.text;
  submit(std::move(probe));
  return text;
}

std::string ModelRun::send_to_name(const Transition& t) {
  const size_t client = t.a % kClients;
  const std::string& domain = domain_of(t.b);
  const IpFamily family = t.c % 2 == 0 ? IpFamily::kV4 : IpFamily::kV6;
  const bool is_resource = !reference_.named(client, domain).empty();
  const auto addresses = look_up(client, domain, family);
  if (addresses.empty()) return fmt::format("client{}: {} has no address", client, domain);
  const IpAddress address = addresses[t.c / 2 % addresses.size()];
  Probe probe = make_probe(client, make_traffic(t.c / 8), address);
  probe.text += " (" + domain + ")";
  expect(probe, is_resource ? Destination{address, domain} : Destination{address});
  std::string text = probe.text;
  submit(std::move(probe));
  return text;
}

std::string ModelRun::send_to_gateway(const Transition& t) {
  const size_t client = t.a % kClients;
  const size_t gateway = t.b % system_.gateways.size();
  Traffic traffic = make_traffic(t.c);
  if (traffic.port == 53) traffic.port = 53535;
  Probe probe = make_probe(client, traffic, system_.gateways[gateway].addresses.ipv4);
  if (!reference_.is_peer(client, gateway)) {
    probe.allowed = {Outcome::kNothing};
  } else {
    const bool is_open = traffic.protocol == P::kIcmp || traffic.port == 53535;
    probe.allowed = {is_open ? Outcome::kReaches : Outcome::kRefusedByGateway};
    if (were_relays_rebooted_ || reference_.expires_soon(client, system_.world.now(), 15s)) {
      probe.allowed.insert(Outcome::kNothing);
    }
  }
  std::string text = probe.text;
  submit(std::move(probe));
  return text;
}

std::string ModelRun::query(const Transition& t) {
  const size_t client = t.a % kClients;
  const std::string& domain = domain_of(t.b);
  const auto found = look_up(client, domain, t.c % 2 == 0 ? IpFamily::kV4 : IpFamily::kV6);
  return fmt::format("client{}: {} has {} addresses", client, domain, found.size());
}

// A client that does not ask its own state. Nothing may come of it but what was granted.
std::string ModelRun::lie(const Transition& t) {
  const size_t client = t.a % kClients;
  // One that there is a connection to, if there is any.
  size_t gateway = t.b / 16 % system_.gateways.size();
  for (size_t i = 0; i < system_.gateways.size() && !reference_.is_peer(client, gateway); ++i) {
    gateway = (gateway + 1) % system_.gateways.size();
  }
  const IpAddress host = Ipv4Address{{172, 20, 1, 1}};
  const auto& other = system_.clients[(client + 1) % kClients].addresses;
  Traffic traffic = make_traffic(t.c);
  switch (t.b % 10) {
    case 0: {
      Probe probe = make_probe(client, traffic, host);
      probe.source = other.ipv4;
      return submit_lie(std::move(probe), gateway, "as another client");
    }
    case 1: {
      Probe probe = make_probe(client, traffic, host);
      probe.source = Ipv4Address{{8, 8, 8, 8}};
      return submit_lie(std::move(probe), gateway, "as somebody of the Internet");
    }
    case 2:
      return submit_lie(make_probe(client, traffic, other.ipv4), gateway, "to another client");
    case 3:
      traffic = {P::kTcp, 22};
      return submit_lie(make_probe(client, traffic, system_.gateways[gateway].addresses.ipv4),
                        gateway, "to the host of the gateway");
    case 4:
      return submit_lie(make_probe(client, traffic, Ipv4Address{{100, 96, 77, 1}}), gateway,
                        "to a proxy that is nobody's");
    default:
      // Into the networks that are resources now and then: there is something to be had.
      return lie_past_filters(client, gateway, traffic, target_of(t.c / 16 % kNetworkTargets));
  }
}

std::string ModelRun::lie_past_filters(size_t client, size_t gateway, const Traffic& traffic,
                                       const IpAddress& target) {
  Probe probe = make_probe(client, traffic, target);
  probe.allowed = reference_.judge(gateway, client, {target}, traffic);
  const bool must_reach = probe.allowed.contains(Outcome::kReaches) &&
                          !reference_.expires_soon(client, system_.world.now(), 15s);
  // What the gateway says may be from where the client takes nothing.
  if (!must_reach) probe.allowed.insert(Outcome::kNothing);
  return submit_lie(std::move(probe), gateway, "past the filters");
}

std::string ModelRun::submit_lie(Probe probe, size_t gateway, const char* what) {
  probe.is_lie = true;
  probe.packet = make_packet(probe);
  if (probe.allowed.empty()) {
    probe.allowed = {Outcome::kNothing, Outcome::kRefusedByGateway, Outcome::kNoRoute};
  }
  probe.text =
      fmt::format("client{} lies to gateway{}, {}: #{} to {} port {}", probe.client, gateway, what,
                  probe.number, to_text(probe.destination), probe.traffic.port);
  const std::string text = probe.text;
  const bool is_alive = system_.gateways[gateway].machine.machine != nullptr;
  if (!is_alive || !system_.lie(probe.client, gateway, probe.packet)) {
    return text + " (not connected)";
  }
  current_ = probe.number;
  probes_.emplace(probe.number, std::move(probe));
  system_.world.run_for(1s);
  return text;
}

// --- The portal.

std::string ModelRun::change_policy(const Transition& t) {
  const bool is_about_somebody = t.kind == Kind::kAllow || t.kind == Kind::kDeny;
  const size_t number = (is_about_somebody ? t.b : t.a) % kResources;
  const size_t client = t.a % kClients;
  const ClientId& who = system_.clients[client].id;
  Resource resource = make_resource(number, t.b);
  std::string text = fmt::format("{} {}", name(t.kind), resource.name);
  if (is_about_somebody) text += fmt::format(" to client{}", client);
  const bool is_known = offered_.contains(number);
  const auto served_by = reference_.gateway_of(client, resource.id);
  if (!is_known && t.kind != Kind::kOffer) return text + " (unknown)";
  system_.edit([&](tunnel::SystemPortal& portal) {
    if (t.kind == Kind::kWithdraw) {
      portal.remove(resource.id);
      offered_.erase(number);
    } else if (t.kind == Kind::kAllow) {
      portal.allow(who, resource.id);
    } else if (t.kind == Kind::kDeny) {
      portal.deny(who, resource.id);
    } else {
      const ResourceId id = resource.id;
      text += fmt::format(" at {}, {} filters", resource.sites[0].name, resource.filters.size());
      portal.put(std::move(resource));
      if (is_known) return;
      offered_.insert(number);
      for (size_t i = 0; i < kClients; ++i) {
        if (t.c % 4 != i) portal.allow(system_.clients[i].id, id);
      }
    }
  });
  system_.world.run_for(1s);
  // Who was denied a network tries nevertheless.
  const auto* network = std::get_if<CidrAddress>(&resource.address);
  if (t.kind != Kind::kDeny || !served_by || network == nullptr) return text;
  for (const IpAddress& target : targets()) {
    if (!network->network.contains(target)) continue;
    return text + "; " + lie_past_filters(client, *served_by, make_traffic(t.c), target);
  }
  return text;
}

// --- The world.

std::string ModelRun::change_world(const Transition& t) {
  constexpr std::array<Duration, 4> kLifetimes = {45s, 120s, 600s, 24h};
  constexpr std::array<Duration, 4> kPauses = {10s, 70s, 200s, 400s};
  std::string text = name(t.kind);
  if (t.kind == Kind::kSetRecords) {
    const std::string& domain = domain_of(t.a);
    auto& records = system_.records[domain];
    old_records_[domain].push_back({system_.world.now() + kCacheLife, records});
    records = make_records(t.a % domains().size(), t.b);
    text += fmt::format(" of {}: {}", domain, records.size());
  } else if (t.kind == Kind::kSetError) {
    const IpAddress& target = target_of(t.a);
    system_.remote.set_error(target, make_error(target.family(), t.b));
    text += " at " + to_text(target);
  } else if (t.kind == Kind::kSetLifetime) {
    const Duration lifetime = kLifetimes.at(t.a % kLifetimes.size());
    system_.portal.set_lifetime(lifetime);
    text += " to " + to_text(lifetime);
  } else if (t.kind == Kind::kIdle) {
    system_.world.run_for(kPauses.at(t.a % kPauses.size()));
    text += " for " + to_text(kPauses.at(t.a % kPauses.size()));
  } else {
    were_relays_rebooted_ = true;
    system_.reboot_relay(t.a % system_.relays.size());
    system_.world.run_for(kUntilRelayIsReplaced);
  }
  return text;
}

std::string ModelRun::change_client(const Transition& t) {
  const size_t client = t.a % kClients;
  std::string text = fmt::format("{}: client{}", name(t.kind), client);
  if (t.kind == Kind::kWantInternet) {
    const bool is_wanted = t.b % 4 != 0;
    reference_.want_internet(client, is_wanted);
    system_.act(client, [&](client::ClientState& state, Timestamp now) {
      state.want_internet(now, is_wanted);
    });
    system_.world.run_for(1s);
    return text + (is_wanted ? " does" : " does not");
  }
  if (t.kind == Kind::kRoam) {
    reference_.client_roamed(client);
    system_.roam(client);
  } else if (t.kind == Kind::kRestartClient) {
    reference_.client_restarted(client);
    std::erase_if(proxies_, [&](const auto& it) { return std::get<0>(it.first) == client; });
    system_.restart_client(client);
  } else if (t.kind == Kind::kCutClient) {
    system_.cut_portal_of_client(client);
  } else {
    system_.mend_portal_of_client(client);
  }
  system_.world.run_for(5s);
  return text;
}

std::string ModelRun::change_gateway(const Transition& t) {
  const size_t gateway = t.a % system_.gateways.size();
  std::string text = fmt::format("{}: gateway{}", name(t.kind), gateway);
  switch (t.kind) {
    case Kind::kCutGateway:
      system_.cut_portal_of_gateway(gateway);
      break;
    case Kind::kMendGateway:
      system_.mend_portal_of_gateway(gateway);
      break;
    case Kind::kKillGateway:
      if (system_.gateways[gateway].machine.machine == nullptr) return text + " (dead)";
      system_.kill_gateway(gateway);
      system_.world.run_for(kUntilDeadIsNoticed);
      reference_.gateway_gone(gateway);
      break;
    case Kind::kStopGateway:
      system_.stop_gateway(gateway);
      reference_.gateway_gone(gateway);
      break;
    default:
      system_.start_gateway(gateway);
      break;
  }
  system_.world.run_for(5s);
  return text;
}

}  // namespace connlib::model_test
