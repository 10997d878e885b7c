#include "shells/recording/digest.h"

#include <span>
#include <string>
#include <string_view>

#include "connlib/base/ip.h"
#include "shells/recording/text.h"

namespace connlib::recording {
namespace {

class Fnv {
 public:
  void add(std::string_view text) {
    for (const char c : text) add_byte(static_cast<uint8_t>(c));
    add_byte(0);  // "ab", "c" is not "a", "bc".
  }
  void add(std::span<const uint8_t> bytes) {
    for (const uint8_t byte : bytes) add_byte(byte);
  }
  void add_byte(uint8_t byte) { value_ = (value_ ^ byte) * 0x100000001b3U; }
  uint64_t value() const { return value_; }

 private:
  uint64_t value_ = 0xcbf29ce484222325U;
};

}  // namespace

uint64_t digest(const snownet::node::Transmit& transmit) {
  Fnv fnv;
  fnv.add(transmit.source ? connlib::to_text(*transmit.source) : "any");
  fnv.add(connlib::to_text(transmit.to));
  fnv.add_byte(static_cast<uint8_t>(transmit.ecn));
  fnv.add(transmit.bytes);
  return fnv.value();
}

uint64_t digest(const snownet::node::NodeEvent& event) {
  Fnv fnv;
  fnv.add(to_text(event));
  return fnv.value();
}

}  // namespace connlib::recording
