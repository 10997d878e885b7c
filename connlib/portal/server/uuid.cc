#include "connlib/portal/server/uuid.h"

#include <cstdint>

#include "connlib/base/hex.h"

namespace connlib::portal::server {

std::string make_uuid(RandomSource& random) {
  auto bytes = random.bytes<16>();
  bytes[6] = static_cast<uint8_t>((bytes[6] & 0x0f) | 0x40);
  bytes[8] = static_cast<uint8_t>((bytes[8] & 0x3f) | 0x80);
  std::string text = to_hex(bytes);
  for (const size_t at : {8U, 13U, 18U, 23U}) text.insert(at, 1, '-');
  return text;
}

}  // namespace connlib::portal::server
