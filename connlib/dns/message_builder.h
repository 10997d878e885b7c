#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "connlib/base/bytes.h"
#include "connlib/base/ip.h"
#include "connlib/dns/edns.h"
#include "connlib/dns/header.h"
#include "connlib/dns/message.h"
#include "connlib/dns/name.h"
#include "connlib/dns/record_type.h"

namespace connlib::dns {

// MessageBuilder writes one message into `out`, section by section in wire order:
//
//   MessageBuilder builder(buffer, Header::answer_to(query, ResponseCode::kNoError));
//   builder.add_question(question).add_address(question.name, address, 1);
//   const auto message = builder.finish();
//
// Names that were written before are compressed, when they are equal in case as well: what was put
// in is what a reader gets. What does not fit, or comes in the wrong order, spoils the message:
// finish() then gives nullopt. It allocates nothing.
class MessageBuilder {
 public:
  struct Fixed {
    RecordType type = RecordType::kA;
    uint32_t ttl_seconds = 0;
    RecordClass cls = RecordClass::kIn;
  };

  MessageBuilder(std::span<uint8_t> out, const Header& header);

  MessageBuilder& add_question(const Question& question);
  // A record with `rdata` as it is: names in it are not compressed.
  MessageBuilder& add(Section section, const Name& owner, const Fixed& fixed,
                      std::span<const uint8_t> rdata);
  // A record whose rdata is one name: CNAME, NS, PTR.
  MessageBuilder& add_target(Section section, const Name& owner, const Fixed& fixed,
                             const Name& target);
  // An answer of type A or AAAA.
  MessageBuilder& add_address(const Name& owner, const IpAddress& address, uint32_t ttl_seconds);
  MessageBuilder& add_edns(const Edns& edns);

  // finish() gives the message, a prefix of `out`; nullopt when something did not fit.
  std::optional<std::span<uint8_t>> finish();

 private:
  // Ours: where later names may point. The question and a few owners are all that our answers need.
  static constexpr size_t kMaxTargets = 32;

  bool enter(size_t count_index);
  void begin_record(Section section, const Name& owner, const Fixed& fixed);
  void write_name(const Name& name);
  std::optional<uint16_t> find_suffix(std::span<const uint8_t> suffix) const;
  bool is_at(size_t offset, std::span<const uint8_t> suffix) const;

  ByteWriter out_;
  std::array<uint16_t, 4> counts_{};
  std::array<uint16_t, kMaxTargets> targets_{};
  size_t target_count_ = 0;
  size_t stage_ = 0;
  bool ok_ = true;
};

}  // namespace connlib::dns
