// Property: our codec and ldns agree on what a message says, whichever of the two wrote it. And
// where bytes are damaged, what we accept ldns accepts with the same meaning.
#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "connlib/base/random_source.h"
#include "connlib/dns/message.h"
#include "connlib/dns/message_builder.h"

// Last: it makes macros of true and false.
// clang-format off
#include <ldns/ldns.h>
#undef true
#undef false
// clang-format on

namespace connlib::dns {
namespace {

using Bytes = std::vector<uint8_t>;
struct FreePacket {
  void operator()(ldns_pkt* p) const { ldns_pkt_free(p); }
};
using Packet = std::unique_ptr<ldns_pkt, FreePacket>;

Packet read_with_ldns(std::span<const uint8_t> bytes) {
  ldns_pkt* packet = nullptr;
  if (ldns_wire2pkt(&packet, bytes.data(), bytes.size()) != LDNS_STATUS_OK) return nullptr;
  return Packet(packet);
}

// One record, whoever read it: owner, type, class, ttl, rdata with names spelled out.
struct Plain {
  Bytes owner;
  unsigned type;
  unsigned cls;
  uint32_t ttl;
  Bytes rdata;
  friend bool operator==(const Plain&, const Plain&) = default;
};

Bytes wire_of(const ldns_rdf* rdf) {
  const auto* data = ldns_rdf_data(rdf);
  return {data, data + ldns_rdf_size(rdf)};
}

std::vector<Plain> plain(const ldns_rr_list* list) {
  std::vector<Plain> out;
  for (size_t i = 0; i < ldns_rr_list_rr_count(list); ++i) {
    const ldns_rr* rr = ldns_rr_list_rr(list, i);
    Bytes rdata;
    for (size_t j = 0; j < ldns_rr_rd_count(rr); ++j) {
      const auto part = wire_of(ldns_rr_rdf(rr, j));
      rdata.insert(rdata.end(), part.begin(), part.end());
    }
    out.push_back({wire_of(ldns_rr_owner(rr)), ldns_rr_get_type(rr), ldns_rr_get_class(rr),
                   ldns_rr_ttl(rr), std::move(rdata)});
  }
  return out;
}

std::vector<Plain> plain(const Message& message, Section section) {
  std::vector<Plain> out;
  for (const Record record : message.records(section)) {
    if (record.type() == RecordType::kOpt) continue;
    const auto owner = record.owner();
    Bytes rdata(record.rdata().begin(), record.rdata().end());
    if (const auto target = record.target()) {
      rdata.assign(target->wire().begin(), target->wire().end());
    }
    out.push_back({{owner.wire().begin(), owner.wire().end()},
                   static_cast<unsigned>(record.type()),
                   static_cast<unsigned>(record.cls()),
                   record.ttl_seconds(),
                   std::move(rdata)});
  }
  return out;
}

// ldns compresses without regard to case, so what it wrote may differ from what it read in that.
void fold(Bytes& bytes) {
  for (uint8_t& byte : bytes) byte = lower(byte);
}
enum class Case { kKept, kFolded };

void check_section(std::vector<Plain> ours, std::vector<Plain> theirs, Case names) {
  for (auto* side : {&ours, &theirs}) {
    for (Plain& record : *side) {
      if (names == Case::kFolded) fold(record.owner);
      if (names == Case::kFolded) fold(record.rdata);
    }
  }
  CHECK(ours == theirs);
}

void check_agreement(const Message& ours, const ldns_pkt* theirs, Case names) {
  const Header header = ours.header();
  CHECK(header.id == ldns_pkt_id(theirs));
  CHECK(header.is_response == ldns_pkt_qr(theirs));
  CHECK(header.is_authoritative == ldns_pkt_aa(theirs));
  CHECK(header.is_truncated == ldns_pkt_tc(theirs));
  CHECK(header.recursion_desired == ldns_pkt_rd(theirs));
  CHECK(header.recursion_available == ldns_pkt_ra(theirs));
  CHECK(header.authentic_data == ldns_pkt_ad(theirs));
  CHECK(header.checking_disabled == ldns_pkt_cd(theirs));
  CHECK(static_cast<unsigned>(header.code) == ldns_pkt_get_rcode(theirs));
  const ldns_rr* question = ldns_rr_list_rr(ldns_pkt_question(theirs), 0);
  CHECK(ours.question().has_value() == (question != nullptr));
  if (question != nullptr) {
    const auto name = ours.question()->name;
    CHECK(Bytes(name.wire().begin(), name.wire().end()) == wire_of(ldns_rr_owner(question)));
    CHECK(static_cast<unsigned>(ours.question()->type) == ldns_rr_get_type(question));
  }
  check_section(plain(ours, Section::kAnswer), plain(ldns_pkt_answer(theirs)), names);
  check_section(plain(ours, Section::kAuthority), plain(ldns_pkt_authority(theirs)), names);
  check_section(plain(ours, Section::kAdditional), plain(ldns_pkt_additional(theirs)), names);
  if (ours.edns()) {
    CHECK(ours.edns()->udp_payload_bytes == ldns_pkt_edns_udp_size(theirs));
    CHECK(ours.edns()->dnssec_ok == ldns_pkt_edns_do(theirs));
    CHECK(ours.edns()->version == ldns_pkt_edns_version(theirs));
  }
}

// Names of a small world, so that compression has work; every character but the zero of length.
Name random_name(RandomSource& random) {
  static const std::vector<std::string> kLabels{"com", "example",    "EXAMPLE",
                                                "a",   "b\\.c",      "x\\000y",
                                                "www", "\\255\\032", std::string(63, 'l')};
  std::string text;
  for (uint64_t left = random.below(4); left > 0; --left) {
    text = kLabels[random.below(kLabels.size())] + (text.empty() ? "" : "." + text);
  }
  return text.empty() ? Name() : *Name::parse(text);
}

// A record as text for ldns, or straight into our builder.
void add_random_record(MessageBuilder& builder, Section section, RandomSource& random) {
  const Name owner = random_name(random);
  const auto ttl = static_cast<uint32_t>(random.below(100'000));
  switch (random.below(4)) {
    case 0:
      builder.add(section, owner, {RecordType::kA, ttl}, random.bytes<4>());
      return;
    case 1:
      builder.add(section, owner, {RecordType::kAaaa, ttl}, random.bytes<16>());
      return;
    case 2:
      builder.add(section, owner, {RecordType::kTxt, ttl}, Bytes{3, 'a', 0, 0xff, 1, 'b'});
      return;
    default: {
      const auto type = random.below(2) == 0 ? RecordType::kCname : RecordType::kPtr;
      builder.add_target(section, owner, {type, ttl}, random_name(random));
    }
  }
}

Bytes random_message(RandomSource& random) {
  Bytes buffer(8192);
  const auto id =
      static_cast<uint16_t>(random.next_u32());  // Compilers order arguments as they like.
  Header header = Header::decode(id, static_cast<uint16_t>(random.next_u32()));
  MessageBuilder builder(buffer, header);
  if (random.below(8) != 0) builder.add_question({random_name(random), RecordType::kA});
  for (const auto section : {Section::kAnswer, Section::kAuthority, Section::kAdditional}) {
    for (uint64_t left = random.below(6); left > 0; --left) {
      add_random_record(builder, section, random);
    }
  }
  if (random.below(2) == 0) {
    builder.add_edns({.udp_payload_bytes = static_cast<uint16_t>(random.next_u32()),
                      .version = static_cast<uint8_t>(random.below(3)),
                      .dnssec_ok = random.below(2) == 0});
  }
  const auto message = builder.finish();
  REQUIRE(message.has_value());
  return {message->begin(), message->end()};
}

TEST_CASE("ldns reads what we write, and writes what we read") {
  SeededRandom random(20261125);
  for (int i = 0; i < 3000; ++i) {
    const auto bytes = random_message(random);
    const auto ours = Message::parse(bytes);
    const auto theirs = read_with_ldns(bytes);
    REQUIRE(ours.has_value());
    REQUIRE(theirs != nullptr);
    check_agreement(*ours, theirs.get(), Case::kKept);

    uint8_t* wire = nullptr;
    size_t size = 0;
    REQUIRE(ldns_pkt2wire(&wire, theirs.get(), &size) == LDNS_STATUS_OK);
    const Bytes again(wire, wire + size);
    free(wire);  // NOLINT: ldns allocated it.
    const auto reread = Message::parse(again);
    REQUIRE(reread.has_value());
    check_agreement(*reread, theirs.get(), Case::kFolded);
  }
}

TEST_CASE("records of many types that ldns writes are ours to read") {
  const auto text = GENERATE(values<std::string>({
      "x.example. 300 IN MX 10 mail.example.",
      "_s._tcp.example. 300 IN SRV 1 2 443 a.example.",
      "example. 3600 IN SOA ns.example. who.example. 1 2 3 4 55",
      "example. 60 IN TXT \"hello\" \"world\"",
      "example. 60 IN CAA 0 issue \"ca.example\"",
      "example. 60 IN NAPTR 1 1 \"u\" \"E2U+sip\" \"!^.*$!sip:a@b!\" .",
  }));
  CAPTURE(text);
  ldns_rr* rr = nullptr;
  REQUIRE(ldns_rr_new_frm_str(&rr, text.c_str(), 0, nullptr, nullptr) == LDNS_STATUS_OK);
  Packet packet(ldns_pkt_new());
  const bool is_soa = ldns_rr_get_type(rr) == LDNS_RR_TYPE_SOA;
  ldns_pkt_push_rr(packet.get(), LDNS_SECTION_ANSWER, rr);
  uint8_t* wire = nullptr;
  size_t size = 0;
  REQUIRE(ldns_pkt2wire(&wire, packet.get(), &size) == LDNS_STATUS_OK);
  const Bytes bytes(wire, wire + size);
  free(wire);  // NOLINT: ldns allocated it.
  const auto message = Message::parse(bytes);
  REQUIRE(message.has_value());
  const Record record = *message->records(Section::kAnswer).begin();
  CHECK(record.ttl_seconds() == plain(ldns_pkt_answer(packet.get())).at(0).ttl);
  CHECK(record.soa_minimum_seconds().has_value() == is_soa);
  if (is_soa) CHECK(record.soa_minimum_seconds() == 55u);
}

// ends_alike() is whether ldns, too, ends a record where RDLENGTH does (RFC 1035 §3.2.1). It goes
// by what it found in the record: behind a name whose length lies it reads other records than are
// there. Of the types that only damage makes nobody here knows.
bool ends_alike(const Record& record) {
  switch (record.type()) {
    case RecordType::kA:
    case RecordType::kAaaa:
      return record.address().has_value();
    case RecordType::kCname:
    case RecordType::kNs:
    case RecordType::kPtr:
      return record.target().has_value();
    case RecordType::kTxt:
      return true;
    default:
      return false;
  }
}

TEST_CASE("damaged messages: whatever we and ldns both accept means the same") {
  SeededRandom random(7);
  size_t both = 0;
  size_t compared = 0;
  size_t refused = 0;
  for (int i = 0; i < 30'000; ++i) {
    auto bytes = random_message(random);
    for (uint64_t left = 1 + random.below(3); left > 0; --left) {
      const auto at = random.below(bytes.size());
      bytes[at] = static_cast<uint8_t>(random.next_u32());
    }
    if (random.below(4) == 0) bytes.resize(random.below(bytes.size()));
    const auto ours = Message::parse(bytes);
    const auto theirs = read_with_ldns(bytes);
    if (!ours) ++refused;
    if (!ours || !theirs) continue;
    // ldns keeps the last of several things that we refuse, and drops what it cannot type.
    if (ours->question_count() > 1) continue;
    const auto answers = plain(*ours, Section::kAnswer);
    const auto expected = plain(ldns_pkt_answer(theirs.get()));
    REQUIRE(answers.size() == expected.size());
    size_t j = 0;
    for (const Record record : ours->records(Section::kAnswer)) {
      REQUIRE(answers[j].owner == expected[j].owner);
      REQUIRE(answers[j].type == expected[j].type);
      REQUIRE(answers[j].ttl == expected[j].ttl);
      if (!ends_alike(record)) break;
      ++j;
      ++compared;
    }
    ++both;
  }
  CHECK(both > 10'000);
  CHECK(compared > 20'000);
  CHECK(refused > 5'000);
}

}  // namespace
}  // namespace connlib::dns
