#include "connlib/dns/device_pool_stub.h"

#include <algorithm>
#include <utility>

namespace connlib::dns {
namespace {

constexpr DevicePoolStub::Answer kServerFailure{ResponseCode::kServerFailure};

template <typename T>
std::optional<T> take_front(std::deque<T>& queue) {
  if (queue.empty()) return std::nullopt;
  std::optional<T> out(std::move(queue.front()));
  queue.pop_front();
  return out;
}

}  // namespace

DevicePoolStub::Answer DevicePoolStub::Result::answer(IpFamily family) const {
  Answer out;
  if (family == IpFamily::kV4 && v4) out.address = IpAddress(*v4);
  if (family == IpFamily::kV6 && v6) out.address = IpAddress(*v6);
  return out;
}

bool DevicePoolStub::add(const ResourceId& pool, std::string_view pattern) {
  auto parsed = Pattern::parse(pattern);
  const auto known = pools_.find(pool);
  if (parsed && known != pools_.end() && known->second == *parsed) return true;
  remove(pool);
  if (!parsed) return false;
  index_.add(*parsed, pool);
  pools_.emplace(pool, *std::move(parsed));
  return true;
}

void DevicePoolStub::remove(const ResourceId& pool) {
  const auto known = pools_.find(pool);
  if (known == pools_.end()) return;
  index_.remove(known->second, pool);
  pools_.erase(known);
  const Key first{pool, {}};
  for (auto it = pending_.lower_bound(first); it != pending_.end() && it->first.pool == pool;) {
    fail(it->second, ResponseCode::kServerFailure);
    it = pending_.erase(it);
  }
  for (auto it = results_.lower_bound(first); it != results_.end() && it->first.pool == pool;) {
    it = results_.erase(it);
  }
  std::erase_if(requests_, [&](const Request& request) { return request.pool == pool; });
}

DevicePoolStub::Decision DevicePoolStub::handle_query(Timestamp now, const Question& question,
                                                      QueryId query) {
  last_now_ = std::max(last_now_, now);
  if (question.cls != RecordClass::kIn) return NotOurs{};
  const auto* best = index_.best(question.name);
  if (best == nullptr) return NotOurs{};
  if (question.type != RecordType::kA && question.type != RecordType::kAaaa) return Answer{};

  const IpFamily family = question.type == RecordType::kA ? IpFamily::kV4 : IpFamily::kV6;
  const Name lowered = question.name.lowered();
  const Key key{best->value, std::string(lowered.wire_text())};
  const auto result = results_.find(key);
  if (result != results_.end() && last_now_ < result->second.expires_at) {
    return result->second.answer(family);
  }
  auto pending = pending_.find(key);
  if (pending == pending_.end()) {
    if (pending_.size() >= kMaxPending) return kServerFailure;
    pending = pending_.emplace(key, Pending{last_now_ + kResolutionTimeout, {}}).first;
    requests_.push_back({key.pool, to_text(lowered)});
  }
  auto& waiters = pending->second.waiters;
  if (waiters.size() >= kMaxWaiters) return kServerFailure;
  waiters.push_back({query, family});
  return Waiting{};
}

std::optional<DevicePoolStub::Key> DevicePoolStub::key_of(const Request& request) {
  const auto name = Name::parse(request.domain);
  if (!name) return std::nullopt;
  return Key{request.pool, std::string(name->lowered().wire_text())};
}

void DevicePoolStub::handle_resolved(Timestamp now, const Request& request,
                                     std::optional<Ipv4Address> v4, std::optional<Ipv6Address> v6) {
  last_now_ = std::max(last_now_, now);
  const auto key = key_of(request);
  const auto pending = key ? pending_.find(*key) : pending_.end();
  if (pending == pending_.end()) return;
  const Result result{last_now_ + kResultLifetime, v4, v6};
  for (const Waiter& waiter : pending->second.waiters) {
    answers_.push_back({waiter.query, result.answer(waiter.family)});
  }
  pending_.erase(pending);
  if (results_.size() < kMaxResults) results_.insert_or_assign(*key, result);
}

void DevicePoolStub::handle_failed(const Request& request, Failure failure) {
  const auto key = key_of(request);
  const auto pending = key ? pending_.find(*key) : pending_.end();
  if (pending == pending_.end()) return;
  fail(pending->second,
       failure == Failure::kNotFound ? ResponseCode::kNameError : ResponseCode::kServerFailure);
  pending_.erase(pending);
}

void DevicePoolStub::fail(const Pending& pending, ResponseCode code) {
  for (const Waiter& waiter : pending.waiters) answers_.push_back({waiter.query, Answer{code}});
}

void DevicePoolStub::handle_timeout(Timestamp now) {
  last_now_ = std::max(last_now_, now);
  for (auto it = pending_.begin(); it != pending_.end();) {
    if (last_now_ < it->second.deadline) {
      ++it;
      continue;
    }
    fail(it->second, ResponseCode::kServerFailure);
    it = pending_.erase(it);
  }
  for (auto it = results_.begin(); it != results_.end();) {
    it = last_now_ < it->second.expires_at ? std::next(it) : results_.erase(it);
  }
}

Wakeup DevicePoolStub::poll_timeout() const {
  if (!requests_.empty() || !answers_.empty()) return {last_now_, "device pool output"};
  Wakeup next;
  for (const auto& [key, pending] : pending_) {
    next = earliest(next, {pending.deadline, "device pool resolution"});
  }
  for (const auto& [key, result] : results_) {
    next = earliest(next, {result.expires_at, "device pool result"});
  }
  return next;
}

std::optional<DevicePoolStub::Request> DevicePoolStub::poll_request() {
  return take_front(requests_);
}

std::optional<DevicePoolStub::Resolved> DevicePoolStub::poll_answer() {
  return take_front(answers_);
}

}  // namespace connlib::dns
