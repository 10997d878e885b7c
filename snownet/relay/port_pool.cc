#include "snownet/relay/port_pool.h"

#include "connlib/base/check.h"

namespace connlib::snownet::relay {

PortPool::PortPool(uint16_t lowest, uint16_t highest, uint16_t reserved)
    : lowest_(lowest), highest_(highest) {
  CONNLIB_CHECK(lowest > 0 && lowest <= highest);
  for (uint32_t port = lowest; port <= highest; ++port) {
    if (port != reserved) pools_[port % 2].push_back(static_cast<uint16_t>(port));
  }
}

std::optional<uint16_t> PortPool::take(RandomSource& random) {
  if (free() == 0) return std::nullopt;
  const uint64_t index = random.below(free());
  const size_t even = pools_[0].size();
  return index < even ? take_at(pools_[0], index) : take_at(pools_[1], index - even);
}

std::optional<uint16_t> PortPool::take_even(RandomSource& random) {
  if (pools_[0].empty()) return std::nullopt;
  return take_at(pools_[0], random.below(pools_[0].size()));
}

void PortPool::give_back(uint16_t port) {
  CONNLIB_CHECK(contains(port));
  pools_[port % 2].push_back(port);
}

uint16_t PortPool::take_at(Ports& ports, size_t index) {
  const uint16_t port = ports[index];
  ports[index] = ports.back();
  ports.pop_back();
  return port;
}

}  // namespace connlib::snownet::relay
