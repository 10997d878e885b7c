#include "connlib/model/resource.h"

#include <functional>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

namespace connlib {
namespace {

Resource lab() {
  return {.id = ResourceId("lab"),
          .name = "Lab",
          .address = CidrAddress{IpPrefix::parse("172.20.0.0/16").value()},
          .address_description = "second floor",
          .sites = {{SiteId("hq"), "HQ"}, {SiteId("annex"), "Annex"}},
          .filters = {{Filter::Protocol::kTcp, 443, 443}, {Filter::Protocol::kIcmp}}};
}

Resource gitlab() {
  Resource out = lab();
  out.address = DnsAddress{"*.gitlab.example.com"};
  return out;
}

struct Row {
  const char* what;
  bool is_routed_alike;
  bool is_equal;
  std::function<void(Resource&)> change;
};

void check(const Resource& before, const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    INFO(row.what);
    Resource after = before;
    row.change(after);
    CHECK(after.is_routed_like(before) == row.is_routed_alike);
    CHECK(before.is_routed_like(after) == row.is_routed_alike);
    CHECK((after == before) == row.is_equal);
  }
}

TEST_CASE("a change of what people see is an update, a change of what is routed is not") {
  check(lab(),
        {
            {"nothing", true, true, [](Resource&) {}},
            {"name", true, false, [](Resource& r) { r.name = "Laboratory"; }},
            {"description", true, false, [](Resource& r) { r.address_description.reset(); }},
            {"a site's name", true, true, [](Resource& r) { r.sites[0].name = "Main"; }},
            {"order of sites", true, false, [](Resource& r) { std::swap(r.sites[0], r.sites[1]); }},
            {"order of filters", true, false,
             [](Resource& r) { std::swap(r.filters[0], r.filters[1]); }},
            {"id", false, false, [](Resource& r) { r.id = ResourceId("other"); }},
            {"another site", false, false, [](Resource& r) { r.sites[0].id = SiteId("x"); }},
            {"one site less", false, false, [](Resource& r) { r.sites.pop_back(); }},
            {"a port", false, false, [](Resource& r) { r.filters[0].last_port = 444; }},
            {"no filters", false, false, [](Resource& r) { r.filters.clear(); }},
            {"prefix length", false, false,
             [](Resource& r) { r.address = CidrAddress{*IpPrefix::parse("172.20.0.0/17")}; }},
            {"type", false, false, [](Resource& r) { r.address = InternetAddress{}; }},
        });
  check(gitlab(), {
                      {"pattern", false, false,
                       [](Resource& r) { r.address = DnsAddress{"gitlab.example.com"}; }},
                      {"stack", false, false,
                       [](Resource& r) {
                         r.address = DnsAddress{"*.gitlab.example.com", IpStack::kIpv4Only};
                       }},
                  });
}

TEST_CASE("a stack allows its own family, dual both") {
  const auto [stack, v4, v6] = GENERATE(table<IpStack, bool, bool>({
      {IpStack::kDual, true, true},
      {IpStack::kIpv4Only, true, false},
      {IpStack::kIpv6Only, false, true},
  }));
  CHECK(allows(stack, IpFamily::kV4) == v4);
  CHECK(allows(stack, IpFamily::kV6) == v6);
}

}  // namespace
}  // namespace connlib
