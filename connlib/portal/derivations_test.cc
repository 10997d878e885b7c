#include "connlib/portal/derivations.h"

#include <algorithm>
#include <string>
#include <vector>

#include <catch2/catch.hpp>

#include "connlib/base/hex.h"
#include "connlib/portal/ingest_token.h"
#include "snownet/stun/relay_credentials.h"
#include "snownet/turn/credentials.h"

namespace connlib::portal {
namespace {

// The inputs and values of spec portal-protocol 11.
template <uint8_t Byte>
PublicKey key() {
  PublicKey out;
  out.bytes.fill(Byte);
  return out;
}
template <uint8_t Byte>
Secret<32> secret() {
  Secret<32> out;
  for (uint8_t& byte : out.mutable_bytes()) byte = Byte;
  return out;
}
const Secret<32> kClientBase = secret<0xA1>();
const Secret<32> kGatewayBase = secret<0xB2>();
const Secret<32> kOtherBase = secret<0xC3>();
const Device kClient{"8f2c1f6e-5a0b-4c53-9d3e-0c7a6a3e1b01", key<0x11>(), kClientBase};
const Device kGateway{"1d9e5b7a-33c4-4f0e-8a61-52f0b7c9aa02", key<0x22>(), kGatewayBase};
const Device kOther{"2606a54a-3270-4210-a128-5cc141aec502", key<0x33>(), kOtherBase};

std::string base64(const Secret<32>& key) {
  PublicKey bytes;
  std::copy(key.bytes().begin(), key.bytes().end(), bytes.bytes.begin());
  return to_text(bytes);
}

SecretText stamp_secret() {
  std::string text;
  for (int i = 0; i < 32; ++i) text += "5e";
  return SecretText(text);
}

TEST_CASE("preshared keys are those of the reference portal and differ by direction") {
  CHECK(base64(derive_preshared_key(kClient, kGateway)) ==
        "ordx7JEOgNHsbrGfXTEkuYMIt7aNDV4uONHu8Hyqmms=");
  CHECK(base64(derive_preshared_key_of_clients(kClient, kOther)) ==
        "LdFW9zpYKHKSq1udSCUY7VN2lUamQ69iYVhrM8P1u9A=");
  CHECK_FALSE(derive_preshared_key_of_clients(kOther, kClient) ==
              derive_preshared_key_of_clients(kClient, kOther));
}

TEST_CASE("ICE credentials are those of the reference portal") {
  const IcePair pair = derive_ice_credentials(kClient, kGateway);
  CHECK(pair.initiator == IceCredentials{"rooi", SecretText("jqb3w754s7jszu6w2v46xn")});
  CHECK(pair.responder == IceCredentials{"4eld", SecretText("rvipf4fj6syhum6whaynhq")});
  const IcePair clients = derive_ice_credentials(kClient, kOther);
  CHECK(clients.initiator == IceCredentials{"s5pm", SecretText("25csu5q2gsdxv4wjlg2hdn")});
  CHECK(clients.responder == IceCredentials{"f3mm", SecretText("676auwwwviyjgqvd6iu5aq")});
}

TEST_CASE("a relay is known by its secret, and logins to it can be verified by it alone") {
  CHECK(derive_relay_id(stamp_secret()).value() == "8414cd6b-08e9-4be7-b341-32d9f8fabaa0");
  const RelayLogin login =
      derive_relay_login(kClient.public_key, absl::FromUnixSeconds(1790000000), stamp_secret());
  CHECK(login.username == "1790000000:ere2wNxV6z0pAq/TdtkWogiV0dkSP6SnoZV07AUQzxo");
  CHECK(login.password == SecretText("2YiPKOmmbQ+T3wbifdha9P/yM3OoIRVfsn6QEb48c1c"));
  const auto credentials =
      snownet::turn::Credentials::create(login.username, "firezone", login.password.reveal());
  REQUIRE(credentials.has_value());
  CHECK(to_hex(credentials->key.bytes()) == "846f27d26062265db6f9956d26c996dd");

  const RelayLogin gateways =
      derive_relay_login(kGateway.public_key, kGatewayRelayLoginExpiry, stamp_secret());
  CHECK(gateways.username == "2145916800:dTxoN7DBXNEh7It2LHwpbCpYKCNIbc3XX/nUXhLm44Y");
  CHECK(gateways.password == SecretText("iDok8ppjevh7LRxA4565tNop4K715y9hFrowGcRMrLY"));
}

TEST_CASE("a configured UUID is hashed, any other device id stays as it is") {
  CHECK(derive_external_id("0f0c22b1-64fa-4a04-a1c1-5b4b6c0c2d47") ==
        "57fafffaba991e4cc0d6e2c02f517659e5646c1a095367e624f6964c71d76dd4");
  CHECK(derive_external_id("printer in the hall") == "printer in the hall");
  CHECK(derive_external_id("0f0c22b1-64fa-4a04-a1c1-5b4b6c0c2d4") ==
        "0f0c22b1-64fa-4a04-a1c1-5b4b6c0c2d4");
}

TEST_CASE("an ingest token is the one that reference peers accept") {
  const IngestClaims claims{
      .account_id = "12f207e0-3b6c-4f0f-9d0f-cc22cf9fbf3c",
      .issued_at = absl::FromUnixSeconds(1789900000),
      .expires_at = absl::FromUnixSeconds(1792592000),
      .uploads_enabled = false,
      .role = IngestClaims::Role::kInitiator,
      .initiator_device_id = std::string(kClient.id),
      .responder_device_id = std::string(kGateway.id),
      .policy_authorization_id = "eeb66205-5f53-4f64-acbc-deed47293f04",
      .policy_id = "44f19c37-cf62-4b19-b158-6f86bdcd2b57",
      .resource_id = ResourceId("a4c1d2e3-0b9a-4f7e-8c55-3d2e1f0a9b04"),
      .resource_name = "GitLab",
      .initiator_actor_id = "24eb631e-c529-4182-a746-d99ee66f7426",
      .initiator_actor_name = "Jane Doe",
      .authorized_at = absl::FromUnixSeconds(1789898400),
      .authorization_expires_at = absl::FromUnixSeconds(1790000000),
  };
  const std::vector<uint8_t> key(32, 'k');
  CHECK(mint_ingest_token(claims, key).reveal() ==
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJhY2NvdW50X2lkIjoiMTJmMjA3ZTAtM2I2Yy00ZjBmLTlkM"
        "GYtY2MyMmNmOWZiZjNjIiwiaWF0IjoxNzg5OTAwMDAwLCJleHAiOjE3OTI1OTIwMDAsInVwbG9hZHNfZW5hYmx"
        "lZCI6ZmFsc2UsInJvbGUiOiJpbml0aWF0b3IiLCJpbml0aWF0b3JfZGV2aWNlX2lkIjoiOGYyYzFmNmUtNWEwY"
        "i00YzUzLTlkM2UtMGM3YTZhM2UxYjAxIiwicmVzcG9uZGVyX2RldmljZV9pZCI6IjFkOWU1YjdhLTMzYzQtNGY"
        "wZS04YTYxLTUyZjBiN2M5YWEwMiIsInBvbGljeV9hdXRob3JpemF0aW9uX2lkIjoiZWViNjYyMDUtNWY1My00Z"
        "jY0LWFjYmMtZGVlZDQ3MjkzZjA0IiwicG9saWN5X2lkIjoiNDRmMTljMzctY2Y2Mi00YjE5LWIxNTgtNmY4NmJ"
        "kY2QyYjU3IiwicmVzb3VyY2VfaWQiOiJhNGMxZDJlMy0wYjlhLTRmN2UtOGM1NS0zZDJlMWYwYTliMDQiLCJyZ"
        "XNvdXJjZV9uYW1lIjoiR2l0TGFiIiwiaW5pdGlhdG9yX2FjdG9yX2lkIjoiMjRlYjYzMWUtYzUyOS00MTgyLWE"
        "3NDYtZDk5ZWU2NmY3NDI2IiwiaW5pdGlhdG9yX2FjdG9yX25hbWUiOiJKYW5lIERvZSIsImF1dGhvcml6ZWRfY"
        "XQiOiIyMDI2LTA5LTIwVDEwOjAwOjAwLjAwMDAwMFoiLCJhdXRob3JpemF0aW9uX2V4cGlyZXNfYXQiOiIyMDI"
        "2LTA5LTIxVDE0OjEzOjIwLjAwMDAwMFoifQ.IOH1lsWL_2I7Wls6HU7cMv_8040stR3fap5TyS-uFuc");
}

}  // namespace
}  // namespace connlib::portal
