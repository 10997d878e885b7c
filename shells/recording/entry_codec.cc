#include "shells/recording/entry_codec.h"

#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace connlib::recording {

namespace ice = snownet::ice;
namespace node = snownet::node;

namespace {

std::string text_of(std::span<const uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

template <size_t N>
std::optional<std::array<uint8_t, N>> array_of(const std::string& text) {
  if (text.size() != N) return std::nullopt;
  std::array<uint8_t, N> out{};
  std::copy(text.begin(), text.end(), out.begin());
  return out;
}

void write(const SocketAddress& address, Address& out) {
  out.set_ip(text_of(address.ip.bytes()));
  out.set_port(address.port);
}

void write(const ice::Credentials& credentials, IceCredentials& out) {
  out.set_ufrag(credentials.ufrag());
  out.set_password(credentials.password());
}

void write(const ice::Timing& timing, Timing& out) {
  out.set_max_retransmits(timing.max_retransmits);
  out.set_max_rto_ns(timing.max_rto.count());
  out.set_initial_rto_ns(timing.initial_rto.count());
}

void write(const node::RelayListing& listing, Relay& out) {
  out.set_id(listing.id.value());
  if (listing.sockets.v4) write(*listing.sockets.v4, *out.mutable_v4());
  if (listing.sockets.v6) write(*listing.sockets.v6, *out.mutable_v6());
  out.set_username(listing.username);
  out.set_realm(listing.realm);
  out.set_password(listing.password);
}

// Each kind of input into its field.
class InputWriter {
 public:
  InputWriter(Entry& entry, bool with_payloads) : entry_(entry), with_payloads_(with_payloads) {}

  void operator()(const node::UpsertInput& in) {
    Upsert& out = *entry_.mutable_upsert();
    out.set_peer(in.peer.value());
    out.set_key(text_of(in.options.key.bytes));
    out.set_preshared_key(text_of(in.options.psk.bytes()));
    write(in.options.local, *out.mutable_local());
    write(in.options.remote, *out.mutable_remote());
    out.set_is_controlling(in.options.role == ice::Role::kControlling);
    write(in.options.active, *out.mutable_active());
    write(in.options.idle, *out.mutable_idle());
  }
  void operator()(const node::CandidateInput& in) {
    Candidate& out = *entry_.mutable_candidate();
    out.set_removes(in.change == node::CandidateInput::Change::kRemove);
    out.set_peer(in.peer.value());
    out.set_line(std::string(in.line));
  }
  void operator()(const node::EndInput& in) {
    End& out = *entry_.mutable_end();
    out.set_says_goodbye(in.how == node::EndInput::How::kClose);
    out.set_peer(in.peer.value());
  }
  void operator()(const node::CloseAllInput& /*in*/) { entry_.mutable_close_all(); }
  void operator()(const node::RelaysInput& in) {
    Relays& out = *entry_.mutable_relays();
    for (const RelayId& id : in.removed) out.add_removed(id.value());
    for (const node::RelayListing& listing : in.listed) write(listing, *out.add_listed());
  }
  void operator()(const node::ResetInput& in) {
    entry_.mutable_reset()->set_always(in.kind == node::ResetKind::kAlways);
  }
  void operator()(const node::DatagramsInput& in) {
    Datagrams& out = *entry_.mutable_datagrams();
    write(in.local, *out.mutable_local());
    write(in.from, *out.mutable_from());
    out.set_segment_bytes(in.segment_bytes);
    out.set_content(text_of(in.bytes));
  }
  void operator()(const node::OpenRunInput& in) { entry_.set_open_run(in.peer.value()); }
  void operator()(const node::SealInput& in) { write_packet(in.packet, *entry_.mutable_seal()); }
  void operator()(const node::QueuePacketInput& in) {
    QueuePacket& out = *entry_.mutable_queue_packet();
    out.set_peer(in.peer.value());
    write_packet(in.packet, *out.mutable_packet());
  }
  void operator()(const node::TimeoutInput& /*in*/) { entry_.mutable_timeout(); }

 private:
  void write_packet(std::span<const uint8_t> packet, Packet& out) const {
    out.set_length(packet.size());
    if (with_payloads_) out.set_content(text_of(packet));
  }

  Entry& entry_;
  bool with_payloads_;
};

std::optional<ice::Timing> read_timing(const Timing& timing) {
  ice::Timing out{timing.max_retransmits(), Duration(timing.max_rto_ns()),
                  Duration(timing.initial_rto_ns())};
  const bool is_sane = out.max_retransmits >= 1 && out.max_retransmits <= ice::kMaxRetransmits &&
                       out.initial_rto > 0ns && out.max_rto >= out.initial_rto;
  if (!is_sane) return std::nullopt;
  return out;
}

}  // namespace

void write_start(const node::NodeOptions& options, absl::Time date, Entry& entry) {
  Start& out = *entry.mutable_start();
  out.set_version(kVersion);
  out.set_date_ns(absl::ToUnixNanos(date));
  out.set_late_candidates(static_cast<uint32_t>(options.late_candidates));
  out.set_max_connections(options.max_connections);
  out.set_max_tunnels(options.device.max_peers);
  out.set_remembered_tunnels(options.device.remembered_peers);
  const auto& limits = options.device.limits;
  out.set_handshakes_per_node(limits.per_node);
  out.set_handshakes_per_source(limits.per_source);
  out.set_cookie_replies(limits.cookie_replies);
  out.set_handshake_sources(limits.sources);
}

void write_input(const node::NodeInput& input, bool with_payloads, Entry& entry) {
  std::visit(InputWriter(entry, with_payloads), input);
}

std::optional<node::NodeOptions> read_options(const Start& start) {
  const auto last = static_cast<uint32_t>(node::LateCandidates::kAcceptAll);
  if (start.version() != kVersion || start.late_candidates() > last) return std::nullopt;
  node::NodeOptions out;
  out.late_candidates = static_cast<node::LateCandidates>(start.late_candidates());
  out.max_connections = start.max_connections();
  out.device.max_peers = start.max_tunnels();
  out.device.remembered_peers = start.remembered_tunnels();
  out.device.limits.per_node = start.handshakes_per_node();
  out.device.limits.per_source = start.handshakes_per_source();
  out.device.limits.cookie_replies = start.cookie_replies();
  out.device.limits.sources = start.handshake_sources();
  return out;
}

absl::Time read_date(const Start& start) { return absl::FromUnixNanos(start.date_ns()); }

std::optional<SocketAddress> read_address(const Address& address) {
  if (address.port() > 0xffff) return std::nullopt;
  const auto port = static_cast<uint16_t>(address.port());
  if (const auto v4 = array_of<4>(address.ip())) return SocketAddress{Ipv4Address{*v4}, port};
  if (const auto v6 = array_of<16>(address.ip())) return SocketAddress{Ipv6Address{*v6}, port};
  return std::nullopt;
}

std::optional<node::ConnectionOptions> read_connection(const Upsert& upsert) {
  const auto key = array_of<32>(upsert.key());
  const auto psk = array_of<32>(upsert.preshared_key());
  const auto local = ice::Credentials::of(upsert.local().ufrag(), upsert.local().password());
  const auto remote = ice::Credentials::of(upsert.remote().ufrag(), upsert.remote().password());
  const auto active = read_timing(upsert.active());
  const auto idle = read_timing(upsert.idle());
  if (!key || !psk || !local || !remote || !active || !idle) return std::nullopt;
  return node::ConnectionOptions{
      PublicKey{*key},
      wireguard::PresharedKey(*psk),
      *local,
      *remote,
      upsert.is_controlling() ? ice::Role::kControlling : ice::Role::kControlled,
      *active,
      *idle};
}

std::optional<node::RelayListing> read_relay(const Relay& relay) {
  node::RelayListing out{
      RelayId(relay.id()), {}, relay.username(), relay.realm(), relay.password()};
  if (relay.has_v4()) {
    out.sockets.v4 = read_address(relay.v4());
    if (!out.sockets.v4) return std::nullopt;
  }
  if (relay.has_v6()) {
    out.sockets.v6 = read_address(relay.v6());
    if (!out.sockets.v6) return std::nullopt;
  }
  return out;
}

}  // namespace connlib::recording
