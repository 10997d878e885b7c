#include "shells/wg/uapi.h"

#include <cerrno>
#include <string>

#include <catch2/catch.hpp>

#include "connlib/base/random_source.h"

namespace connlib::wg {
namespace {

const std::string kKey = "00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF";
const std::string kZeroKey(64, '0');

SetRequest parse_set(const std::string& lines) {
  UapiRequest request = parse_request("set=1\n" + lines + "\n");
  REQUIRE(std::holds_alternative<SetRequest>(request));
  return std::get<SetRequest>(std::move(request));
}

std::optional<int> error_of(std::string_view text) {
  const UapiRequest request = parse_request(text);
  const auto* error = std::get_if<UapiError>(&request);
  return error == nullptr ? std::nullopt : std::optional(error->number);
}

}  // namespace

TEST_CASE("a get request is recognised") {
  CHECK(std::holds_alternative<GetRequest>(parse_request("get=1\n\n")));
}

TEST_CASE("a set request keeps device and peer settings apart") {
  const SetRequest set = parse_set("private_key=" + kKey +
                                   "\nlisten_port=51820\nfwmark=4660\nreplace_peers=true\n"
                                   "public_key=" +
                                   kKey + "\npreshared_key=" + kZeroKey +
                                   "\nendpoint=192.0.2.1:80\npersistent_keepalive_interval=25\n"
                                   "replace_allowed_ips=true\nallowed_ip=10.0.0.1/8\n"
                                   "allowed_ip=fd00::/64\nprotocol_version=1\n"
                                   "public_key=" +
                                   kZeroKey + "\nremove=true\nupdate_only=true\n");
  REQUIRE(set.private_key.has_value());
  CHECK(set.private_key->bytes()[1] == 0x11);
  CHECK(set.private_key->bytes()[31] == 0xff);
  CHECK(set.listen_port == 51820);
  CHECK(set.fwmark == 4660u);
  CHECK(set.replace_peers);
  REQUIRE(set.peers.size() == 2);
  const SetPeer& peer = set.peers[0];
  CHECK(peer.public_key.bytes[31] == 0xff);
  REQUIRE(peer.preshared_key.has_value());
  CHECK(peer.preshared_key->is_zero());
  CHECK(peer.endpoint == SocketAddress::parse("192.0.2.1:80"));
  CHECK(peer.persistent_keepalive_seconds == 25);
  CHECK(peer.replace_allowed_ips);
  REQUIRE(peer.allowed_ips.size() == 2);
  CHECK(to_text(peer.allowed_ips[0].prefix) == "10.0.0.0/8");
  CHECK(to_text(peer.allowed_ips[1].prefix) == "fd00::/64");
  CHECK_FALSE(peer.remove);
  CHECK(set.peers[1].remove);
  CHECK(set.peers[1].update_only);
}

TEST_CASE("an empty set request changes nothing") {
  const SetRequest set = parse_set("");
  CHECK_FALSE(set.private_key.has_value());
  CHECK_FALSE(set.listen_port.has_value());
  CHECK_FALSE(set.fwmark.has_value());
  CHECK_FALSE(set.replace_peers);
  CHECK(set.peers.empty());
}

TEST_CASE("endpoints are unmapped and may be IPv6") {
  const std::string peer = "public_key=" + kKey + "\nendpoint=";
  CHECK(parse_set(peer + "[2001:db8::1]:51820\n").peers[0].endpoint ==
        SocketAddress::parse("[2001:db8::1]:51820"));
  CHECK(parse_set(peer + "[::ffff:192.0.2.1]:51820\n").peers[0].endpoint ==
        SocketAddress::parse("192.0.2.1:51820"));
}

TEST_CASE("allowed IPs may be marked for addition or removal") {
  const SetRequest set =
      parse_set("public_key=" + kKey + "\nallowed_ip=+10.0.0.0/8\nallowed_ip=-fd00::/8\n");
  REQUIRE(set.peers[0].allowed_ips.size() == 2);
  CHECK_FALSE(set.peers[0].allowed_ips[0].is_removal);
  CHECK(set.peers[0].allowed_ips[1].is_removal);
}

TEST_CASE("replacing allowed IPs also replaces those listed before it") {
  const SetRequest set = parse_set("public_key=" + kKey +
                                   "\nallowed_ip=10.0.0.0/8\nreplace_allowed_ips=true\n"
                                   "allowed_ip=10.1.0.0/16\n");
  REQUIRE(set.peers[0].allowed_ips.size() == 1);
  CHECK(to_text(set.peers[0].allowed_ips[0].prefix) == "10.1.0.0/16");
}

TEST_CASE("bad requests are answered with the right errno") {
  const std::string peer = "set=1\npublic_key=" + kKey + "\n";
  struct Row {
    const char* what;
    std::string text;
    int error;
  };
  const auto row = GENERATE_COPY(values<Row>({
      {"nothing", "", EPROTO},
      {"only an empty line", "\n", EPROTO},
      {"unknown operation", "del=1\n\n", EPROTO},
      {"unknown version", "get=2\n\n", EPROTO},
      {"get with content", "get=1\nprivate_key=\n\n", EPROTO},
      {"get without its empty line", "get=1\n", EPROTO},
      {"set without its empty line", "set=1\nlisten_port=1\n", EPROTO},
      {"text after the empty line", "set=1\n\nlisten_port=1\n", EPROTO},
      {"line without equals sign", "set=1\nlisten_port\n\n", EPROTO},
      {"unknown device key", "set=1\ncolour=red\n\n", EINVAL},
      {"peer key before any peer", "set=1\nendpoint=192.0.2.1:1\n\n", EINVAL},
      {"device key inside a peer", peer + "listen_port=1\n\n", EINVAL},
      {"unknown peer key", peer + "colour=red\n\n", EINVAL},
      {"empty key", "set=1\n=1\n\n", EINVAL},
      {"short private key", "set=1\nprivate_key=00\n\n", EINVAL},
      {"long private key", "set=1\nprivate_key=" + kKey + "00\n\n", EINVAL},
      {"private key with a non-digit", "set=1\nprivate_key=g" + kKey.substr(1) + "\n\n", EINVAL},
      {"short public key", "set=1\npublic_key=00\n\n", EINVAL},
      {"port too large", "set=1\nlisten_port=65536\n\n", EINVAL},
      {"negative port", "set=1\nlisten_port=-1\n\n", EINVAL},
      {"empty port", "set=1\nlisten_port=\n\n", EINVAL},
      {"port with a tail", "set=1\nlisten_port=1 \n\n", EINVAL},
      {"hexadecimal fwmark", "set=1\nfwmark=0x1\n\n", EINVAL},
      {"fwmark too large", "set=1\nfwmark=4294967296\n\n", EINVAL},
      {"replace_peers=false", "set=1\nreplace_peers=false\n\n", EINVAL},
      {"remove=1", peer + "remove=1\n\n", EINVAL},
      {"endpoint without port", peer + "endpoint=192.0.2.1\n\n", EINVAL},
      {"endpoint with a name", peer + "endpoint=example.com:1\n\n", EINVAL},
      {"keepalive too large", peer + "persistent_keepalive_interval=65536\n\n", EINVAL},
      {"keepalive off by word", peer + "persistent_keepalive_interval=off\n\n", EINVAL},
      {"allowed IP without mask", peer + "allowed_ip=10.0.0.1\n\n", EINVAL},
      {"allowed IP with a long mask", peer + "allowed_ip=10.0.0.1/33\n\n", EINVAL},
      {"empty allowed IP", peer + "allowed_ip=\n\n", EINVAL},
      {"only a sign", peer + "allowed_ip=-\n\n", EINVAL},
      {"other protocol version", peer + "protocol_version=2\n\n", EINVAL},
  }));
  CAPTURE(row.what);
  CHECK(error_of(row.text) == row.error);
}

TEST_CASE("an empty fwmark switches it off") { CHECK(parse_set("fwmark=\n").fwmark == 0u); }

TEST_CASE("a request ends at its empty line wherever the reads were cut") {
  const std::string text = "set=1\nlisten_port=1\n\nget=1\n\n";
  const size_t first = text.find("\n\n") + 2;
  for (size_t arrived = 0; arrived <= text.size(); ++arrived) {
    const std::string_view part = std::string_view(text).substr(0, arrived);
    CAPTURE(arrived);
    CHECK(request_bytes(part) == (arrived < first ? std::nullopt : std::optional(first)));
    if (arrived > 0 && arrived <= first) {
      CHECK(request_bytes(part, arrived - 1) == request_bytes(part));
    }
  }
  CHECK(request_bytes("\n") == 1);
}

TEST_CASE("a get answer is written as wg reads it") {
  std::string out;
  KeyBytes key;
  key.mutable_bytes()[0] = 0xa5;
  append_interface({.private_key = key.clone(), .listen_port = 51820, .fwmark = 1}, out);
  CHECK(out == "private_key=a5" + std::string(62, '0') + "\nlisten_port=51820\nfwmark=1\n");

  out.clear();
  PeerState peer;
  peer.public_key.bytes[31] = 0x0f;
  peer.endpoint = SocketAddress::parse("[2001:db8::1]:7");
  peer.last_handshake_seconds = 5;
  peer.last_handshake_nanoseconds = 6;
  peer.rx_bytes = 7;
  peer.tx_bytes = 18446744073709551615u;
  peer.persistent_keepalive_seconds = 25;
  peer.allowed_ips = {IpPrefix::parse("10.0.0.0/8").value(), IpPrefix::parse("::/0").value()};
  append_peer(peer, out);
  append_get_result(0, out);
  CHECK(out == "public_key=" + std::string(62, '0') + "0f\npreshared_key=" + kZeroKey +
                   "\nprotocol_version=1\nendpoint=[2001:db8::1]:7\nlast_handshake_time_sec=5\n"
                   "last_handshake_time_nsec=6\ntx_bytes=18446744073709551615\nrx_bytes=7\n"
                   "persistent_keepalive_interval=25\nallowed_ip=10.0.0.0/8\nallowed_ip=::/0\n"
                   "errno=0\n\n");
}

TEST_CASE("an interface without key, port or mark says nothing about itself") {
  std::string out;
  append_interface({}, out);
  CHECK(out.empty());
}

TEST_CASE("results carry the sign that wg expects") {
  std::string out;
  append_set_result(EADDRINUSE, out);
  CHECK(out == "errno=-98\n\n");
  out.clear();
  append_get_result(EIO, out);
  CHECK(out == "errno=5\n\n");
}

TEST_CASE("mangled requests are parsed or refused without a crash") {
  const std::string good = "set=1\nprivate_key=" + kKey + "\nlisten_port=1\npublic_key=" + kKey +
                           "\nendpoint=[::1]:2\nallowed_ip=10.0.0.0/8\n\n";
  SeededRandom random(7);
  for (int i = 0; i < 20000; ++i) {
    std::string text = good;
    for (uint64_t n = random.below(6); n > 0; --n) {
      const size_t at = random.below(text.size());
      switch (random.below(3)) {
        case 0:
          text[at] = static_cast<char>(random.below(256));
          break;
        case 1:
          text.erase(at, random.below(8));
          break;
        case 2:
          text.insert(at, 1, "\n=/:-"[random.below(5)]);
          break;
      }
      if (text.empty()) text = "\n";
    }
    const UapiRequest request = parse_request(text);
    if (const auto* error = std::get_if<UapiError>(&request)) {
      CHECK((error->number == EINVAL || error->number == EPROTO));
    }
  }
}

}  // namespace connlib::wg
