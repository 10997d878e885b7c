#pragma once

#include <cstdint>
#include <string_view>
#include <variant>
#include <vector>

#include <absl/container/flat_hash_map.h>

#include "connlib/dns/assignment_table.h"
#include "connlib/dns/message.h"
#include "connlib/dns/pattern_index.h"
#include "connlib/model/ids.h"
#include "connlib/model/resource.h"

namespace connlib::dns {

// What the stub says about a question (spec tunnel 3.4).
struct AskUpstream {};  // Not ours.
struct AnswerCode {     // No records.
  ResponseCode code = ResponseCode::kNoError;
};
struct AnswerAddresses {
  const Assignment* assignment = nullptr;  // Until the next change of the stub.
  IpFamily family = IpFamily::kV4;
  bool is_supported = false;  // Whether a matching resource has this family; else no records.
  bool has_changed = false;   // New, or other resources match than did before: routes must follow.
};
struct AnswerPointer {
  Name target;
};
struct AskSite {
  ResourceId resource;
};
using StubDecision = std::variant<AskUpstream, AnswerCode, AnswerAddresses, AnswerPointer, AskSite>;

// ResourceStub answers questions about the names of DNS resources out of its own head: every such
// name gets proxy addresses, the same for as long as the process lives. Whether the name exists is
// for the gateway to find out; the stub never says NXDOMAIN about a resource.
class ResourceStub {
 public:
  static constexpr uint32_t kTtlSeconds = 1;        // spec tunnel 3.4
  static constexpr size_t kMaxMatchesPerName = 64;  // Ours: the best ones are kept.

  explicit ResourceStub(AssignmentTable restored = {});

  // add() adds a resource or changes it. Matches under an older pattern of the same id are
  // forgotten, names keep their addresses. False when `pattern` is none: then the resource has no
  // effect on DNS.
  bool add(const ResourceId& id, std::string_view pattern, IpStack stack);
  void remove(const ResourceId& id);

  // decide() assigns addresses to names that did not have any. It allocates only for those, and
  // for names that are asked the first time after a change of resources.
  StubDecision decide(const Question& question);

  // The names that belong to `id` under its present pattern: their routes hold again as soon as the
  // resource is back, without a new query (spec tunnel 3.4). In the order of assignment.
  std::vector<const Assignment*> assignments_of(const ResourceId& id) const;

  // has_changed_records() is true once after assignments were made or purged.
  bool take_changed_records();

  // Assignments outlive the stub: take them along into the next session.
  const AssignmentTable& assignments() const { return assignments_; }
  AssignmentTable release_assignments() && { return std::move(assignments_); }

 private:
  struct Present {
    Pattern pattern;
    IpStack stack = IpStack::kDual;
  };
  // What is known of an assignment as of a generation of resources.
  struct Summary {
    uint64_t generation = 0;
    bool is_matched = false;
    bool has_v4 = false;
    bool has_v6 = false;
  };

  StubDecision decide_addresses(const Name& name, IpFamily family);
  bool refresh(Assignment& assignment, Summary& summary);
  void forget_stale(const ResourceId& id, std::string_view pattern);

  AssignmentTable assignments_;
  std::vector<Summary> summaries_;  // By index of the assignment.
  PatternIndex<ResourceId> index_;
  absl::flat_hash_map<ResourceId, Present> present_;                 // Lookups only.
  absl::flat_hash_map<ResourceId, std::vector<uint32_t>> named_by_;  // Sorted; lookups only.
  uint64_t generation_ = 1;
  bool has_changed_records_ = false;
};

}  // namespace connlib::dns
