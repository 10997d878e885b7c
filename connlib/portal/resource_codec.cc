#include "connlib/portal/resource_codec.h"

#include <array>
#include <utility>

#include "connlib/portal/values_codec.h"

namespace connlib::portal {
namespace {

constexpr std::string_view kInternetName = "Internet Resource";
constexpr size_t kMaxPatternBytes = 255;  // Ours: a domain name of 253 characters, and a wildcard.

constexpr std::array<std::pair<Filter::Protocol, std::string_view>, 3> kProtocols = {{
    {Filter::Protocol::kTcp, "tcp"},
    {Filter::Protocol::kUdp, "udp"},
    {Filter::Protocol::kIcmp, "icmp"},
}};

constexpr std::array<std::pair<IpStack, std::string_view>, 3> kStacks = {{
    {IpStack::kDual, "dual"},
    {IpStack::kIpv4Only, "ipv4_only"},
    {IpStack::kIpv6Only, "ipv6_only"},
}};

template <typename Value, size_t N>
std::optional<Value> value_of(const std::array<std::pair<Value, std::string_view>, N>& table,
                              std::string_view text) {
  for (const auto& [value, word] : table) {
    if (word == text) return value;
  }
  return std::nullopt;
}

template <typename Value, size_t N>
std::string_view word_of(const std::array<std::pair<Value, std::string_view>, N>& table,
                         Value wanted) {
  for (const auto& [value, word] : table) {
    if (value == wanted) return word;
  }
  return {};
}

std::optional<Filter> read_filter(Fields in) {
  const auto protocol = value_of(kProtocols, in.text("protocol"));
  Filter out{.protocol = protocol.value_or(Filter::Protocol::kTcp)};
  if (out.protocol != Filter::Protocol::kIcmp) {
    out.first_port = in.port_or("port_range_start", 0);
    out.last_port = in.port_or("port_range_end", 65535);
  }
  return in.ok() && protocol ? std::optional(out) : std::nullopt;
}

std::optional<Site> read_site(Fields in) {
  Site out{.id = in.id<SiteId>("id"), .name = in.optional_text("name").value_or("")};
  return in.ok() ? std::optional(std::move(out)) : std::nullopt;
}

void write_sites(JsonWriter& out, const std::vector<Site>& sites) {
  out.key("sites").begin_array();
  for (const Site& site : sites) {
    out.begin_object().key("id").text(site.id.value()).key("name").text(site.name).end_object();
  }
  out.end_array();
}

IpStack read_ip_stack(Fields& in) {
  if (!in.has("ip_stack")) return IpStack::kDual;
  const auto stack = value_of(kStacks, in.text("ip_stack"));
  if (!stack) in.fail();
  return stack.value_or(IpStack::kDual);
}

std::string read_pattern(Fields& in) {
  std::string pattern = in.text("address");
  if (pattern.empty() || pattern.size() > kMaxPatternBytes) in.fail();
  return pattern;
}

// One address alone is a network of full length; host bits make it no network.
CidrAddress read_network(Fields& in) {
  const std::string text = in.text("address");
  const auto network = IpPrefix::parse(text);
  const auto address = IpAddress::parse(std::string_view(text).substr(0, text.find('/')));
  if (!network || !address || network->address() != *address) in.fail();
  return {network.value_or(IpPrefix())};
}

std::optional<ResourceAddress> read_address(Fields& in, std::string_view type) {
  if (type == "dns") return DnsAddress{read_pattern(in), read_ip_stack(in)};
  if (type == "cidr") return read_network(in);
  if (type == "internet") return InternetAddress{};
  return std::nullopt;
}

std::optional<PoolDevice> read_pool_device(Fields in) {
  PoolDevice out{.client_id = in.id<ClientId>("client_id", "id"),
                 .addresses = read_tunnel_addresses(in)};
  return in.ok() ? std::optional(std::move(out)) : std::nullopt;
}

std::optional<ClientResource> read_routed(Fields& in, std::string_view type) {
  Resource out{.id = in.id<ResourceId>("id")};
  const auto address = read_address(in, type);
  if (!address) return std::nullopt;
  out.address = *address;
  const bool is_internet = type == "internet";
  out.name =
      is_internet ? in.optional_text("name").value_or(std::string(kInternetName)) : in.text("name");
  out.sites = in.objects<Site>("sites", Fields::kRequired, read_site, "gateway_groups");
  if (!is_internet) {
    out.address_description = in.optional_text("address_description");
    out.filters = read_filters(in, Fields::kOptional);
  }
  return in.ok() ? std::optional<ClientResource>(std::move(out)) : std::nullopt;
}

void write_address(JsonWriter& out, const ResourceAddress& address) {
  if (const auto* network = std::get_if<CidrAddress>(&address)) {
    out.key("address").text(to_text(network->network));
  } else if (const auto* name = std::get_if<DnsAddress>(&address)) {
    out.key("address").text(name->pattern);
  }
}

std::string_view type_of(const ResourceAddress& address) {
  if (std::holds_alternative<CidrAddress>(address)) return "cidr";
  return std::holds_alternative<DnsAddress>(address) ? "dns" : "internet";
}

void write_routed(JsonWriter& out, const Resource& resource) {
  out.begin_object().key("id").text(resource.id.value());
  out.key("type").text(type_of(resource.address));
  const bool is_internet = std::holds_alternative<InternetAddress>(resource.address);
  if (!is_internet || resource.name != kInternetName) out.key("name").text(resource.name);
  if (is_internet) {
    out.key("can_be_disabled").boolean(true);
  } else {
    write_address(out, resource.address);
    out.key("address_description");
    write_optional_text(out, resource.address_description);
    if (const auto* name = std::get_if<DnsAddress>(&resource.address)) {
      out.key("ip_stack").text(word_of(kStacks, name->ip_stack));
    }
    out.key("filters");
    write_filters(out, resource.filters);
  }
  write_sites(out, resource.sites);
  out.end_object();
}

void write_static_pool(JsonWriter& out, const StaticDevicePool& pool) {
  out.begin_object().key("id").text(pool.id.value()).key("type").text("static_device_pool");
  out.key("name").text(pool.name).key("devices").begin_array();
  for (const PoolDevice& device : pool.devices) {
    out.begin_object().key("client_id").text(device.client_id.value());
    out.key("ipv4").text(to_text(IpAddress(device.addresses.ipv4)) + "/32");
    out.key("ipv6").text(to_text(IpAddress(device.addresses.ipv6)) + "/128").end_object();
  }
  out.end_array().key("filters");
  write_filters(out, pool.filters);
  out.end_object();
}

void write_dynamic_pool(JsonWriter& out, const DynamicDevicePool& pool) {
  out.begin_object().key("id").text(pool.id.value()).key("type").text("dynamic_device_pool");
  out.key("name").text(pool.name).key("address").text(pool.pattern);
  out.key("filters").begin_array().end_array().end_object();
}

}  // namespace

const ResourceId& id_of(const ClientResource& resource) {
  return std::visit([](const auto& kind) -> const ResourceId& { return kind.id; }, resource);
}

std::vector<Filter> read_filters(Fields& in, Fields::Presence presence) {
  auto filters = in.objects<Filter>("filters", presence, read_filter);
  if (filters.size() != in.value("filters").size()) in.fail();
  return filters;
}

void write_filters(JsonWriter& out, const std::vector<Filter>& filters) {
  out.begin_array();
  for (const Filter& filter : filters) {
    out.begin_object().key("protocol").text(word_of(kProtocols, filter.protocol));
    const bool is_any_port = filter.first_port == 0 && filter.last_port == 65535;
    if (filter.protocol != Filter::Protocol::kIcmp && !is_any_port) {
      out.key("port_range_start").integer(filter.first_port);
      out.key("port_range_end").integer(filter.last_port);
    }
    out.end_object();
  }
  out.end_array();
}

std::optional<ClientResource> read_client_resource(Fields in) {
  const std::string type = in.text("type");
  if (type == "static_device_pool") {
    StaticDevicePool out{
        .id = in.id<ResourceId>("id"), .name = in.text("name"), .devices = {}, .filters = {}};
    out.devices = in.objects<PoolDevice>("devices", Fields::kOptional, read_pool_device);
    out.filters = read_filters(in, Fields::kOptional);
    return in.ok() ? std::optional<ClientResource>(std::move(out)) : std::nullopt;
  }
  if (type == "dynamic_device_pool") {
    DynamicDevicePool out{
        .id = in.id<ResourceId>("id"), .name = in.text("name"), .pattern = read_pattern(in)};
    return in.ok() ? std::optional<ClientResource>(std::move(out)) : std::nullopt;
  }
  return read_routed(in, type);
}

void write_client_resource(JsonWriter& out, const ClientResource& resource) {
  if (const auto* routed = std::get_if<Resource>(&resource)) write_routed(out, *routed);
  if (const auto* pool = std::get_if<StaticDevicePool>(&resource)) write_static_pool(out, *pool);
  if (const auto* pool = std::get_if<DynamicDevicePool>(&resource)) write_dynamic_pool(out, *pool);
}

std::optional<Resource> read_gateway_resource(Fields in) {
  const std::string type = in.text("type");
  Resource out{.id = in.id<ResourceId>("id")};
  const auto address = read_address(in, type);
  if (!address) return std::nullopt;
  out.address = *address;
  if (type == "internet") {
    out.name = kInternetName;
  } else {
    out.name = in.text("name");
    out.filters = read_filters(in, Fields::kRequired);
  }
  return in.ok() ? std::optional(std::move(out)) : std::nullopt;
}

void write_gateway_resource(JsonWriter& out, const Resource& resource) {
  out.begin_object().key("id").text(resource.id.value());
  out.key("type").text(type_of(resource.address));
  if (!std::holds_alternative<InternetAddress>(resource.address)) {
    write_address(out, resource.address);
    out.key("name").text(resource.name).key("filters");
    write_filters(out, resource.filters);
  }
  out.end_object();
}

}  // namespace connlib::portal
