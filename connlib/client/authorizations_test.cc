#include "connlib/client/authorizations.h"

#include <catch2/catch.hpp>

namespace connlib::client {
namespace {

const ResourceId kLab("lab");
const ResourceId kWiki("wiki");
const ResourceId kPrinters("printers");
const GatewayId kBerlin("berlin");
const GatewayId kParis("paris");
const ClientId kLaser("laser");
const ClientId kInk("ink");

// Lesson 97ae522f74: the choice hung on who had connected first.
TEST_CASE("each resource has its own gateway, whatever else is connected") {
  Authorizations grants;
  CHECK_FALSE(grants.grant(kLab, kBerlin));
  CHECK_FALSE(grants.grant(kWiki, kParis));
  CHECK(*grants.gateway_of(kLab) == kBerlin);
  CHECK(*grants.gateway_of(kWiki) == kParis);
  CHECK(grants.gateway_of(kPrinters) == nullptr);
}

TEST_CASE("a second grant moves the resource and names the gateway it left") {
  Authorizations grants;
  grants.grant(kLab, kBerlin);
  CHECK_FALSE(grants.grant(kLab, kBerlin));
  CHECK(grants.grant(kLab, kParis) == kBerlin);
  CHECK(*grants.gateway_of(kLab) == kParis);
  CHECK_FALSE(grants.serves_anything(kBerlin));
}

TEST_CASE("a gateway serves something until its last resource is revoked") {
  Authorizations grants;
  grants.grant(kLab, kBerlin);
  grants.grant(kWiki, kBerlin);
  CHECK(grants.revoke(kLab) == kBerlin);
  CHECK(grants.serves_anything(kBerlin));
  CHECK(grants.revoke(kWiki) == kBerlin);
  CHECK_FALSE(grants.serves_anything(kBerlin));
  CHECK_FALSE(grants.revoke(kWiki));
  CHECK(grants.size() == 0);
}

TEST_CASE("with a gateway goes all it served, and nothing else") {
  Authorizations grants;
  grants.grant(kWiki, kBerlin);
  grants.grant(kLab, kBerlin);
  grants.grant(kPrinters, kParis);
  CHECK(grants.lose_gateway(kBerlin) == std::vector{kLab, kWiki});
  CHECK(grants.gateway_of(kLab) == nullptr);
  CHECK(*grants.gateway_of(kPrinters) == kParis);
  CHECK(grants.lose_gateway(kBerlin).empty());
}

TEST_CASE("who served a resource is remembered beyond the connection") {
  Authorizations grants;
  CHECK(grants.previous_gateway(kLab) == nullptr);
  grants.grant(kLab, kBerlin);
  grants.lose_gateway(kBerlin);
  REQUIRE(grants.previous_gateway(kLab) != nullptr);
  CHECK(*grants.previous_gateway(kLab) == kBerlin);
  grants.forget_previous(kLab);
  CHECK(grants.previous_gateway(kLab) == nullptr);
}

TEST_CASE("devices are granted per pool") {
  Authorizations grants;
  const ResourceId other("scanners");
  grants.grant_device(kPrinters, kLaser);
  grants.grant_device(kPrinters, kInk);
  grants.grant_device(other, kLaser);
  CHECK(grants.is_device_granted(kPrinters, kLaser));
  CHECK_FALSE(grants.is_device_granted(other, kInk));

  grants.revoke_device(kPrinters, kInk);
  CHECK_FALSE(grants.is_device_granted(kPrinters, kInk));
  grants.revoke_pool(kPrinters);
  CHECK_FALSE(grants.is_device_granted(kPrinters, kLaser));
  CHECK(grants.is_device_granted(other, kLaser));
  grants.lose_client(kLaser);
  CHECK_FALSE(grants.is_device_granted(other, kLaser));
}

}  // namespace
}  // namespace connlib::client
