#include "connlib/portal/values_codec.h"

#include <algorithm>

#include "wireguard/crypto/base64.h"

namespace connlib::portal {
namespace {

constexpr uint16_t kDnsPort = 53;

// RFC 1035 §2.3.4: labels of 1 to 63 characters, 253 in all. The root's dot may follow.
bool is_domain(std::string_view text) {
  if (text.ends_with('.')) text.remove_suffix(1);
  if (text.empty() || text.size() > 253) return false;
  size_t label = 0;
  for (const char c : text) {
    if (c == '.' && label == 0) return false;
    if (c <= ' ' || c == 0x7f || c == '/' || c == ':') return false;
    label = c == '.' ? 0 : label + 1;
    if (label > 63) return false;
  }
  return label > 0;
}

// A server's URL: https, with a host, without a query.
bool is_doh_url(std::string_view url) {
  constexpr std::string_view kScheme = "https://";
  if (!url.starts_with(kScheme)) return false;
  const std::string_view rest = url.substr(kScheme.size());
  const size_t host = std::min(rest.find('/'), rest.size());
  return host > 0 && rest.front() != ':' &&
         url.find_first_of("?# \t\r\n") == std::string_view::npos;
}

std::optional<SocketAddress> read_do53(Fields in) {
  const auto ip = IpAddress::parse(in.text("ip"));
  return in.ok() && ip ? std::optional(SocketAddress{*ip, kDnsPort}) : std::nullopt;
}

std::optional<SocketAddress> read_legacy_resolver(Fields in) {
  const std::string protocol = in.text("protocol");
  const auto address = SocketAddress::parse(in.text("address"));
  return in.ok() && protocol == "ip_port" ? address : std::nullopt;
}

std::optional<std::string> read_doh(Fields in) {
  std::string url = in.text("url");
  return in.ok() && is_doh_url(url) ? std::optional(std::move(url)) : std::nullopt;
}

struct RelayEntry {
  bool is_turn = false;
  SocketAddress address;
  RelayDescriptor relay;
};

std::optional<RelayEntry> read_relay_entry(Fields in) {
  RelayEntry out;
  const std::string type = in.text("type");
  if (type == "stun") return in.ok() ? std::optional(std::move(out)) : std::nullopt;
  const auto address = SocketAddress::parse(in.text("addr"));
  out.is_turn = true;
  out.relay.id = in.id<RelayId>("id");
  out.relay.username = in.text("username");
  out.relay.password = in.secret_text("password");
  out.relay.expires_at = in.date("expires_at");
  if (!in.ok() || type != "turn" || !address || address->port == 0) return std::nullopt;
  out.address = *address;
  return out;
}

}  // namespace

TunnelAddresses read_tunnel_addresses(Fields& in) {
  return {.ipv4 = in.ipv4("ipv4"), .ipv6 = in.ipv6("ipv6")};
}

void write_tunnel_addresses(JsonWriter& out, const TunnelAddresses& addresses) {
  out.key("ipv4").text(to_text(IpAddress(addresses.ipv4)));
  out.key("ipv6").text(to_text(IpAddress(addresses.ipv6)));
}

std::optional<InterfaceConfig> read_interface(Fields in) {
  InterfaceConfig out;
  out.addresses = read_tunnel_addresses(in);
  out.upstream_do53 = in.objects<SocketAddress>("upstream_do53", Fields::kOptional, read_do53);
  out.upstream_doh = in.objects<std::string>("upstream_doh", Fields::kOptional, read_doh);
  if (out.upstream_do53.empty()) {
    out.upstream_do53 =
        in.objects<SocketAddress>("upstream_dns", Fields::kOptional, read_legacy_resolver);
  }
  out.search_domain = in.optional_text("search_domain");
  if (out.search_domain && !is_domain(*out.search_domain)) out.search_domain.reset();
  return in.ok() ? std::optional(std::move(out)) : std::nullopt;
}

void write_interface(JsonWriter& out, const InterfaceConfig& interface) {
  out.begin_object();
  write_tunnel_addresses(out, interface.addresses);
  // The newer list implies the port and hides the older one, so that one server of another port
  // makes the older one the only truth.
  const bool is_standard =
      std::all_of(interface.upstream_do53.begin(), interface.upstream_do53.end(),
                  [](const SocketAddress& server) { return server.port == kDnsPort; });
  out.key("upstream_do53").begin_array();
  for (const SocketAddress& server : interface.upstream_do53) {
    if (!is_standard) break;
    out.begin_object().key("ip").text(to_text(server.ip)).end_object();
  }
  out.end_array().key("upstream_doh").begin_array();
  for (const std::string& url : interface.upstream_doh) {
    out.begin_object().key("url").text(url).end_object();
  }
  out.end_array().key("upstream_dns").begin_array();
  for (const SocketAddress& server : interface.upstream_do53) {
    out.begin_object().key("protocol").text("ip_port").key("address").text(to_text(server));
    out.end_object();
  }
  out.end_array().key("search_domain");
  write_optional_text(out, interface.search_domain);
  out.end_object();
}

std::vector<RelayDescriptor> read_relays(Fields& in, std::string_view key,
                                         Fields::Presence presence) {
  std::vector<RelayDescriptor> out;
  for (RelayEntry& entry : in.objects<RelayEntry>(key, presence, read_relay_entry)) {
    if (!entry.is_turn) continue;
    auto relay = std::find_if(out.begin(), out.end(), [&](const RelayDescriptor& known) {
      return known.id == entry.relay.id;
    });
    if (relay == out.end()) relay = out.insert(out.end(), std::move(entry.relay));
    auto& address = entry.address.ip.is_v4() ? relay->v4 : relay->v6;
    if (!address) address = entry.address;
  }
  return out;
}

void write_relays(JsonWriter& out, const std::vector<RelayDescriptor>& relays) {
  out.begin_array();
  for (const RelayDescriptor& relay : relays) {
    for (const auto& address : {relay.v4, relay.v6}) {
      if (!address) continue;
      out.begin_object().key("id").text(relay.id.value()).key("type").text("turn");
      out.key("addr").text(to_text(*address)).key("username").text(relay.username);
      out.key("password").text(relay.password.reveal()).key("expires_at");
      write_date(out, relay.expires_at);
      out.end_object();
    }
  }
  out.end_array();
}

std::optional<Grant> read_grant(Fields in) {
  Grant out{.client_id = in.id<ClientId>("client_id"),
            .resource_id = in.id<ResourceId>("resource_id"),
            .expires_at = in.date("expires_at")};
  return in.ok() ? std::optional(std::move(out)) : std::nullopt;
}

void write_grant_members(JsonWriter& out, const Grant& grant) {
  out.key("client_id").text(grant.client_id.value());
  out.key("resource_id").text(grant.resource_id.value());
  out.key("expires_at");
  write_date(out, grant.expires_at);
}

void write_grants(JsonWriter& out, const std::vector<Grant>& grants) {
  out.begin_array();
  for (const Grant& grant : grants) {
    out.begin_object();
    write_grant_members(out, grant);
    out.end_object();
  }
  out.end_array();
}

FlowLogConfig read_flow_logs(Fields in) {
  constexpr uint64_t kLongest =
      uint64_t{365} * 24 * 3600;  // Keeps arithmetic on it far from overflow.
  FlowLogConfig out;
  out.api_url = in.text("api_url");
  const uint64_t interval = std::min(in.integer("upload_interval_secs"), kLongest);
  out.upload_interval = std::chrono::seconds(interval);
  out.upload_batch_size = in.integer("upload_batch_size");
  return in.ok() ? std::move(out) : FlowLogConfig();
}

void write_flow_logs(JsonWriter& out, const FlowLogConfig& flow_logs) {
  out.begin_object().key("api_url").text(flow_logs.api_url).key("upload_interval_secs");
  out.integer(static_cast<uint64_t>(std::max<int64_t>(0, flow_logs.upload_interval.count())));
  out.key("upload_batch_size").integer(flow_logs.upload_batch_size).end_object();
}

std::optional<IceCredentials> read_ice_credentials(Fields in) {
  IceCredentials out{.username = in.text("username"), .password = in.secret_text("password")};
  return in.ok() ? std::optional(std::move(out)) : std::nullopt;
}

void write_ice_credentials(JsonWriter& out, const IceCredentials& credentials) {
  out.begin_object().key("username").text(credentials.username);
  out.key("password").text(credentials.password.reveal()).end_object();
}

std::vector<CandidateLine> read_candidates(Fields& in) {
  return in.list<CandidateLine>("candidates", Fields::kRequired, [](JsonValue element) {
    const auto text = element.text();
    return text ? CandidateLine::parse(*text) : std::nullopt;
  });
}

void write_candidates(JsonWriter& out, const std::vector<CandidateLine>& candidates) {
  out.key("candidates").begin_array();
  for (const CandidateLine& candidate : candidates) out.text(candidate.text());
  out.end_array();
}

RelaysPresence read_relays_presence(Fields& in) {
  return {.disconnected_ids = in.ids<RelayId>("disconnected_ids"),
          .connected = read_relays(in, "connected", Fields::kRequired)};
}

void write_relays_presence(JsonWriter& out, const RelaysPresence& presence) {
  out.begin_object().key("disconnected_ids");
  write_ids(out, presence.disconnected_ids);
  out.key("connected");
  write_relays(out, presence.connected);
  out.end_object();
}

RejectAccess read_reject_access(Fields& in) {
  return {.client_id = in.id<ClientId>("client_id"),
          .resource_id = in.id<ResourceId>("resource_id")};
}

void write_reject_access(JsonWriter& out, const RejectAccess& reject) {
  out.begin_object().key("client_id").text(reject.client_id.value());
  out.key("resource_id").text(reject.resource_id.value()).end_object();
}

void write_date(JsonWriter& out, absl::Time date) {
  out.integer(static_cast<uint64_t>(std::max<int64_t>(0, absl::ToUnixSeconds(date))));
}

void write_optional_text(JsonWriter& out, const std::optional<std::string>& text) {
  text ? out.text(*text) : out.null();
}

void write_symmetric_key(JsonWriter& out, const Secret<32>& key) {
  out.text(wireguard::encode_base64_padded(key.bytes()));
}

}  // namespace connlib::portal
