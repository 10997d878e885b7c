#include "connlib/client/resource_view.h"

#include <catch2/catch.hpp>

#include "tests/support/start_time.h"

namespace connlib::client {
namespace {

using testing::kStart;

Resource named(const char* id, const char* name, ResourceAddress address = CidrAddress{}) {
  return {.id = ResourceId(id),
          .name = name,
          .address = std::move(address),
          .sites = {{SiteId("hq"), "HQ"}}};
}

TEST_CASE("the Internet comes first, the rest by name and id, pools not at all") {
  ResourceList resources(8);
  resources.upsert(named("1", "Wiki", DnsAddress{"wiki.example.com"}));
  resources.upsert(named("3", "Archive"));
  resources.upsert(named("2", "Archive"));
  resources.upsert(named("4", "Zzz Internet", InternetAddress{}));
  resources.upsert(StaticDevicePool{.id = ResourceId("5"), .name = "Aaa"});
  resources.upsert(DynamicDevicePool{.id = ResourceId("6"), .name = "Aab"});

  std::vector<std::string> order;
  for (const ResourceView& view : view_resources(resources, SiteStatuses())) {
    order.push_back(view.resource.id.value());
  }
  CHECK(order == std::vector<std::string>{"4", "2", "3", "1"});
}

TEST_CASE("each resource shows the status of its sites") {
  ResourceList resources(8);
  resources.upsert(named("1", "Wiki"));
  SiteStatuses sites;
  const auto status = [&] { return view_resources(resources, sites).at(0).status; };
  CHECK(status() == Status::kUnknown);
  sites.handle_offline(SiteId("hq"), kStart);
  CHECK(status() == Status::kOffline);
  sites.handle_connected(SiteId("hq"));
  CHECK(status() == Status::kOnline);
}

TEST_CASE("a renamed site is a change that people see") {
  const ResourceView before{named("1", "Wiki"), Status::kOnline};
  ResourceView after = before;
  CHECK(before == after);
  after.resource.sites[0].name = "Headquarters";
  CHECK_FALSE(before == after);
}

}  // namespace
}  // namespace connlib::client
