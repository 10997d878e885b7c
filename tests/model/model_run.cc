#include "tests/model/model_run.h"

#include <algorithm>
#include <array>
#include <exception>

#include <fmt/format.h>

#include "connlib/model/addressing.h"
#include "tests/model/catalogue.h"
#include "tests/support/packets.h"
#include "tests/tunnel/system/questions.h"

namespace connlib::model_test {
namespace {

constexpr Duration kSetUp = 12s;    // A request, ICE, a handshake, a resolution: at worst.
constexpr Duration kQuiet = 500ms;  // Whatever else there is.
constexpr Duration kNothing = 3s;   // How long we watch that nothing happens.

tunnel::SystemOptions draw_system(const RunOptions& options) {
  SeededRandom random(options.seed ^ 0x9e3779b97f4a7c15U);
  tunnel::SystemOptions out{
      .seed = options.seed, .clients = kClients, .mutation = options.mutation};
  out.gateways_of_sites.clear();
  for (size_t site = 0; site < kSites; ++site) {
    out.gateways_of_sites.push_back(1 + static_cast<size_t>(random.below(2)));
  }
  out.relays = 1 + static_cast<size_t>(random.below(2));
  constexpr std::array kNats = {sim::kFullCone, sim::kPortRestricted, sim::kSymmetric};
  for (size_t host = 0; host < kClients + 2 * kSites; ++host) {
    out.nats.emplace_back();
    if (random.below(2) == 0) out.nats.back() = kNats.at(random.below(kNats.size()));
  }
  out.latency = 1ms + random.below(30) * 1ms;
  return out;
}

bool is_error_of_remote(const IcmpError& error, const IpAddress& of,
                        const tunnel::RemoteHosts& remote) {
  const auto expected = remote.error_of(of);
  return expected && *expected == error;
}

}  // namespace

ModelRun::ModelRun(const RunOptions& options)
    : system_(draw_system(options)),
      reference_(kClients, system_.gateways.size()),
      start_(system_.world.now()) {
  reference_.set_start(start_, tunnel::kDate);
  for (size_t i = 0; i < system_.gateways.size(); ++i) {
    reference_.name_gateway(system_.gateways[i].id, i);
  }
  for (size_t i = 0; i < kClients; ++i) reference_.name_client(system_.clients[i].id, i);
  system_.on_client_told = [this](size_t client, const portal::ToClient& message) {
    reference_.advance(system_.world.now());
    reference_.hear(client, message);
  };
  system_.on_gateway_told = [this](size_t gateway, const portal::ToGateway& message) {
    reference_.hear(system_.world.now(), gateway, message);
  };
  if (options.is_traced) {
    system_.world.trace().set_sink([](std::string_view line) { fmt::print("{}\n", line); });
  }
  system_.start();
}

std::vector<std::string> ModelRun::step(const Transition& transition, std::string& told) {
  failures_.clear();
  current_.reset();
  reference_.advance(system_.world.now());
  system_.world.trace().record("model", name(transition.kind));
  told = fmt::format("{} {}", to_text(system_.world.now() - start_), apply(transition));
  reference_.advance(system_.world.now());
  check_everything();
  if (current_) told += std::string(": ") + name(outcome_of(probes_.at(*current_)));
  return failures_;
}

// --- Packets.

Probe ModelRun::make_probe(size_t client, const Traffic& traffic, const IpAddress& destination) {
  Probe out{.number = next_number_++, .client = client, .traffic = traffic};
  const auto& addresses = system_.clients[client].addresses;
  out.source = destination.is_v4() ? IpAddress(addresses.ipv4) : IpAddress(addresses.ipv6);
  out.destination = destination;
  out.packet = make_packet(out);
  const char* protocol = traffic.protocol == Filter::Protocol::kUdp   ? "udp"
                         : traffic.protocol == Filter::Protocol::kTcp ? "tcp"
                                                                      : "echo";
  out.text = fmt::format("client{}: {} #{} to {} port {}", client, protocol, out.number,
                         to_text(destination), traffic.port);
  return out;
}

bool ModelRun::can_request(size_t client, const Resource& resource) const {
  return system_.clients[client].has_channel &&
         std::any_of(system_.gateways.begin(), system_.gateways.end(), [&](const auto& gateway) {
           return gateway.has_channel && gateway.site == resource.sites.front().id;
         });
}

// What must become of an honest packet.
void ModelRun::expect(Probe& probe, const Destination& to) {
  const size_t client = probe.client;
  const auto choice = reference_.choose(client, to, probe.traffic);
  if (choice.resource == nullptr) {
    probe.allowed = {Outcome::kNothing};
    return;
  }
  if (!choice.is_permitted) {
    probe.allowed = {Outcome::kRefusedByClient};
    return;
  }
  const Resource& resource = *choice.resource;
  if (const auto gateway = reference_.gateway_of(client, resource.id)) {
    probe.allowed = reference_.judge(*gateway, client, to, probe.traffic);
    // The client may have lost that connection, and asked again or not been able to.
    if (were_relays_rebooted_ && probe.allowed.contains(Outcome::kRefusedByGateway) &&
        can_request(client, resource)) {
      probe.allowed.insert(Outcome::kReaches);
    }
    const bool are_both_told =
        system_.clients[client].has_channel && system_.gateways[*gateway].has_channel;
    if (were_relays_rebooted_ && !are_both_told) {
      probe.allowed.insert(Outcome::kNothing);
      probe.may_be_late = true;
    }
  } else if (can_request(client, resource)) {
    const bool is_internet = std::holds_alternative<InternetAddress>(resource.address);
    probe.allowed = {is_internet && !leads_to_internet(to.address) ? Outcome::kNoRoute
                                                                   : Outcome::kReaches};
  } else {
    probe.allowed = {Outcome::kNothing};
    probe.may_be_late = true;
  }
  if (!to.domain.empty()) {
    probe.may_reach = records_of(to.domain, to.address.family());
    // No address of this family: applications must learn that at once.
    if (probe.may_reach.empty() && probe.allowed.erase(Outcome::kReaches) > 0) {
      probe.allowed.insert(Outcome::kNoRoute);
    }
  }
  if (reference_.expires_soon(client, system_.world.now(), kSetUp)) {
    probe.allowed.insert({Outcome::kNothing, Outcome::kReaches, Outcome::kRefusedByGateway});
    probe.may_be_late = true;
  }
}

void ModelRun::submit(Probe probe) {
  const uint16_t number = probe.number;
  current_ = number;
  Probe& kept = probes_.emplace(number, std::move(probe)).first->second;
  const auto fate = system_.send(kept.client, kept.packet);
  kept.was_answered_by_client = fate == client::Fate::kAnswered;
  settle(kept);
}

void ModelRun::settle(const Probe& probe) {
  const bool is_silent = probe.allowed == std::set<Outcome>{Outcome::kNothing};
  (void)system_.world.run_until([&] { return !system_.received(probe.client).empty(); },
                                is_silent ? kNothing : kSetUp);
  system_.world.run_for(kQuiet);
}

std::vector<IpAddress> ModelRun::records_of(const std::string& domain, IpFamily family) const {
  std::vector<IpAddress> out;
  const auto found = system_.records.find(domain);
  if (found == system_.records.end()) return out;
  for (const IpAddress& address : found->second) {
    if (address.family() == family) out.push_back(address);
  }
  return out;
}

// Asks a name as an application does and checks the answer.
std::vector<IpAddress> ModelRun::look_up(size_t client, const std::string& domain,
                                         IpFamily family) {
  const auto& config = system_.clients[client]->tun_config;
  if (!config || config->dns.empty()) return {};
  const auto type = family == IpFamily::kV4 ? dns::RecordType::kA : dns::RecordType::kAaaa;
  const uint16_t number = next_number_++;
  questions_[number] = {domain, {}};
  system_.send(client, testing::udp_packet({system_.clients[client].addresses.ipv4, number},
                                           {config->dns[0].sentinel, kDnsPort},
                                           tunnel::make_query(domain, type, number)));
  system_.world.run_for(kQuiet);
  take_arrivals();
  take_received(client);
  const auto& answers = questions_[number].answers;
  if (answers.size() != 1) {
    fail(fmt::format("{} answers to a query for {}", answers.size(), domain));
    return {};
  }
  const auto& addresses = answers[0];
  const auto resources = reference_.named(client, domain);
  if (resources.empty()) {
    std::set<std::vector<IpAddress>> possible = {records_of(domain, family)};
    for (const OldRecords& old : old_records_[domain]) {
      if (old.until < system_.world.now()) continue;
      std::vector<IpAddress> of_family;
      for (const auto& a : old.addresses) {
        if (a.family() == family) of_family.push_back(a);
      }
      possible.insert(of_family);
    }
    if (!possible.contains(addresses)) fail("upstream's answer changed on its way: " + domain);
    return addresses;
  }
  const bool is_offered =
      std::any_of(resources.begin(), resources.end(), [&](const Resource* resource) {
        return allows(std::get<DnsAddress>(resource->address).ip_stack, family);
      });
  const bool are_proxies = std::all_of(addresses.begin(), addresses.end(),
                                       [](const auto& a) { return kProxyRange.contains(a); });
  if (addresses.size() != (is_offered ? 4U : 0U) || !are_proxies) {
    fail(fmt::format("{} has {} addresses", domain, addresses.size()));
  }
  auto& before = proxies_[{client, domain, family}];
  if (!addresses.empty() && !before.empty() && before != addresses) {
    fail("the proxies of a name changed: " + domain);
  }
  if (!addresses.empty()) before = addresses;
  return addresses;
}

// --- Invariants.

void ModelRun::check_everything() {
  take_arrivals();
  for (size_t client = 0; client < kClients; ++client) {
    take_received(client);
    check_views(client);
  }
  if (current_) check_outcome(probes_.at(*current_));
}

void ModelRun::take_arrivals() {
  for (const auto& arrival : std::exchange(system_.remote.arrivals, {})) {
    const auto seen = look_at(arrival.packet);
    const auto found = seen ? probes_.find(seen->number) : probes_.end();
    if (found == probes_.end() || seen->what != Sighting::What::kItself) {
      fail("a packet arrived that nobody sent");
      continue;
    }
    Probe& probe = found->second;
    probe.reached.push_back(seen->destination);
    const auto& places = probe.may_reach;
    const bool is_place =
        places.empty() ? seen->destination == probe.destination
                       : std::find(places.begin(), places.end(), seen->destination) != places.end();
    const bool is_intact = testing::has_right_checksums(arrival.packet) &&
                           seen->source == probe.source &&
                           (probe.traffic.protocol == Filter::Protocol::kIcmp ||
                            seen->destination_port == probe.traffic.port);
    if (!is_place && !probe.may_be_late) {
      fail(probe.text + " arrived at " + to_text(seen->destination));
    }
    if (!is_intact) fail(probe.text + " arrived changed");
    if (probe.reached.size() > 1) fail(probe.text + " arrived twice");
    if (!probe.allowed.contains(Outcome::kReaches) && !probe.may_be_late) {
      fail(probe.text + " arrived at " + to_text(seen->destination) + ", which it must not");
    }
  }
}

void ModelRun::take_received(size_t client) {
  for (const Bytes& packet : std::exchange(system_.received(client), {})) {
    const auto seen = look_at(packet);
    if (!seen) {
      fail("an unreadable packet came out of a TUN");
    } else if (!testing::has_right_checksums(packet)) {
      fail("a packet with a wrong checksum came out of a TUN");
    } else {
      take_answer(*seen, client);
    }
  }
}

void ModelRun::take_answer(const Sighting& seen, size_t client) {
  if (seen.what == Sighting::What::kDnsAnswer) {
    const auto question = questions_.find(seen.number);
    const auto answer = tunnel::read_answer(seen.payload);
    if (question == questions_.end() || !answer || answer->id != seen.number) {
      fail("an answer to no query");
      return;
    }
    question->second.answers.push_back(answer->addresses);
    return;
  }
  const auto found = probes_.find(seen.number);
  if (found == probes_.end() || found->second.client != client) {
    fail(fmt::format("client{} got a packet that answers nothing of its own", client));
    return;
  }
  check_answer(found->second, seen);
}

// Answers must fit the packet as the application sent it: a proxy stays a proxy.
void ModelRun::check_answer(Probe& probe, const Sighting& seen) {
  if (seen.destination != probe.source) fail(probe.text + " was answered to another address");
  if (seen.what == Sighting::What::kError) {
    probe.errors.push_back(*seen.error);
    if (seen.quoted_destination != probe.destination) {
      fail(probe.text + " earned an error about " + to_text(seen.quoted_destination));
    }
  } else if (seen.what == Sighting::What::kEcho) {
    ++probe.echoes;
    const bool is_ported = probe.traffic.protocol != Filter::Protocol::kIcmp;
    if (seen.source != probe.destination || (is_ported && seen.source_port != probe.traffic.port)) {
      fail(probe.text + " was answered by " + to_text(seen.source));
    }
  } else {
    fail(probe.text + " came back as it was");
  }
  if (probe.echoes + probe.errors.size() > 1) fail(probe.text + " was answered twice");
}

Outcome ModelRun::outcome_of(const Probe& probe) {
  if (!probe.reached.empty()) return Outcome::kReaches;
  if (probe.errors.empty()) return Outcome::kNothing;
  const IpFamily family = probe.destination.family();
  if (probe.errors[0] == IcmpError::network_unreachable(family)) return Outcome::kNoRoute;
  if (probe.errors[0] != IcmpError::prohibited(family)) {
    fail(probe.text + " earned an error of another kind");
  }
  return probe.was_answered_by_client ? Outcome::kRefusedByClient : Outcome::kRefusedByGateway;
}

void ModelRun::check_outcome(const Probe& probe) {
  const Outcome actual = outcome_of(probe);
  if (actual == Outcome::kReaches) {
    const bool is_error = system_.remote.error_of(probe.reached.front()).has_value();
    const bool is_answered =
        is_error ? probe.errors.size() == 1 &&
                       is_error_of_remote(probe.errors[0], probe.reached.front(), system_.remote)
                 : probe.echoes == 1;
    if (!is_answered && !probe.is_lie) fail(probe.text + " got through, its answer did not");
  }
  if (probe.allowed.contains(actual)) return;
  std::string expected;
  for (const Outcome outcome : probe.allowed) {
    expected += expected.empty() ? name(outcome) : std::string(" or ") + name(outcome);
  }
  fail(fmt::format("{}: expected: {}; got: {}", probe.text, expected, name(actual)));
}

// What the operating system and the user are told.
void ModelRun::check_views(size_t client) {
  const auto& machine = *system_.clients[client].machine;
  if (machine.tun_config) {
    const auto& routes = machine.tun_config->routes;
    if (std::set<IpPrefix>(routes.begin(), routes.end()) != reference_.routes(client)) {
      fail(fmt::format("client{} has the wrong routes", client));
    }
  }
  std::set<ResourceId> listed;
  if (!machine.reports.empty()) {
    for (const auto& view : machine.reports.back().resources) {
      listed.insert(view.resource.id);
      const auto known = reference_.view(client).find(view.resource.id);
      if (known == reference_.view(client).end() || !(known->second == view.resource)) {
        fail(fmt::format("client{} lists {} wrongly", client, view.resource.name));
      }
    }
  }
  if (listed.size() != reference_.view(client).size()) {
    fail(fmt::format("client{} lists {} resources of {}", client, listed.size(),
                     reference_.view(client).size()));
  }
  for (size_t i = 1; i < machine.reports.size(); ++i) {
    if (machine.reports[i] == machine.reports[i - 1]) {
      fail(fmt::format("client{} told the same list twice", client));
    }
  }
}

// --- A whole run.

RunResult run_model(const RunOptions& options) {
  RunResult out{.seed = options.seed};
  std::optional<ModelRun> run;
  try {
    SeededRandom random(options.seed);
    const auto transitions = draw_transitions(random, options.transitions);
    run.emplace(options);
    for (size_t i = 0; i < transitions.size() && out.failures.empty(); ++i) {
      if (options.only && !options.only->contains(i)) continue;
      std::string told = name(transitions[i].kind);
      out.happened.insert(i);
      out.story.push_back(told);  // In case it never returns.
      out.failures = run->step(transitions[i], told);
      out.story.back() = fmt::format("{:>3}  {}", i, told);
    }
  } catch (const std::exception& error) {
    out.failures.emplace_back(error.what());
  }
  if (!out.failures.empty() && run) out.report = run->system().world.report();
  return out;
}

}  // namespace connlib::model_test
