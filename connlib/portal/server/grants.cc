#include "connlib/portal/server/grants.h"

#include <algorithm>

#include "connlib/base/hex.h"
#include "wireguard/crypto/hash.h"

namespace connlib::portal::server {
namespace {

absl::Time end_of(const GrantRow& row) { return row.expires_at.value_or(absl::InfiniteFuture()); }

struct AddressText {
  std::string operator()(const CidrAddress& cidr) const { return "cidr " + to_text(cidr.network); }
  std::string operator()(const DnsAddress& dns) const {
    return "dns " + std::to_string(static_cast<int>(dns.ip_stack)) + " " + dns.pattern;
  }
  std::string operator()(const InternetAddress& /*internet*/) const { return "internet"; }
};

}  // namespace

std::optional<GrantRow> Grants::store(GrantRow row) {
  remove(row.key);
  std::optional<GrantRow> evicted;
  const auto present = of_client(row.key.client);
  if (present.size() >= kMaxGrantsPerClient) {
    const GrantRow* first = *std::min_element(
        present.begin(), present.end(),
        [](const GrantRow* a, const GrantRow* b) { return end_of(*a) < end_of(*b); });
    evicted = remove(GrantKey(first->key));
  }
  const GrantKey key = row.key;
  by_gateway_.emplace(key.gateway, key.client, key.resource);
  if (row.expires_at) by_expiry_.emplace(*row.expires_at, key);
  rows_.emplace(key, std::move(row));
  return evicted;
}

std::optional<GrantRow> Grants::remove(const GrantKey& key) {
  const auto found = rows_.find(key);
  if (found == rows_.end()) return std::nullopt;
  GrantRow out = std::move(found->second);
  rows_.erase(found);
  by_gateway_.erase({out.key.gateway, out.key.client, out.key.resource});
  if (out.expires_at) by_expiry_.erase({*out.expires_at, out.key});
  return out;
}

const GrantRow* Grants::find(const GrantKey& key) const {
  const auto found = rows_.find(key);
  return found == rows_.end() ? nullptr : &found->second;
}

bool Grants::connects(const ClientId& client, const GatewayId& gateway) const {
  const auto at = by_gateway_.lower_bound({gateway, client, ResourceId()});
  return at != by_gateway_.end() && std::get<0>(*at) == gateway && std::get<1>(*at) == client;
}

std::vector<const GrantRow*> Grants::of_client(const ClientId& client) const {
  std::vector<const GrantRow*> out;
  for (auto at = rows_.lower_bound({client, ResourceId(), GatewayId()});
       at != rows_.end() && at->first.client == client; ++at) {
    out.push_back(&at->second);
  }
  return out;
}

std::vector<const GrantRow*> Grants::on_gateway(const GatewayId& gateway) const {
  std::vector<const GrantRow*> out;
  for (auto at = by_gateway_.lower_bound({gateway, ClientId(), ResourceId()});
       at != by_gateway_.end() && std::get<0>(*at) == gateway; ++at) {
    out.push_back(&rows_.at({std::get<1>(*at), std::get<2>(*at), gateway}));
  }
  return out;
}

std::vector<const GrantRow*> Grants::all() const {
  std::vector<const GrantRow*> out;
  out.reserve(rows_.size());
  for (const auto& [key, row] : rows_) out.push_back(&row);
  return out;
}

std::vector<GrantRow> Grants::take_expired(absl::Time date) {
  std::vector<GrantRow> out;
  while (!by_expiry_.empty() && by_expiry_.begin()->first <= date) {
    const GrantKey key = by_expiry_.begin()->second;
    out.push_back(*remove(key));
  }
  return out;
}

std::optional<absl::Time> Grants::next_expiry() const {
  return by_expiry_.empty() ? std::nullopt : std::optional(by_expiry_.begin()->first);
}

std::string route_of(const Resource& resource) {
  std::set<SiteId> sites;
  for (const Site& site : resource.sites) sites.insert(site.id);
  std::string text = std::visit(AddressText(), resource.address);
  for (const SiteId& site : sites) text += "\n" + site.value();
  return to_hex(wireguard::sha256({{reinterpret_cast<const uint8_t*>(text.data()), text.size()}}));
}

}  // namespace connlib::portal::server
