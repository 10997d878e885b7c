#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "connlib/gateway/gateway_state.h"
#include "snownet/node/lab.h"

// One gateway, clients that are bare nodes and send whatever a test likes, a relay, a portal that
// does as it is told, and a clock.
namespace connlib::gateway::testing {

using snownet::node::testing::Bytes;
using snownet::node::testing::kStart;

extern const absl::Time kDate;  // At kStart.
inline const portal::TunnelAddresses kOwn{
    {{100, 64, 0, 9}}, {{0xfd, 0, 0x20, 0x21, 0x11, 0x11, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9}}};

// LabClient is the machine of a user who may be anybody.
struct LabClient {
  ClientId id;
  portal::TunnelAddresses addresses;  // 100.64.0.x and fd00:2021:1111::x.
  SocketAddress socket;
  std::unique_ptr<SeededRandom> random;
  std::unique_ptr<snownet::node::Node> node;
  std::vector<Bytes> packets;  // What the gateway sent.
  size_t established = 0;
  size_t candidates_told = 0;  // By the gateway, through the portal.
};

Resource cidr(const char* id, const char* network, std::vector<Filter> filters = {});
Resource dns(const char* id, const char* pattern, std::vector<Filter> filters = {});
Resource internet(const char* id);

class Lab {
 public:
  // The gateway has had its `init` and has an allocation.
  explicit Lab(uint64_t seed = 1);

  LabClient& add_client(const char* id, uint8_t number);

  // authorize() tells both ends, as a portal would; the client connects once the gateway has
  // acknowledged. False when it has not.
  bool authorize(LabClient& client, const Resource& resource,
                 std::optional<Duration> expires_in = std::nullopt);
  portal::CreateAuthorization authorization(const LabClient& client, const Resource& resource,
                                            std::optional<Duration> expires_in) const;
  void connect(LabClient& client);  // Runs until a packet can pass.
  void tell(const portal::ToGateway& message);
  portal::GatewayInit init() const;  // Without authorizations.

  // send() has a client seal anything at all; what the gateway answers is in `client.packets`.
  void send(LabClient& client, const Bytes& packet);
  // from_tun() gives the gateway a packet of its kernel, and says what became of it.
  std::variant<snownet::node::Encapsulated, Unroutable> from_tun(Bytes packet);
  // resolve() answers the oldest question of the gateway, which must be about `domain`.
  void resolve(const char* domain, std::optional<std::vector<IpAddress>> addresses,
               std::optional<Duration> ttl = std::nullopt);

  // transmit() puts a datagram on the wire.
  void transmit(const SocketAddress& from, const SocketAddress& to, Bytes bytes);
  void run_for(Duration span);
  void settle();

  uint64_t unroutable(Unroutable reason) const { return gateway->unroutable().of(reason); }

  Timestamp now = kStart;
  SocketAddress gateway_socket;
  std::unique_ptr<SeededRandom> random;
  std::unique_ptr<GatewayState> gateway;
  std::map<ClientId, LabClient> clients;
  std::vector<Bytes> tun;                // What reached the gateway's TUN.
  std::vector<GatewayEvent> events;      // All there were.
  std::vector<ResolveName> resolutions;  // Not yet answered.
  snownet::node::testing::RelayHost relay;
  bool is_portal_down = false;  // Candidates wait.
  std::string ingest_token{};   // Comes with every authorization.

 private:
  void deliver(const SocketAddress& from, const SocketAddress& to, Bytes bytes);
  void drain(LabClient& client);
  void drain_gateway();
  void read(const GatewayEvent& event);
  void step_to(Timestamp at);
  Timestamp next_at();

  uint64_t sequence_ = 0;
  std::map<std::pair<Timestamp, uint64_t>, std::function<void()>> due_;
};

}  // namespace connlib::gateway::testing
