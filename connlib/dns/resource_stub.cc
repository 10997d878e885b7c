#include "connlib/dns/resource_stub.h"

#include <algorithm>
#include <utility>

namespace connlib::dns {
namespace {

// Firefox turns its own DNS over HTTPS off where this name does not exist (spec tunnel 3.4).
const Name& canary() {
  static const Name name = Name::parse("use-application-dns.net").value_or(Name());
  return name;
}

void insert_sorted(std::vector<uint32_t>& list, uint32_t value) {
  const auto at = std::lower_bound(list.begin(), list.end(), value);
  if (at == list.end() || *at != value) list.insert(at, value);
}

}  // namespace

ResourceStub::ResourceStub(AssignmentTable restored)
    : assignments_(std::move(restored)), summaries_(assignments_.all().size()) {
  for (const Assignment& assignment : assignments_.all()) {
    for (const auto& match : assignment.matches) {
      insert_sorted(named_by_[match.resource], AssignmentTable::index_of(assignment));
    }
  }
}

bool ResourceStub::add(const ResourceId& id, std::string_view pattern, IpStack stack) {
  remove(id);
  auto parsed = Pattern::parse(pattern);
  if (!parsed) return false;
  forget_stale(id, parsed->text());
  index_.add(*parsed, id);
  present_.insert_or_assign(id, Present{*std::move(parsed), stack});
  return true;
}

void ResourceStub::remove(const ResourceId& id) {
  const auto it = present_.find(id);
  if (it == present_.end()) return;
  index_.remove(it->second.pattern, id);
  present_.erase(it);
  ++generation_;
}

void ResourceStub::forget_stale(const ResourceId& id, std::string_view pattern) {
  ++generation_;
  const auto named = named_by_.find(id);
  if (named == named_by_.end()) return;
  std::erase_if(named->second, [&](uint32_t index) {
    const auto removed =
        std::erase_if(assignments_.at(index).matches, [&](const Assignment::Match& match) {
          return match.resource == id && match.pattern != pattern;
        });
    if (removed > 0) has_changed_records_ = true;
    return removed > 0;
  });
}

StubDecision ResourceStub::decide(const Question& question) {
  if (question.name == canary()) return AnswerCode{ResponseCode::kNameError};
  if (question.cls != RecordClass::kIn) return AskUpstream{};
  switch (question.type) {
    case RecordType::kA:
      return decide_addresses(question.name, IpFamily::kV4);
    case RecordType::kAaaa:
      return decide_addresses(question.name, IpFamily::kV6);
    case RecordType::kHttps:
    case RecordType::kSvcb:
      // Their address hints would lead past us.
      if (index_.best(question.name) != nullptr) return AnswerCode{};
      return AskUpstream{};
    case RecordType::kSrv:
    case RecordType::kTxt:
      if (const auto* best = index_.best(question.name)) return AskSite{best->value};
      return AskUpstream{};
    case RecordType::kPtr:
      if (const auto address = question.name.reverse_address()) {
        const Assignment* assignment = assignments_.find(*address);
        if (assignment != nullptr) return AnswerPointer{assignment->name()};
      }
      return AskUpstream{};
    case RecordType::kNs:
    case RecordType::kCname:
    case RecordType::kSoa:
    case RecordType::kMx:
    case RecordType::kOpt:
    case RecordType::kAny:
      break;
  }
  return AskUpstream{};
}

StubDecision ResourceStub::decide_addresses(const Name& name, IpFamily family) {
  Assignment* assignment = assignments_.find(name);
  bool is_new = false;
  if (assignment == nullptr) {
    if (index_.best(name) == nullptr) return AskUpstream{};
    assignment = assignments_.assign(name);
    if (assignment == nullptr) return AnswerCode{ResponseCode::kServerFailure};
    summaries_.emplace_back();
    is_new = has_changed_records_ = true;
  }
  Summary& summary = summaries_[AssignmentTable::index_of(*assignment)];
  const bool has_changed = summary.generation != generation_ && refresh(*assignment, summary);
  if (!summary.is_matched) return AskUpstream{};
  return AnswerAddresses{.assignment = assignment,
                         .family = family,
                         .is_supported = family == IpFamily::kV4 ? summary.has_v4 : summary.has_v6,
                         .has_changed = is_new || has_changed};
}

// True when the matches are others than before. Those of resources that are gone stay behind the
// present ones.
bool ResourceStub::refresh(Assignment& assignment, Summary& summary) {
  summary = {.generation = generation_};
  std::vector<const PatternIndex<ResourceId>::Entry*> found;
  index_.for_each_match(assignment.name(), [&](const auto& entry) { found.push_back(&entry); });
  std::sort(found.begin(), found.end(), [](const auto* a, const auto* b) { return *a < *b; });
  std::vector<Assignment::Match> matches;
  for (const auto* entry : found) {
    const IpStack stack = present_.at(entry->value).stack;
    summary.is_matched = true;
    summary.has_v4 = summary.has_v4 || allows(stack, IpFamily::kV4);
    summary.has_v6 = summary.has_v6 || allows(stack, IpFamily::kV6);
    if (matches.size() < kMaxMatchesPerName) {
      matches.push_back({entry->pattern.text(), entry->value});
    }
  }
  for (const auto& match : assignment.matches) {
    if (matches.size() == kMaxMatchesPerName) break;
    if (!present_.contains(match.resource)) matches.push_back(match);
  }
  if (matches == assignment.matches) return false;
  assignment.matches = std::move(matches);
  for (const auto& match : assignment.matches) {
    insert_sorted(named_by_[match.resource], AssignmentTable::index_of(assignment));
  }
  has_changed_records_ = true;
  return true;
}

std::vector<const Assignment*> ResourceStub::assignments_of(const ResourceId& id) const {
  std::vector<const Assignment*> out;
  const auto present = present_.find(id);
  const auto named = named_by_.find(id);
  if (present == present_.end() || named == named_by_.end()) return out;
  const Assignment::Match wanted{present->second.pattern.text(), id};
  for (const uint32_t index : named->second) {
    const Assignment& assignment = assignments_.all()[index];
    const auto& matches = assignment.matches;
    if (std::find(matches.begin(), matches.end(), wanted) != matches.end()) {
      out.push_back(&assignment);
    }
  }
  return out;
}

bool ResourceStub::take_changed_records() { return std::exchange(has_changed_records_, false); }

}  // namespace connlib::dns
