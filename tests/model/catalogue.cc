#include "tests/model/catalogue.h"

#include <array>

#include "tests/support/packets.h"
#include "tests/tunnel/system/system.h"

namespace connlib::model_test {
namespace {

using P = Filter::Protocol;
using testing::address;

struct Template {
  const char* name;
  const char* where;  // A network or a pattern; nothing: the Internet.
};
constexpr std::array<Template, kResources> kTemplates = {{{"wide", "172.20.0.0/16"},
                                                          {"narrow", "172.20.1.0/24"},
                                                          {"other", "172.21.0.0/16"},
                                                          {"six", "2001:db8:77::/48"},
                                                          {"names", "*.example.com"},
                                                          {"wiki", "wiki.example.com"},
                                                          {"deep", "**.internal.example"},
                                                          {"internet", nullptr}}};

std::vector<Filter> make_filters(uint32_t variant) {
  switch (variant % 6) {
    case 0:
      return {{P::kUdp, 443, 443}};
    case 1:
      return {{P::kTcp, 1, 1000}, {P::kIcmp}};
    case 2:
      return {{P::kUdp, 1, 500}, {P::kTcp, 80, 443}};
    case 3:
      return {{P::kIcmp}};
    default:
      return {};
  }
}

IpStack make_stack(uint32_t variant) {
  switch (variant % 4) {
    case 0:
      return IpStack::kIpv4Only;
    case 1:
      return IpStack::kIpv6Only;
    default:
      return IpStack::kDual;
  }
}

}  // namespace

bool is_internet(size_t number) { return kTemplates.at(number).where == nullptr; }

Resource make_resource(size_t number, uint32_t variant) {
  const Template& form = kTemplates.at(number);
  Resource out{.id = ResourceId(tunnel::uuid(form.name)), .name = form.name};
  // The Internet stands alone on its gateways, as portals arrange it.
  const size_t site = is_internet(number) ? kSites - 1 : variant / 24 % (kSites - 1);
  const std::string name = "site" + std::to_string(site);
  out.sites = {{SiteId(tunnel::uuid(name)), name}};
  if (is_internet(number)) {
    out.address = InternetAddress{};
    return out;
  }
  out.filters = make_filters(variant);
  if (const auto network = IpPrefix::parse(form.where)) {
    out.address = CidrAddress{*network};
  } else {
    out.address = DnsAddress{form.where, make_stack(variant / 6)};
  }
  return out;
}

const std::vector<std::string>& domains() {
  static const std::vector<std::string> kDomains = {"wiki.example.com",   "git.example.com",
                                                    "a.internal.example", "x.y.internal.example",
                                                    "example.com",        "example.org"};
  return kDomains;
}

std::vector<IpAddress> make_records(size_t domain, uint32_t variant) {
  std::vector<IpAddress> out;
  // Some addresses belong to two names, some lie in networks that are resources, too.
  for (uint32_t i = 0; i < variant % 3; ++i) {
    const auto last = static_cast<uint8_t>(1 + domain / 2 + i + variant / 9 % 4);
    out.push_back(variant % 5 == 0 ? IpAddress(Ipv4Address{{172, 21, 9, last}})
                                   : IpAddress(Ipv4Address{{10, 1, 0, last}}));
  }
  for (uint32_t i = 0; i < variant / 3 % 3; ++i) {
    Ipv6Address six = *address("2001:db8:55::").v6();
    six.bytes[15] = static_cast<uint8_t>(1 + domain / 2 + i + variant / 9 % 4);
    out.emplace_back(six);
  }
  return out;
}

const std::vector<IpAddress>& targets() {
  static const std::vector<IpAddress> kTargets = {
      address("172.20.1.1"),     address("172.20.2.1"), address("172.21.0.1"),
      address("172.21.9.2"),     address("10.1.0.1"),   address("10.1.0.2"),
      address("2001:db8:77::1"), address("9.9.9.9"),    address("2620:fe::fe"),
      address("192.168.7.7")};
  return kTargets;
}

}  // namespace connlib::model_test
