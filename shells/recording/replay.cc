#include "shells/recording/replay.h"

#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <fmt/format.h>

#include "shells/recording/digest.h"
#include "shells/recording/entry_codec.h"
#include "shells/recording/text.h"

namespace connlib::recording {

namespace node = snownet::node;

namespace {

constexpr uint64_t kMaxPacketLength = 65535;

std::vector<uint8_t> content_of(const Packet& packet) {
  std::vector<uint8_t> bytes(packet.length());
  if (packet.content().size() == bytes.size()) {
    std::copy(packet.content().begin(), packet.content().end(), bytes.begin());
  }
  return bytes;
}

bool is_sane(const Packet& packet) {
  const size_t stored = packet.content().size();
  return packet.length() <= kMaxPacketLength && (stored == 0 || stored == packet.length());
}

std::string text_of(const TraceField& field) {
  return std::visit([&](const auto& value) { return fmt::format(" {}={}", field.name, value); },
                    field.value);
}

}  // namespace

std::string_view name(ReplayLine::Kind kind) {
  switch (kind) {
    case ReplayLine::Kind::kInput:
      return "input";
    case ReplayLine::Kind::kTransmit:
      return "transmit";
    case ReplayLine::Kind::kEvent:
      return "event";
    case ReplayLine::Kind::kTrace:
      return "trace";
  }
  return "?";
}

Replay::Replay(std::istream& in, Sink sink, TraceLevel level)
    : reader_(in), sink_(std::move(sink)), tracer_(*this, level) {}

Replay::~Replay() = default;

void Replay::LineTracer::record(TraceLevel level, std::string_view module, std::string_view message,
                                std::initializer_list<TraceField> fields) {
  std::string text = fmt::format("{} {}: {}", level_name(level), module, message);
  for (const TraceField& field : fields) text += text_of(field);
  replay_.say(ReplayLine::Kind::kTrace, std::move(text));
}

void Replay::say(ReplayLine::Kind kind, std::string text) {
  sink_({now_ - began_, kind, std::move(text)});
}

absl::Status Replay::malformed(std::string_view what) const {
  return absl::InvalidArgumentError(fmt::format("entry {}: {}", entry_number_, what));
}

absl::Status Replay::diverged(std::string_view what) const {
  return absl::AbortedError(fmt::format("entry {}, {} after the start: {}", entry_number_,
                                        connlib::to_text(now_ - began_), what));
}

absl::Status Replay::run() {
  for (;;) {
    auto entry = next_group();
    if (!entry.ok()) return entry.status();
    if (!*entry) break;
    absl::Status status = node_ == nullptr ? start(**entry) : apply(**entry);
    if (!status.ok()) return status;
    if (!random_.is_exhausted()) return diverged("other randomness was drawn than recorded");
  }
  if (node_ == nullptr) return absl::InvalidArgumentError("not a recording: it has no beginning");
  return absl::OkStatus();
}

// An entry, with the randomness that it drew made ready.
absl::StatusOr<std::optional<Entry>> Replay::next_group() {
  auto entry = ahead_ ? absl::StatusOr<std::optional<Entry>>(std::exchange(ahead_, std::nullopt))
                      : reader_.next();
  if (!entry.ok() || !*entry) return entry;
  entry_number_ = reader_.count();
  for (;;) {
    auto following = reader_.next();
    if (!following.ok()) return following.status();
    if (!*following) break;
    if ((*following)->what_case() != Entry::kDraw) {
      ahead_ = *std::move(following);
      break;
    }
    random_.add((*following)->draw());
  }
  return entry;
}

absl::Status Replay::start(const Entry& entry) {
  if (!entry.has_start()) return malformed("not a recording: it begins with something else");
  const auto options = read_options(entry.start());
  if (!options) {
    return malformed(
        fmt::format("of version {}; this program reads {}", entry.start().version(), kVersion));
  }
  began_ = now_ = Timestamp::from_nanoseconds(entry.at_ns());
  node_ = std::make_unique<node::Node>(*options, read_date(entry.start()), random_, tracer_, now_);
  return absl::OkStatus();
}

absl::Status Replay::apply(const Entry& entry) {
  now_ = Timestamp::from_nanoseconds(entry.at_ns());
  switch (entry.what_case()) {
    case Entry::kTransmit:
      return compare_transmit(entry.transmit());
    case Entry::kEvent:
      return compare_event(entry.event());
    default:
      ++counts_.inputs;
  }
  switch (entry.what_case()) {
    case Entry::kUpsert:
      return apply_upsert(entry.upsert());
    case Entry::kCandidate:
      apply_candidate(entry.candidate());
      return absl::OkStatus();
    case Entry::kEnd:
      apply_end(entry.end());
      return absl::OkStatus();
    case Entry::kCloseAll:
      say(ReplayLine::Kind::kInput, "close all");
      node_->close_all(now_);
      return absl::OkStatus();
    case Entry::kRelays:
      return apply_relays(entry.relays());
    case Entry::kReset:
      say(ReplayLine::Kind::kInput, "reset");
      node_->reset(now_, entry.reset().always() ? node::ResetKind::kAlways
                                                : node::ResetKind::kUnlessFalseAlarm);
      return absl::OkStatus();
    case Entry::kDatagrams:
      return apply_datagrams(entry.datagrams());
    case Entry::kOpenRun:
      apply_open_run(entry.open_run());
      return absl::OkStatus();
    case Entry::kSeal:
      return apply_seal(entry.seal());
    case Entry::kQueuePacket:
      if (!is_sane(entry.queue_packet().packet())) return malformed("a packet of another length");
      node_->queue_packet(now_, node::PeerId(entry.queue_packet().peer()),
                          content_of(entry.queue_packet().packet()));
      return absl::OkStatus();
    case Entry::kTimeout:
      node_->handle_timeout(now_);
      return absl::OkStatus();
    case Entry::kStart:
    case Entry::kDraw:
    case Entry::kTransmit:
    case Entry::kEvent:
    case Entry::WHAT_NOT_SET:
      break;
  }
  return malformed("a second beginning");
}

absl::Status Replay::apply_upsert(const Upsert& upsert) {
  auto options = read_connection(upsert);
  if (!options) return malformed("keys or credentials that cannot be");
  say(ReplayLine::Kind::kInput, fmt::format("upsert peer {}", upsert.peer()));
  node_->upsert_connection(now_, node::PeerId(upsert.peer()), *std::move(options));
  return absl::OkStatus();
}

void Replay::apply_candidate(const Candidate& candidate) {
  const node::PeerId peer(candidate.peer());
  say(ReplayLine::Kind::kInput,
      fmt::format("{} peer {}: {}", candidate.removes() ? "remote removed" : "remote added",
                  candidate.peer(), candidate.line()));
  if (candidate.removes()) {
    node_->remove_remote_candidate(now_, peer, candidate.line());
  } else {
    node_->add_remote_candidate(now_, peer, candidate.line());
  }
}

void Replay::apply_end(const End& end) {
  const node::PeerId peer(end.peer());
  say(ReplayLine::Kind::kInput,
      fmt::format("{} peer {}", end.says_goodbye() ? "close" : "remove", end.peer()));
  if (end.says_goodbye()) {
    node_->close_connection(now_, peer);
  } else {
    node_->remove_connection(now_, peer);
  }
}

absl::Status Replay::apply_relays(const Relays& relays) {
  std::vector<RelayId> removed;
  for (const std::string& id : relays.removed()) removed.emplace_back(id);
  std::vector<node::RelayListing> listed;
  for (const Relay& relay : relays.listed()) {
    auto listing = read_relay(relay);
    if (!listing) return malformed("a relay address that cannot be");
    listed.push_back(*std::move(listing));
  }
  say(ReplayLine::Kind::kInput,
      fmt::format("relays: {} removed, {} listed", removed.size(), listed.size()));
  node_->update_relays(now_, removed, listed);
  return absl::OkStatus();
}

absl::Status Replay::apply_datagrams(const Datagrams& datagrams) {
  const auto local = read_address(datagrams.local());
  const auto from = read_address(datagrams.from());
  if (!local || !from) return malformed("an address that cannot be");
  std::vector<uint8_t> bytes(datagrams.content().begin(), datagrams.content().end());
  say(ReplayLine::Kind::kInput, fmt::format("{} < {}  {} B  {}", connlib::to_text(*local),
                                            connlib::to_text(*from), bytes.size(), kind_of(bytes)));
  node_->handle_datagrams(now_, *local, *from, datagrams.segment_bytes(), bytes,
                          [](const node::Delivered&) {});
  return absl::OkStatus();
}

void Replay::apply_open_run(uint64_t peer) {
  const auto opened = node_->open_run(now_, node::PeerId(peer));
  const auto* route = std::get_if<node::OutboundRoute>(&opened);
  route_ = route != nullptr ? std::optional(*route) : std::nullopt;
}

absl::Status Replay::apply_seal(const Packet& packet) {
  if (!is_sane(packet)) return malformed("a packet of another length");
  if (!route_) return diverged("a packet was sealed where there is no route");
  const auto content = content_of(packet);
  std::vector<uint8_t> datagram(node_->datagram_bytes(*route_, content.size()));
  if (datagram.size() < route_->packet_offset() + content.size()) {
    return diverged("a packet was sealed where its connection is gone");
  }
  std::copy(content.begin(), content.end(),
            datagram.begin() + static_cast<std::ptrdiff_t>(route_->packet_offset()));
  // Whether it succeeded shows in what follows, as it did then.
  static_cast<void>(node_->seal(now_, *route_, datagram, content.size()));
  return absl::OkStatus();
}

absl::Status Replay::compare_transmit(uint64_t recorded) {
  const auto transmit = node_->poll_transmit();
  if (!transmit) return diverged("a datagram was sent; here there is none");
  ++counts_.transmits;
  const std::string text = fmt::format(
      "{} > {}  {} B  {}", transmit->source ? connlib::to_text(*transmit->source) : "any",
      connlib::to_text(transmit->to), transmit->bytes.size(), kind_of(transmit->bytes));
  say(ReplayLine::Kind::kTransmit, text);
  if (digest(*transmit) != recorded) return diverged("another datagram was sent than " + text);
  return absl::OkStatus();
}

absl::Status Replay::compare_event(uint64_t recorded) {
  const auto event = node_->poll_event();
  if (!event) return diverged("an event was given; here there is none");
  ++counts_.events;
  say(ReplayLine::Kind::kEvent, to_text(*event));
  if (digest(*event) != recorded)
    return diverged("another event was given than " + to_text(*event));
  return absl::OkStatus();
}

}  // namespace connlib::recording
