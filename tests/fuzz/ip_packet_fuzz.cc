// IP packets from a hostile tunnel or TUN. The first byte chooses: a view with a script of edits
// and the ICMP errors about it; a super-packet to be cut; packets to be merged and cut again.
#include <algorithm>
#include <array>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "connlib/base/bytes.h"
#include "connlib/base/check.h"
#include "connlib/packet/coalescing.h"
#include "connlib/packet/icmp_error.h"
#include "connlib/packet/ip_packet.h"
#include "connlib/packet/segmentation.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/support/packets.h"

namespace connlib {
namespace {

using fuzz::FuzzInput;
using testing::Bytes;

Bytes take_bytes(FuzzInput& in, size_t n) {
  const auto taken = in.take(n);
  return {taken.begin(), taken.end()};
}

IpAddress take_address(FuzzInput& in, IpFamily family) {
  const auto fill = [&in](auto address) {
    for (uint8_t& byte : address.bytes) byte = in.u8();
    return IpAddress(address);
  };
  return family == IpFamily::kV4 ? fill(Ipv4Address()) : fill(Ipv6Address());
}

// The parts of the upper layer add up to it.
void check_parts(const IpPacket& view) {
  const size_t upper_bytes = view.upper().size();
  CONNLIB_CHECK(upper_bytes + kIpv4MinHeaderBytes <= view.bytes().size());
  if (const auto udp = view.udp()) {
    CONNLIB_CHECK(kUdpHeaderBytes + udp->payload().size() == upper_bytes);
    CONNLIB_CHECK(view.source_protocol() == ClassifiedProtocol(Protocol::udp(udp->source_port())));
  }
  if (const auto tcp = view.tcp()) {
    const size_t header_bytes = kTcpMinHeaderBytes + tcp->options().size();
    CONNLIB_CHECK(header_bytes + tcp->payload().size() == upper_bytes);
    const ClassifiedProtocol to = Protocol::tcp(tcp->destination_port());
    CONNLIB_CHECK(view.destination_protocol() == to);
  }
  if (const auto icmp = view.icmp()) {
    CONNLIB_CHECK(kIcmpHeaderBytes + icmp->body().size() == upper_bytes);
    CONNLIB_CHECK(!(icmp->is_echo() && icmp->is_error()));
    CONNLIB_CHECK(icmp->is_echo() == std::holds_alternative<Protocol>(view.source_protocol()));
  }
}

// Edits that fit must be read back; whatever happens, checksums stay right.
void edit(IpPacket& view, FuzzInput& in) {
  const uint8_t what = in.u8();
  const auto family = (what & 0x80) == 0 ? view.family() : IpFamily::kV6;
  const auto kind = static_cast<Protocol::Kind>(what >> 4 & 3);
  const IpAddress address = take_address(in, family);
  const Protocol protocol{kind == Protocol::Kind{3} ? Protocol::Kind::kTcp : kind, in.u16()};
  const ClassifiedProtocol classified = protocol;
  switch (what & 7) {
    case 0:
      if (view.set_source(address)) CONNLIB_CHECK(view.source() == address);
      break;
    case 1:
      if (view.set_destination(address)) CONNLIB_CHECK(view.destination() == address);
      break;
    case 2:
      if (view.set_source_protocol(protocol)) CONNLIB_CHECK(view.source_protocol() == classified);
      break;
    case 3:
      if (view.set_destination_protocol(protocol)) {
        CONNLIB_CHECK(view.destination_protocol() == classified);
      }
      break;
    case 4:
      if (view.translate_destination(protocol, address)) {
        CONNLIB_CHECK(view.source_protocol() == classified && view.destination() == address);
      }
      break;
    case 5:
      if (view.translate_source(protocol, address)) {
        CONNLIB_CHECK(view.destination_protocol() == classified && view.source() == address);
      }
      break;
    case 6:
      view.set_ecn(static_cast<Ecn>(what >> 4 & 3));
      break;
    default:
      view.mark_congestion();
  }
  CONNLIB_CHECK(testing::has_right_checksums(view.bytes()));
}

// What we write must be a packet that we accept; gives the error and its quote.
std::optional<IcmpErrorMessage> read_back(std::span<uint8_t> written) {
  auto parsed = IpPacket::parse(written);
  auto* view = std::get_if<IpPacket>(&parsed);
  CONNLIB_CHECK(view != nullptr && testing::has_right_checksums(written));
  return parse_icmp_error(*view);
}

void check_answer(const IpPacket& view) {
  std::array<uint8_t, IpPacket::kMaxBytes> out{};
  const auto error = IcmpError::prohibited(view.family());
  const auto answer = answer_with_icmp_error(error, view, out);
  if (answer.empty()) return;
  const auto message = read_back(answer);
  if (!message) return;
  CONNLIB_CHECK(message->error == error);
  CONNLIB_CHECK(message->quoted.destination() == view.destination());
  CONNLIB_CHECK(ClassifiedProtocol(message->quoted.source_protocol()) == view.source_protocol());
}

void check_received_error(IpPacket& view, FuzzInput& in) {
  auto message = parse_icmp_error(view);
  if (!message) return;
  const Protocol inside{message->quoted.source_protocol().kind, in.u16()};
  const IpAddress proxy = take_address(in, view.family());
  CONNLIB_CHECK(message->quoted.translate_destination(inside, proxy));
  std::array<uint8_t, IpPacket::kMaxBytes> out{};
  const auto again = write_icmp_error(message->error, {.source = proxy, .destination = proxy},
                                      message->quoted.bytes(), out);
  const auto message_again = read_back(again);
  // A new quote is never too short for the flow: IPv4 has 8 bytes of it, IPv6 all that we got.
  CONNLIB_CHECK(message_again.has_value());
  CONNLIB_CHECK(message_again->error == message->error);
  CONNLIB_CHECK(message_again->quoted.destination() == proxy);
  CONNLIB_CHECK(message_again->quoted.source_protocol() == inside);
}

void fuzz_view(FuzzInput& in) {
  Bytes packet = take_bytes(in, in.u16());
  auto parsed = IpPacket::parse(packet);
  auto* view = std::get_if<IpPacket>(&parsed);
  if (view == nullptr) return;
  check_parts(*view);
  view->write_checksums();
  CONNLIB_CHECK(testing::has_right_checksums(packet));
  check_answer(*view);
  while (!in.empty()) edit(*view, in);
  CONNLIB_CHECK(std::holds_alternative<IpPacket>(IpPacket::parse(packet)));
  check_received_error(*view, in);
}

void fuzz_super_packet(FuzzInput& in) {
  OffloadInfo info;
  info.gso = static_cast<Gso>(in.u8() & 3);
  info.segment_bytes = in.u16();
  info.header_bytes = in.u16();
  info.needs_checksum = (in.u8() & 1) != 0;
  info.checksum_start = in.u16();
  info.checksum_offset = in.u16();
  const Bytes packet = take_bytes(in, in.size());
  const auto super = SuperPacket::parse(info, packet);
  if (!super) return;
  CONNLIB_CHECK(super->segments() >= 1 && super->segments() <= SuperPacket::kMaxSegments);
  for (size_t i = 0; i < super->segments(); ++i) {
    Bytes out(super->segment_bytes(i));
    CONNLIB_CHECK(out.size() <= packet.size());
    super->write_segment(i, out);
  }
}

// The next packet of one of four flows, or anything at all.
Bytes next_packet(FuzzInput& in, std::array<uint32_t, 4>& sequences) {
  const uint8_t what = in.u8();
  if ((what & 3) == 0) {
    Bytes raw = take_bytes(in, in.u8());
    return raw.empty() ? Bytes(1) : raw;
  }
  const uint8_t flow = what >> 2 & 3;
  const bool v6 = (what & 0x10) != 0;
  const SocketAddress from{testing::address(v6 ? "fd00::1" : "10.0.0.1"), uint16_t{flow}};
  const SocketAddress to = testing::endpoint(v6 ? "[fd00::2]:443" : "10.0.0.2:443");
  const Bytes payload(in.u8() * size_t{4}, what);
  const testing::IpFields ip{.identification = static_cast<uint16_t>(in.u8())};
  Bytes packet;
  if ((what & 3) == 1) {
    packet = testing::udp_packet(from, to, payload, ip);
  } else {
    const testing::TcpFields tcp{.sequence = sequences[flow],
                                 .flags = (what & 3) == 2 ? uint8_t{0x10} : in.u8()};
    packet = testing::tcp_packet(from, to, tcp, payload, ip);
    sequences[flow] += static_cast<uint32_t>(payload.size());
  }
  if ((what & 0x20) != 0) packet[v6 ? 1 : 6] = in.u8();  // Flow label, or DF and fragments.
  if ((what & 0x40) != 0) testing::write_checksums(packet);
  return packet;
}

// The identification means nothing in a datagram with DF (RFC 6864 §4.1) and may change.
Bytes comparable(Bytes packet) {
  if (packet.size() >= 20 && packet[0] >> 4 == 4 && (packet[6] & 0x40) != 0) {
    for (const size_t i : {4u, 5u, 10u, 11u}) packet[i] = 0;
  }
  return packet;
}

void fuzz_coalescer(FuzzInput& in) {
  std::array<uint32_t, 4> sequences{};
  std::vector<Bytes> packets;
  Coalescer coalescer;
  coalescer.set_merges_udp((in.u8() & 1) != 0);
  while (!in.empty() && packets.size() < 200) packets.push_back(next_packet(in, sequences));

  std::vector<Bytes> expected;
  std::vector<Bytes> received;
  const auto cut = [&received](const Coalescer::Group& group) {
    Bytes whole;
    for (const auto part : group.parts) whole.insert(whole.end(), part.begin(), part.end());
    if (group.info.gso == Gso::kNone) return received.push_back(comparable(whole));
    const auto super = SuperPacket::parse(group.info, whole);
    CONNLIB_CHECK(super.has_value());
    for (size_t i = 0; i < super->segments(); ++i) {
      Bytes out(super->segment_bytes(i));
      super->write_segment(i, out);
      received.push_back(comparable(std::move(out)));
    }
  };
  for (Bytes& packet : packets) {
    expected.push_back(comparable(packet));
    if (coalescer.add(packet)) continue;
    coalescer.flush(cut);
    CONNLIB_CHECK(coalescer.add(packet));
  }
  coalescer.flush(cut);
  CONNLIB_CHECK(
      std::is_permutation(received.begin(), received.end(), expected.begin(), expected.end()));
}

}  // namespace
}  // namespace connlib

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  connlib::fuzz::FuzzInput in(std::span(data, size));
  switch (in.u8() & 3) {
    case 1:
      connlib::fuzz_super_packet(in);
      break;
    case 2:
      connlib::fuzz_coalescer(in);
      break;
    default:
      connlib::fuzz_view(in);
  }
  return 0;
}
