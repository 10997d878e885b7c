#include "wireguard/session/index_table.h"

namespace connlib::wireguard {

IndexLease IndexTable::lease(PeerId peer) {
  for (;;) {
    const SessionIndex index(random_->next_u32());
    if (peers_.try_emplace(index, peer).second) return IndexLease(*this, index);
  }
}

std::optional<PeerId> IndexTable::find(SessionIndex index) const noexcept {
  const auto it = peers_.find(index);
  if (it == peers_.end()) return std::nullopt;
  return it->second;
}

}  // namespace connlib::wireguard
