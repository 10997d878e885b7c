#include "tests/scenarios/forger.h"

#include <algorithm>
#include <array>
#include <utility>
#include <variant>

#include "connlib/base/bytes.h"
#include "snownet/stun/channel_data.h"
#include "snownet/stun/datagram_kind.h"
#include "snownet/stun/message.h"
#include "snownet/stun/message_builder.h"
#include "tests/scenarios/deployment.h"
#include "wireguard/cookie/macs.h"
#include "wireguard/noise/messages.h"

namespace connlib::scenarios {

namespace stun = snownet::stun;

namespace {

constexpr size_t kMaxHeard = 512;    // Then a random one makes room.
constexpr size_t kMaxKnown = 64;     // Of names and numbers that were overheard.
constexpr Duration kLater = 1500ms;  // By then the original has arrived, and its answer, too.

template <typename Value>
void learn(std::vector<Value>& known, Value value) {
  if (known.size() == kMaxKnown || std::find(known.begin(), known.end(), value) != known.end()) {
    return;
  }
  known.push_back(std::move(value));
}

}  // namespace

Forger::Forger(Deployment& deployment, SeededRandom random)
    : deployment_(deployment), random_(std::move(random)) {
  deployment_.world.on_transmit([this](sim::MachineId from, const sim::Datagram& datagram) {
    deployment_.invariants.note_transmit(from, datagram);
    hear(from, datagram);
  });
}

// The NATs of these stories keep ports, so only the address is another one outside.
void Forger::hear(sim::MachineId from, const sim::Datagram& datagram) {
  Heard heard{deployment_.world.now(), datagram};
  for (const Party& party : deployment_.parties()) {
    if (party.peer.id != from) continue;
    const auto seen_as = deployment_.world.network().public_addresses(party.edge.host);
    const auto is_v4 = [](const IpAddress& ip) { return ip.is_v4(); };
    const auto outer = std::find_if(seen_as.begin(), seen_as.end(), is_v4);
    if (!datagram.source.ip.is_v4() || outer == seen_as.end()) return;
    heard.datagram.source.ip = *outer;
  }
  if (sim::is_private(heard.datagram.destination.ip)) return;
  std::span<const uint8_t> message = heard.datagram.bytes;
  if (const auto framed = stun::parse_channel_data(message)) {
    learn(channels_, framed->channel.value());
    message = framed->payload;
  }
  const auto parsed = stun::parse_message(message);
  if (const auto* request = std::get_if<stun::Message>(&parsed)) {
    if (const auto username = request->username()) learn(usernames_, std::string(*username));
  } else if (message.size() >= 8 && message[0] == 4) {
    learn(session_indices_, load_le32(message.data() + 4));
  }
  if (heard_.size() < kMaxHeard) {
    heard_.push_back(std::move(heard));
  } else {
    heard_[some(kMaxHeard - 1)] = std::move(heard);
  }
}

const Forger::Heard* Forger::pick() {
  for (int i = 0; i < 16 && !heard_.empty(); ++i) {
    const Heard& heard = heard_[some(heard_.size() - 1)];
    if (heard.at + kLater <= deployment_.world.now()) return &heard;
  }
  return nullptr;
}

void Forger::forge() {
  const Heard* heard = pick();
  if (heard == nullptr) return;
  sim::Datagram datagram = heard->datagram;
  // What is made up comes from anywhere, now and then.
  const auto made_up = [&](Bytes bytes) {
    datagram.bytes = std::move(bytes);
    if (some(3) == 0) datagram.source = any_address();
  };
  switch (random_.below(8)) {
    case 0:
      made_up(noise(some(1400)));
      break;
    case 1:
      datagram.bytes = altered(std::move(datagram.bytes));
      break;
    case 2:
      break;  // Once more, as it was.
    case 3:
      datagram.bytes = resized(std::move(datagram.bytes));
      break;
    case 4:
    case 5:
      made_up(stun());
      break;
    case 6:
      made_up(wireguard(datagram.destination));
      break;
    default:
      made_up(channel_data());
      break;
  }
  ++forged_;
  deployment_.world.network().inject(std::move(datagram));
}

Forger::Bytes Forger::noise(size_t bytes) {
  Bytes out(bytes);
  random_.fill(out);
  return out;
}

Forger::Bytes Forger::altered(Bytes bytes) {
  for (size_t i = 0; i <= some(3) && !bytes.empty(); ++i) {
    bytes[some(bytes.size() - 1)] ^= static_cast<uint8_t>(1 + some(254));
  }
  return bytes;
}

Forger::Bytes Forger::resized(Bytes bytes) {
  const size_t before = bytes.size();
  bytes.resize(some(before + 64));
  if (bytes.size() > before) random_.fill(std::span(bytes).subspan(before));
  return bytes;
}

SocketAddress Forger::any_address() {
  std::array<uint8_t, 4> ip{203, 0, 113, static_cast<uint8_t>(some(255))};
  return {Ipv4Address{ip}, static_cast<uint16_t>(1 + some(65534))};
}

// Requests, answers and refusals, under names that were overheard; signed, if at all, by a guess.
Forger::Bytes Forger::stun() {
  using stun::Method;
  constexpr std::array kMethods = {
      Method::kBinding, Method::kAllocate,         Method::kRefresh,    Method::kSend,
      Method::kData,    Method::kCreatePermission, Method::kChannelBind};
  constexpr std::array kErrors = {
      stun::ErrorCode::kTryAlternate,        stun::ErrorCode::kBadRequest,
      stun::ErrorCode::kUnauthorized,        stun::ErrorCode::kAllocationMismatch,
      stun::ErrorCode::kStaleNonce,          stun::ErrorCode::kRoleConflict,
      stun::ErrorCode::kInsufficientCapacity};
  std::array<uint8_t, 512> buffer{};
  stun::TransactionId id;
  random_.fill(id.bytes);
  const auto cls = static_cast<stun::MessageClass>(random_.below(4));
  stun::MessageBuilder builder(buffer, {kMethods.at(some(kMethods.size() - 1)), cls}, id);
  if (!usernames_.empty() && flip()) builder.add_username(usernames_[some(usernames_.size() - 1)]);
  if (cls == stun::MessageClass::kError)
    builder.add_error_code(kErrors.at(some(kErrors.size() - 1)));
  if (flip()) builder.add_realm("firezone").add_nonce("a nonce that nobody gave");
  if (flip()) builder.add_priority(static_cast<uint32_t>(random_.below(UINT32_MAX)));
  if (flip()) builder.add_ice_controlling(UINT64_MAX);
  if (flip()) builder.add_use_candidate();
  if (flip()) builder.add_xor_mapped_address(any_address());
  if (flip()) builder.add_xor_relayed_address(any_address());
  if (flip()) builder.add_xor_peer_address(any_address());
  if (flip()) builder.add_lifetime(std::chrono::seconds(flip() ? 0 : 600));
  if (!channels_.empty() && flip()) {
    builder.add_channel_number(stun::ChannelNumber(channels_[some(channels_.size() - 1)]));
  }
  if (flip()) {
    stun::IntegrityKey guess = stun::IntegrityKey::short_term("a password that nobody has");
    builder.add_integrity(guess);
  }
  if (flip()) builder.add_fingerprint();
  const auto message = builder.finish();
  return message ? Bytes(message->begin(), message->end()) : noise(20);
}

// An initiation's first MAC needs no secret: it is there to make a forger know whom he talks to.
Forger::Bytes Forger::wireguard(const SocketAddress& to) {
  constexpr std::array<size_t, 4> kSizes = {wireguard::kInitiationBytes, wireguard::kResponseBytes,
                                            wireguard::kCookieReplyBytes, 96};
  const size_t type = 1 + some(3);
  Bytes out = noise(kSizes.at(type - 1));
  store_le32(out.data(), static_cast<uint32_t>(type));
  const uint32_t index = session_indices_.empty() || some(3) == 0
                             ? static_cast<uint32_t>(random_.below(UINT32_MAX))
                             : session_indices_[some(session_indices_.size() - 1)];
  if (type != 1) store_le32(out.data() + (type == 2 ? 8 : 4), index);
  if (type == 4) store_le64(out.data() + 8, random_.below(flip() ? 10'000 : UINT64_MAX));
  if (type > 2) return out;
  const auto& network = deployment_.world.network();
  for (const Party& party : deployment_.parties()) {
    const auto seen_as = network.public_addresses(party.edge.host);
    if (std::find(seen_as.begin(), seen_as.end(), to.ip) == seen_as.end()) continue;
    wireguard::CookieHolder(party->node().public_key()).stamp(deployment_.world.now(), out);
  }
  return out;
}

Forger::Bytes Forger::channel_data() {
  const Heard* heard = flip() ? pick() : nullptr;
  const bool is_check = heard != nullptr &&
                        stun::datagram_kind(heard->datagram.bytes) != stun::DatagramKind::kOther &&
                        !wireguard::classify(heard->datagram.bytes);
  Bytes out = heard == nullptr || is_check ? noise(some(200)) : heard->datagram.bytes;
  out.insert(out.begin(), stun::kChannelDataHeaderBytes, 0);
  const size_t length = out.size() - stun::kChannelDataHeaderBytes;
  const bool is_known = !channels_.empty() && flip();
  store_be16(out.data(), is_known ? channels_[some(channels_.size() - 1)]
                                  : static_cast<uint16_t>(0x4000 + some(0xfff)));
  store_be16(out.data() + 2, static_cast<uint16_t>(some(7) == 0 ? some(UINT16_MAX) : length));
  return out;
}

}  // namespace connlib::scenarios
