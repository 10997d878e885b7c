#include "snownet/node/lab.h"

#include <algorithm>
#include <utility>

#include <catch2/catch.hpp>

#include "snownet/stun/channel_data.h"
#include "snownet/stun/relay_credentials.h"

namespace connlib::snownet::node::testing {
namespace {

const absl::Time kDate = absl::FromUnixSeconds(1'780'000'123);
const char* const kPasswords[] = {"aaaaaaaaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbbbbbbbb"};

}  // namespace

Bytes ipv6_packet(size_t bytes, uint8_t mark, Ecn ecn) {
  Bytes packet(bytes);
  packet[0] = 0x60;
  packet[1] = static_cast<uint8_t>(static_cast<uint8_t>(ecn) << 4);
  store_be16(&packet[4], static_cast<uint16_t>(bytes - 40));
  packet[6] = 59;  // No next header.
  packet[7] = 64;
  packet.back() = mark;
  return packet;
}

// --- RelayHost

RelayHost::RelayHost(std::string name_in, const char* ip_in, uint64_t seed)
    : name(std::move(name_in)), ip(*IpAddress::parse(ip_in)), random_(seed) {}

void RelayHost::start(Timestamp now, const std::string& secret) {
  secret_ = secret;
  open_.clear();
  relay::ServerOptions options;
  options.public_v4 = *ip.v4();
  options.listen_port = port;
  options.peers.allows_private_peers = true;
  relay::Credentials credentials;
  credentials.set_stamp_secret(secret);
  server_ = std::make_unique<relay::Server>(options, std::move(credentials), random_, null_tracer(),
                                            now, kDate);
}

RelayListing RelayHost::listing_for(const std::string& salt) const {
  const std::string username = std::to_string(absl::ToUnixSeconds(kDate) + 86'400) + ":" + salt;
  const stun::RelayPassword password(*stun::RelayUsername::parse(username), secret_);
  return {RelayId(name),
          {.v4 = SocketAddress{ip, port}},
          username,
          std::string(stun::kRelayRealm),
          std::string(password.text())};
}

void RelayHost::handle_datagram(Timestamp now, const Datagram& datagram) {
  const auto& bytes = datagram.bytes;
  if (datagram.to.port == port) {
    const auto answer = server_->handle_client_run(now, datagram.from, bytes, bytes.size());
    if (const auto* out = std::get_if<relay::ToPeer>(&answer.outcome)) {
      relay::for_each_payload(*out, [&](std::span<const uint8_t> payload) {
        out_.push_back({{ip, out->port}, out->peer, {payload.begin(), payload.end()}, {}});
      });
    }
  } else if (open_.contains(datagram.to.port)) {
    const auto answer =
        server_->handle_peer_run(now, datagram.to.port, datagram.from, bytes, bytes.size());
    if (const auto* out = std::get_if<relay::ToClient>(&answer)) {
      Bytes framed(stun::kChannelDataHeaderBytes);
      stun::write_channel_data_header(std::span(framed).first<stun::kChannelDataHeaderBytes>(),
                                      out->channel, bytes.size());
      framed.insert(framed.end(), bytes.begin(), bytes.end());
      out_.push_back({{ip, port}, out->client, std::move(framed), {}});
    }
  }
  run_commands(now);
}

void RelayHost::handle_timeout(Timestamp now) {
  server_->handle_timeout(now);
  run_commands(now);
}

void RelayHost::run_commands(Timestamp now) {
  while (const auto command = server_->poll_command()) {
    if (const auto* open = std::get_if<relay::OpenPort>(&*command)) {
      open_.insert(open->port);
      server_->handle_port_opened(now, open->port);
    } else if (const auto* close = std::get_if<relay::ClosePort>(&*command)) {
      open_.erase(close->port);
    }
  }
  while (const auto response = server_->poll_transmit()) {
    const auto bytes = response->bytes();
    out_.push_back({{ip, port}, response->to, {bytes.begin(), bytes.end()}, {}});
  }
}

// --- Lab

Lab::Lab(LabOptions options) : options_(options) {
  a = make_end("192.168.1.2:52625", "203.0.113.1");
  b = make_end("203.0.113.2:52625", "203.0.113.2");
  for (size_t i = 0; i < options_.relays; ++i) {
    const std::string ip = "198.51.100." + std::to_string(i + 1);
    relays.push_back(std::make_unique<RelayHost>("relay-" + std::to_string(i + 1), ip.c_str(),
                                                 options_.seed * 100 + i));
    relays.back()->start(now, "secret");
  }
}

End Lab::make_end(const char* local, const char* mapped) {
  End end;
  end.local = *SocketAddress::parse(local);
  end.mapped = *IpAddress::parse(mapped);
  end.random = std::make_unique<SeededRandom>(options_.seed * 1000 + end.local.ip.bytes()[0]);
  end.node = std::make_unique<Node>(options_.node, kDate, *end.random, null_tracer(), now);
  return end;
}

void Lab::list_relays(End& end, std::vector<RelayId> removed) {
  std::vector<RelayListing> listings;
  for (const auto& relay : relays) {
    listings.push_back(relay->listing_for(&end == &a ? "salt-a" : "salt-b"));
  }
  end.node->update_relays(now, removed, listings);
  settle();
}

ConnectionOptions Lab::options_for(const End& end) const {
  const bool is_a = &end == &a;
  const auto mine = *ice::Credentials::of(ufrags[is_a ? 0 : 1], kPasswords[is_a ? 0 : 1]);
  const auto theirs = *ice::Credentials::of(ufrags[is_a ? 1 : 0], kPasswords[is_a ? 1 : 0]);
  const std::string& psk = is_a ? psk_a : psk_b;
  wireguard::PresharedKey key;
  std::copy_n(psk.begin(), 32, key.mutable_bytes().begin());
  return {.key = (is_a ? b : a).node->public_key(),
          .psk = std::move(key),
          .local = mine,
          .remote = theirs,
          .role = is_a ? ice::Role::kControlling : ice::Role::kControlled,
          .active = is_a ? ice::kClientDefaultTiming : b_active,
          .idle = is_a ? ice::kClientIdleTiming : b_idle};
}

Upserted Lab::upsert(End& end) {
  const Upserted outcome = end.node->upsert_connection(now, kPeer, options_for(end));
  settle();
  return outcome;
}

void Lab::introduce() {
  list_relays(a);
  list_relays(b);
  run_for(1s);
  REQUIRE(upsert(b) == Upserted::kCreated);
  REQUIRE(upsert(a) == Upserted::kCreated);
}

void Lab::settle() {
  drain(a);
  drain(b);
}

void Lab::drain(End& end) {
  while (auto transmit = end.node->poll_transmit()) {
    Datagram out{transmit->source.value_or(end.local), transmit->to, std::move(transmit->bytes),
                 transmit->ecn};
    if (is_roaming && out.from != end.local) continue;
    CHECK((out.from == end.local || out.from == end.uplink));
    out.from.ip = end.mapped;
    this->transmit(std::move(out));
  }
  while (auto event = end.node->poll_event()) {
    end.events.push_back(*event);
    signal(end, *event);
  }
}

void Lab::signal(End& end, const NodeEvent& event) {
  const auto pass = [this](std::function<void()> act) {
    if (is_portal_down) {
      held_.push_back(std::move(act));
    } else {
      due_.emplace(std::pair(now + options_.portal, ++sequence_), std::move(act));
    }
  };
  if (&end == mute) return;
  End& to = other(end);
  if (const auto* added = std::get_if<CandidateAdded>(&event)) {
    pass([this, &to, line = added->line] { to.node->add_remote_candidate(now, kPeer, line); });
  } else if (const auto* gone = std::get_if<CandidateRemoved>(&event)) {
    pass([this, &to, line = gone->line] { to.node->remove_remote_candidate(now, kPeer, line); });
  }
}

void Lab::transmit(Datagram datagram) {
  seen.push_back(datagram);
  if (loses(datagram)) return;
  due_.emplace(std::pair(now + options_.latency, ++sequence_),
               [this, datagram = std::move(datagram)] { deliver(datagram); });
}

void Lab::deliver(const Datagram& datagram) {
  if (RelayHost* relay = relay_at(datagram.to.ip)) {
    relay->handle_datagram(now, datagram);
    for (Datagram& out : relay->take()) transmit(std::move(out));
    return;
  }
  for (End* end : {&a, &b}) {
    if (datagram.to != SocketAddress{end->mapped, end->local.port}) continue;
    Bytes bytes = datagram.bytes;
    end->node->handle_datagrams(
        now, end->local, datagram.from, 0, bytes, [end](const Delivered& delivered) {
          end->packets.emplace_back(delivered.packet.begin(), delivered.packet.end());
        });
  }
}

Timestamp Lab::next_at() {
  Timestamp next = due_.empty() ? Timestamp::never() : due_.begin()->first.first;
  for (End* end : {&a, &b}) next = std::min(next, end->node->poll_timeout().at);
  for (const auto& relay : relays) next = std::min(next, relay->poll_timeout().at);
  return std::max(next, now);
}

void Lab::step_to(Timestamp at) {
  now = at;
  while (!due_.empty() && due_.begin()->first.first <= now) {
    const auto act = std::move(due_.begin()->second);
    due_.erase(due_.begin());
    act();
    settle();
  }
  for (End* end : {&a, &b}) {
    if (end->node->poll_timeout().at > now) continue;
    end->node->handle_timeout(now);
    drain(*end);
    const Wakeup next = end->node->poll_timeout();
    INFO("spins: " << next.reason);
    if (checks_wakeups) REQUIRE(next.at > now);
  }
  for (const auto& relay : relays) {
    if (relay->poll_timeout().at > now) continue;
    relay->handle_timeout(now);
    for (Datagram& out : relay->take()) transmit(std::move(out));
  }
}

bool Lab::run_until(const std::function<bool()>& done, Duration limit) {
  settle();
  if (!is_portal_down) {
    for (auto& act : std::exchange(held_, {})) {
      due_.emplace(std::pair(now, ++sequence_), std::move(act));
    }
  }
  const Timestamp end = now + limit;
  while (!done()) {
    const Timestamp next = next_at();
    if (next > end) {
      now = end;
      return done();
    }
    step_to(next);
  }
  return true;
}

void Lab::run_for(Duration span) {
  const bool never = run_until([] { return false; }, span);
  CHECK_FALSE(never);
}

std::variant<Encapsulated, SendFailure> Lab::send(End& from, const Bytes& packet) {
  static DatagramRun run;
  run.clear();
  const auto outcome = from.node->encapsulate(now, kPeer, packet, run);
  settle();
  if (run.empty()) return outcome;
  const auto bytes = run.bytes();
  transmit({{from.mapped, from.local.port}, run.remote(), {bytes.begin(), bytes.end()}, run.ecn()});
  return outcome;
}

size_t Lab::sent(wireguard::MessageType type, const IpAddress& from) const {
  return static_cast<size_t>(std::count_if(seen.begin(), seen.end(), [&](const Datagram& each) {
    if (each.from.ip != from) return false;
    std::span<const uint8_t> bytes(each.bytes);
    if (const auto data = stun::parse_channel_data(bytes)) bytes = data->payload;
    return wireguard::classify(bytes) == type;
  }));
}

bool Lab::is_between_ends(const Datagram& datagram) const {
  const auto is_end = [this](const IpAddress& ip) { return ip == a.mapped || ip == b.mapped; };
  return is_end(datagram.from.ip) && is_end(datagram.to.ip);
}

RelayHost* Lab::relay_at(const IpAddress& ip) {
  for (const auto& relay : relays) {
    if (relay->ip == ip) return relay.get();
  }
  return nullptr;
}

}  // namespace connlib::snownet::node::testing
