#include "connlib/portal/server/device_table.h"

#include <catch2/catch.hpp>

#include "connlib/model/addressing.h"

namespace connlib::portal::server {
namespace {

const DeviceOwner kAlice = policy::ActorId("alice");
const DeviceOwner kHq = SiteId("alice");  // The same text is another owner.

DeviceRow row(std::string id, uint32_t host) {
  return {.id = DeviceId(std::move(id)),
          .owner = kAlice,
          .external_id = "at " + std::to_string(host),
          .name = "",
          .addresses = addresses_of_host(host),
          .psk_base = {}};
}

TEST_CASE("a device gets addresses, secrets and an id that stay with it") {
  SeededRandom random(7);
  DeviceTable table(random);
  const DeviceRow* client = table.add({kAlice, "laptop", "Alice's laptop"});
  const DeviceRow* gateway = table.add({kHq, "laptop", "gw"});
  REQUIRE(client != nullptr);
  REQUIRE(gateway != nullptr);
  CHECK(client->is_client());
  CHECK_FALSE(gateway->is_client());
  CHECK(to_text(IpAddress(client->addresses.ipv4)) == "100.64.0.1");
  CHECK(to_text(IpAddress(client->addresses.ipv6)) == "fd00:2021:1111::1");
  CHECK(to_text(IpAddress(gateway->addresses.ipv4)) == "100.64.0.2");
  CHECK(client->id.value().size() == 36);
  CHECK(client->id.value()[14] == '4');
  CHECK_FALSE(client->psk_base == gateway->psk_base);
  CHECK(table.find(kAlice, "laptop") == client);
  CHECK(table.find(gateway->id) == gateway);
  CHECK(table.find(kAlice, "phone") == nullptr);
}

TEST_CASE("stored rows come back, and none that contradicts another") {
  SeededRandom random(7);
  DeviceTable table(random);
  REQUIRE(table.restore(row("a", 7)));
  CHECK(table.find(DeviceId("a"))->addresses.ipv4 == Ipv4Address{{100, 64, 0, 7}});
  CHECK_FALSE(table.restore(row("a", 8)));  // Its id.
  CHECK_FALSE(table.restore(row("b", 7)));  // Its addresses.
  CHECK_FALSE(table.restore(row("b", 0)));  // The network itself.
  DeviceRow foreign = row("b", 8);
  foreign.addresses.ipv4 = {{10, 0, 0, 8}};
  CHECK_FALSE(table.restore(std::move(foreign)));
  DeviceRow mixed = row("b", 8);
  mixed.addresses.ipv6 = addresses_of_host(9).ipv6;
  CHECK_FALSE(table.restore(std::move(mixed)));
  CHECK(table.size() == 1);
  CHECK(to_text(IpAddress(table.add({kHq, "gw", "gw"})->addresses.ipv4)) == "100.64.0.8");
}

TEST_CASE("host numbers cover the whole range of peers and nothing else") {
  const uint32_t host = GENERATE(1U, 255U, 256U, 65536U, kTunnelHosts - 1);
  const TunnelAddresses addresses = addresses_of_host(host);
  CHECK(host_of(addresses) == host);
  CHECK(kPeerRange.contains(addresses.ipv4));
  CHECK(kPeerRange.contains(addresses.ipv6));
}

TEST_CASE("when the highest address is taken, gaps are filled") {
  SeededRandom random(7);
  DeviceTable table(random);
  REQUIRE(table.restore(row("last", kTunnelHosts - 1)));
  REQUIRE(table.restore(row("first", 1)));
  CHECK(host_of(table.add({kHq, "a", ""})->addresses) == 2);
  const DeviceId second = table.find(kHq, "a")->id;
  CHECK(host_of(table.add({kHq, "b", ""})->addresses) == 3);
  CHECK(table.remove(second));
  CHECK_FALSE(table.remove(second));
  CHECK(host_of(table.add({kHq, "c", ""})->addresses) == 2);
}

TEST_CASE("one owner cannot fill the table") {
  SeededRandom random(7);
  DeviceTable table(random);
  for (size_t i = 0; i < kMaxDevicesPerOwner; ++i) {
    if (table.add({kAlice, std::to_string(i), ""}) == nullptr) FAIL(i);
  }
  CHECK(table.add({kAlice, "one too many", ""}) == nullptr);
  CHECK(table.add({kHq, "gw", ""}) != nullptr);
}

TEST_CASE("verifying a device tells whether anything changed") {
  SeededRandom random(7);
  DeviceTable table(random);
  const DeviceId id = table.add({kAlice, "laptop", ""})->id;
  CHECK(table.set_verified(id, true));
  CHECK_FALSE(table.set_verified(id, true));
  CHECK(table.find(id)->is_verified);
  CHECK_FALSE(table.set_verified(DeviceId("nobody"), true));
}

}  // namespace
}  // namespace connlib::portal::server
