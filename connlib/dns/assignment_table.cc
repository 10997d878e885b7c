#include "connlib/dns/assignment_table.h"

#include "connlib/base/check.h"

namespace connlib::dns {

Name Assignment::name() const {
  Name out;
  read_name({reinterpret_cast<const uint8_t*>(lowered_name.data()), lowered_name.size()}, 0, &out);
  return out;
}

Assignment* AssignmentTable::find(const Name& name) {
  const Name lowered = name.lowered();
  const auto key = lowered.wire_text();
  const auto it = by_name_.find(absl::string_view(key.data(), key.size()));
  return it == by_name_.end() ? nullptr : &all_[it->second];
}

const Assignment* AssignmentTable::find(const IpAddress& proxy) const {
  const auto number = proxy_number(proxy);
  if (!number || *number / kProxiesPerFamily >= all_.size()) return nullptr;
  return &all_[*number / kProxiesPerFamily];
}

Assignment* AssignmentTable::assign(const Name& name) {
  CONNLIB_DCHECK(find(name) == nullptr);
  if (all_.size() == kMaxAssignments) return nullptr;
  const auto index = static_cast<uint32_t>(all_.size());
  Assignment& assignment = all_.emplace_back();
  assignment.lowered_name = std::string(name.lowered().wire_text());
  assignment.first_proxy = index * kProxiesPerFamily;
  by_name_.emplace(assignment.lowered_name, index);
  return &assignment;
}

}  // namespace connlib::dns
