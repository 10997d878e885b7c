#include "tests/sim/relay_machine.h"

#include <variant>
#include <vector>

#include <fmt/format.h>

#include "snownet/stun/channel_data.h"
#include "snownet/stun/message_builder.h"
#include "snownet/stun/relay_credentials.h"

namespace connlib::sim {
namespace {

namespace relay = snownet::relay;
namespace stun = snownet::stun;

// The date at the start of every world.
const absl::Time kDate = absl::FromUnixSeconds(1'780'000'123);

SocketAddress any_address(IpFamily family, uint16_t port) {
  if (family == IpFamily::kV4) return {Ipv4Address{}, port};
  return {Ipv6Address{}, port};
}

Datagram framed(const relay::ToClient& answer, uint16_t listen_port, const Datagram& datagram) {
  Datagram out{any_address(answer.client.ip.family(), listen_port), answer.client, {}, {}};
  out.ecn = datagram.ecn;
  out.bytes.resize(stun::kChannelDataHeaderBytes);
  stun::write_channel_data_header(std::span(out.bytes).first<stun::kChannelDataHeaderBytes>(),
                                  answer.channel, datagram.bytes.size());
  out.bytes.insert(out.bytes.end(), datagram.bytes.begin(), datagram.bytes.end());
  return out;
}

}  // namespace

RelayMachine::RelayMachine(relay::ServerOptions options, std::string_view secret,
                           SeededRandom random, Tracer& tracer, Timestamp now)
    : options_(std::move(options)), random_(std::move(random)), tracer_(tracer) {
  // The Internet of the simulator has documentation addresses; private ones lead nowhere there.
  options_.peers.allows_private_peers = true;
  start(now, secret);
}

void RelayMachine::start(Timestamp now, std::string_view secret) {
  last_now_ = std::max(last_now_, now);
  secret_ = secret;
  relay::Credentials credentials;
  credentials.set_stamp_secret(secret);
  server_ = std::make_unique<relay::Server>(options_, std::move(credentials), random_, tracer_, now,
                                            kDate);
}

void RelayMachine::reboot(Timestamp now, std::string_view secret) {
  tracer_.trace(TraceLevel::kInfo, "relay", "reboots");
  open_.clear();
  queue_.clear();
  start(now, secret);
}

void RelayMachine::handle_datagram(Timestamp now, Datagram& datagram) {
  last_now_ = std::max(last_now_, now);
  if (datagram.destination.port == options_.listen_port) {
    from_client(now, datagram);
  } else if (open_.contains(datagram.destination.port)) {
    from_peer(now, datagram);
  } else {
    ++closed_port_hits_;
  }
  run_commands(now);
}

bool RelayMachine::refuse(const Datagram& datagram) {
  if (!fault_) return false;
  const auto parsed = stun::parse_message(datagram.bytes);
  const auto* request = std::get_if<stun::Message>(&parsed);
  if (request == nullptr || !request->nonce()) return false;
  const auto user = stun::RelayUsername::parse(request->username().value_or(""));
  const auto code = user ? fault_(*request) : std::nullopt;
  if (!code) return false;
  const stun::RelayPassword password(*user, secret_);
  auto key =
      stun::IntegrityKey::long_term(*request->username(), stun::kRelayRealm, password.text());
  std::vector<uint8_t> answer(1280);
  stun::MessageBuilder builder(answer, {request->type().method, stun::MessageClass::kError},
                               request->transaction_id());
  builder.add_error_code(*code).add_realm(stun::kRelayRealm).add_nonce(*request->nonce());
  builder.add_integrity(key);
  answer.resize(builder.finish()->size());
  queue_.push_back({any_address(datagram.source.ip.family(), options_.listen_port),
                    datagram.source,
                    std::move(answer),
                    {}});
  return true;
}

void RelayMachine::from_client(Timestamp now, const Datagram& datagram) {
  if (refuse(datagram)) return;
  const relay::ClientAnswer answer =
      server_->handle_client_run(now, datagram.source, datagram.bytes, datagram.bytes.size());
  const auto* out = std::get_if<relay::ToPeer>(&answer.outcome);
  if (out == nullptr) return;
  relay::for_each_payload(*out, [&](std::span<const uint8_t> payload) {
    queue_.push_back({any_address(out->peer.ip.family(), out->port),
                      out->peer,
                      {payload.begin(), payload.end()},
                      datagram.ecn});
  });
}

void RelayMachine::from_peer(Timestamp now, const Datagram& datagram) {
  const relay::PeerAnswer answer = server_->handle_peer_run(
      now, datagram.destination.port, datagram.source, datagram.bytes, datagram.bytes.size());
  if (const auto* out = std::get_if<relay::ToClient>(&answer)) {
    queue_.push_back(framed(*out, options_.listen_port, datagram));
  }
}

// Ports are opened at once, as bind() is; the responses that waited for them follow.
void RelayMachine::run_commands(Timestamp now) {
  while (const auto command = server_->poll_command()) {
    if (const auto* open = std::get_if<relay::OpenPort>(&*command)) {
      if (occupied_.contains(open->port)) {
        server_->handle_port_failed(now, open->port);
      } else {
        open_.insert(open->port);
        server_->handle_port_opened(now, open->port);
      }
    } else if (const auto* close = std::get_if<relay::ClosePort>(&*command)) {
      open_.erase(close->port);
    }  // Bindings are for a data path of its own; here the server is the data path.
  }
  while (const auto response = server_->poll_transmit()) {
    const auto bytes = response->bytes();
    queue_.push_back({any_address(response->to.ip.family(), options_.listen_port),
                      response->to,
                      {bytes.begin(), bytes.end()},
                      {}});
  }
}

void RelayMachine::handle_timeout(Timestamp now) {
  last_now_ = std::max(last_now_, now);
  server_->handle_timeout(now);
  run_commands(now);
}

std::optional<Datagram> RelayMachine::poll_transmit() {
  if (queue_.empty()) return std::nullopt;
  Datagram next = std::move(queue_.front());
  queue_.pop_front();
  return next;
}

Wakeup RelayMachine::poll_timeout() const {
  if (!queue_.empty()) return {last_now_, "queued output"};
  return server_->poll_timeout();
}

VirtualRelay::Account VirtualRelay::account_for(std::string_view salt) const {
  const auto expiry = absl::ToUnixSeconds(kDate) + account_seconds;
  const std::string username = fmt::format("{}:{}", expiry, salt);
  const stun::RelayPassword password(*stun::RelayUsername::parse(username), secret);
  return {username, std::string(stun::kRelayRealm), std::string(password.text())};
}

VirtualRelay add_relay(World& world, const RelayConfig& config) {
  VirtualRelay out{
      config.name, config.secret, world.add_host(config.name, config.interface), {}, {}};
  relay::ServerOptions options;
  options.listen_port = config.listen_port;
  options.limits = config.limits;
  const auto v4 = world.network().address(out.host, IpFamily::kV4);
  const auto v6 = world.network().address(out.host, IpFamily::kV6);
  if (v4) {
    options.public_v4 = *v4->v4();
    out.sockets[0] = {*v4, config.listen_port};
  }
  if (v6) {
    options.public_v6 = *v6->v6();
    out.sockets[1] = {*v6, config.listen_port};
  }
  const std::vector<PortRange> ports = {port(config.listen_port),
                                        {options.lowest_port, options.highest_port}};
  out.machine =
      world.emplace<RelayMachine>(out.host, config.name, ports, options, config.secret,
                                  world.fork_random(), world.tracer(config.name), world.now());
  return out;
}

void reboot(World& world, VirtualRelay& relay, std::string_view secret) {
  relay.secret = secret;
  world.act(relay.machine,
            [&](RelayMachine& machine, Timestamp now) { machine.reboot(now, secret); });
}

}  // namespace connlib::sim
