#include "shells/common/os_random.h"

#include <openssl/rand.h>

#include "connlib/base/check.h"

namespace connlib::shells {

void OsRandom::fill(std::span<uint8_t> out) {
  CONNLIB_CHECK(RAND_priv_bytes(out.data(), static_cast<int>(out.size())) == 1);
}

}  // namespace connlib::shells
