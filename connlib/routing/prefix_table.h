#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <absl/container/flat_hash_map.h>

#include "connlib/base/ip.h"
#include "connlib/routing/prefix_key.h"

namespace connlib::routing {

// PrefixTable maps networks of both families to values; find() answers with the longest network
// that contains an address. A path-compressed binary trie per family, in one vector: lookups
// allocate nothing and compare one node per fork on the way.
//
// `Value` is small, hashable and comparable (a PeerId). Each value knows its networks in the order
// in which they were inserted. Changing the table may allocate. Thread-compatible.
template <typename Value>
class PrefixTable {
 public:
  static constexpr size_t kDefaultMaxPrefixes = size_t{1} << 20;

  explicit PrefixTable(size_t max_prefixes = kDefaultMaxPrefixes) : max_prefixes_(max_prefixes) {}

  // insert() gives `prefix` to `value`, taking it from whoever had it. False, and nothing changed,
  // when the table is full.
  bool insert(const IpPrefix& prefix, const Value& value) {
    const PrefixKey key(prefix);
    const Place place = descend(key);
    if (place.node != kNone && nodes_[place.node].key == key) return assign(place.node, value);
    if (size_ >= max_prefixes_) return false;

    const uint32_t fresh = allocate(key);
    if (place.node == kNone) {
      attach(place.parent, fresh);
    } else if (key.contains(nodes_[place.node].key)) {
      attach(place.parent, fresh);
      attach(fresh, place.node);
    } else {
      const uint32_t fork = allocate(key.common(nodes_[place.node].key));
      attach(place.parent, fork);
      attach(fork, place.node);
      attach(fork, fresh);
    }
    return assign(fresh, value);
  }

  // remove() forgets exactly this network; false when it was not there.
  bool remove(const IpPrefix& prefix) {
    const PrefixKey key(prefix);
    const uint32_t node = descend(key).node;
    if (node == kNone || !(nodes_[node].key == key) || !nodes_[node].has_value) return false;
    unassign(node);
    prune(node);
    return true;
  }

  // remove_all() forgets every network of `value` and says how many there were.
  size_t remove_all(const Value& value) {
    size_t removed = 0;
    for (auto it = lists_.find(value); it != lists_.end(); it = lists_.find(value)) {
      const uint32_t node = it->second.first;
      unassign(node);
      prune(node);
      ++removed;
    }
    return removed;
  }

  void clear() { *this = PrefixTable(max_prefixes_); }

  // find() is the value of the longest network that contains `address`, or null. The pointer is
  // good until the next change.
  const Value* find(const IpAddress& address) const noexcept {
    const PrefixKey key(address);
    const Value* best = nullptr;
    for (uint32_t i = root(key.family()); i != kNone;) {
      const Node& node = nodes_[i];
      if (!node.key.contains(key)) break;
      if (node.has_value) best = &node.value;
      if (node.key.length() == key.length()) break;
      i = node.child[key.bit(node.key.length())];
    }
    return best;
  }

  // for_each_containing() calls `visit(length, value)` for every network that contains `address`,
  // shortest first.
  template <typename Visit>
  void for_each_containing(const IpAddress& address, Visit&& visit) const {
    const PrefixKey key(address);
    for (uint32_t i = root(key.family()); i != kNone;) {
      const Node& node = nodes_[i];
      if (!node.key.contains(key)) return;
      if (node.has_value) visit(node.key.length(), node.value);
      if (node.key.length() == key.length()) return;
      i = node.child[key.bit(node.key.length())];
    }
  }

  // find_exact() is the value of exactly this network, or null.
  const Value* find_exact(const IpPrefix& prefix) const noexcept {
    const PrefixKey key(prefix);
    const uint32_t at = descend(key).node;
    if (at == kNone || !(nodes_[at].key == key) || !nodes_[at].has_value) return nullptr;
    return &nodes_[at].value;
  }

  // for_each_of() calls `visit(IpPrefix)` for the networks of `value`, oldest first.
  template <typename Visit>
  void for_each_of(const Value& value, Visit&& visit) const {
    const auto it = lists_.find(value);
    if (it == lists_.end()) return;
    for (uint32_t i = it->second.first; i != kNone; i = nodes_[i].next)
      visit(nodes_[i].key.prefix());
  }

  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

  // node_count() never exceeds twice size().
  size_t node_count() const { return nodes_.size() - free_.size(); }

 private:
  static constexpr uint32_t kNone = ~uint32_t{0};
  struct Node {
    PrefixKey key;
    Value value{};
    bool has_value = false;  // Forks have none.
    std::array<uint32_t, 2> child{kNone, kNone};
    uint32_t parent = kNone;
    uint32_t previous = kNone;  // In the list of the same value.
    uint32_t next = kNone;
  };
  struct List {
    uint32_t first = kNone;
    uint32_t last = kNone;
  };
  struct Place {
    uint32_t parent;  // The deepest node strictly above the key; kNone: the root.
    uint32_t node;    // What sits there: nothing, the key itself, or one below or beside it.
  };

  uint32_t root(IpFamily family) const { return roots_[static_cast<size_t>(family)]; }

  Place descend(const PrefixKey& key) const {
    Place at{kNone, root(key.family())};
    while (at.node != kNone) {
      const Node& node = nodes_[at.node];
      if (node.key.length() >= key.length() || !node.key.contains(key)) break;
      at = {at.node, node.child[key.bit(node.key.length())]};
    }
    return at;
  }

  // The link that leads to (or shall lead to) a node with `key` below `parent`.
  uint32_t& link(uint32_t parent, const PrefixKey& key) {
    if (parent == kNone) return roots_[static_cast<size_t>(key.family())];
    Node& node = nodes_[parent];
    return node.child[key.bit(node.key.length())];
  }
  void attach(uint32_t parent, uint32_t child) {
    link(parent, nodes_[child].key) = child;
    nodes_[child].parent = parent;
  }

  uint32_t allocate(const PrefixKey& key) {
    uint32_t at = 0;
    if (free_.empty()) {
      at = static_cast<uint32_t>(nodes_.size());
      nodes_.emplace_back();
    } else {
      at = free_.back();
      free_.pop_back();
      nodes_[at] = Node();
    }
    nodes_[at].key = key;
    return at;
  }

  // prune() removes `at`, and then its parent, where they have become neither network nor fork.
  void prune(uint32_t at) {
    for (int step = 0; step < 2 && at != kNone; ++step) {
      const Node node = nodes_[at];
      if (node.has_value || (node.child[0] != kNone && node.child[1] != kNone)) return;
      const uint32_t only = node.child[0] != kNone ? node.child[0] : node.child[1];
      link(node.parent, node.key) = only;
      if (only != kNone) nodes_[only].parent = node.parent;
      free_.push_back(at);
      at = node.parent;
    }
  }

  bool assign(uint32_t at, const Value& value) {
    if (nodes_[at].has_value) {
      if (nodes_[at].value == value) return true;
      unassign(at);
    }
    Node& node = nodes_[at];
    node.value = value;
    node.has_value = true;
    List& list = lists_[value];
    node.previous = list.last;
    node.next = kNone;
    (list.last == kNone ? list.first : nodes_[list.last].next) = at;
    list.last = at;
    ++size_;
    return true;
  }

  void unassign(uint32_t at) {
    Node& node = nodes_[at];
    const auto list = lists_.find(node.value);
    (node.previous == kNone ? list->second.first : nodes_[node.previous].next) = node.next;
    (node.next == kNone ? list->second.last : nodes_[node.next].previous) = node.previous;
    if (list->second.first == kNone) lists_.erase(list);
    node.has_value = false;
    node.value = Value{};
    --size_;
  }

  size_t max_prefixes_;
  size_t size_ = 0;
  std::array<uint32_t, 2> roots_{kNone, kNone};  // By IpFamily.
  std::vector<Node> nodes_;
  std::vector<uint32_t> free_;
  absl::flat_hash_map<Value, List> lists_;  // Lookup only.
};

}  // namespace connlib::routing
