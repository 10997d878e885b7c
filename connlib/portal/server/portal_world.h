#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "connlib/portal/envelope.h"
#include "connlib/portal/server/portal_state.h"

// A portal with the devices, keys and ids of spec portal-protocol 11, and a store that remembers
// what it is told to. For tests.
namespace connlib::portal::server {

inline constexpr Timestamp kStart = Timestamp::from_nanoseconds(7'777'777'777'777);

inline const absl::Time kMorning = absl::FromUnixSeconds(1789984800);
inline const absl::Time kSessionEnd = absl::FromUnixSeconds(1790000000);

inline const std::string kClientId = "8f2c1f6e-5a0b-4c53-9d3e-0c7a6a3e1b01";
inline const std::string kGatewayId = "1d9e5b7a-33c4-4f0e-8a61-52f0b7c9aa02";
inline const std::string kSiteId = "5b0f7c9e-0d57-4a53-b6f5-7a1d8d9e4b03";
inline const std::string kGitLab = "a4c1d2e3-0b9a-4f7e-8c55-3d2e1f0a9b04";
inline const std::string kLab = "c7793628-8579-465b-83e3-1a5d4af4db05";
inline const std::string kRelayId = "8414cd6b-08e9-4be7-b341-32d9f8fabaa0";
inline const std::string kJane = "24eb631e-c529-4182-a746-d99ee66f7426";
inline const std::string kStaff = "0c9a3a4e-3a4b-4c5d-8e6f-7a8b9c0d1e2f";
inline const std::string kGitLabPolicy = "44f19c37-cf62-4b19-b158-6f86bdcd2b57";
inline const std::string kLabPolicy = "7e0f5a3b-55b6-4a51-9b8a-0a1b2c3d4e5f";

std::string stamp_secret();  // "5e", 32 times.

class PortalWorld {
 public:
  PortalWorld();

  // restart() makes a new portal of what was stored; all sockets are gone.
  void restart();

  // --- Peers connect. Those that fail say why.
  struct ClientOptions {
    std::string external_id = "laptop";
    std::string token = "jane";
    std::string source = "198.51.100.7";
    std::string agent = "Ubuntu/24.04.0 headless-client/1.5.12";
    uint8_t key = 0x11;
    std::optional<absl::Time> expires_at = kSessionEnd;
  };
  struct GatewayOptions {
    std::string external_id = "gw";
    std::string token = "hq";
    std::string agent = "Linux/6 gateway/1.5.0";
    uint8_t key = 0x22;
  };
  SessionId client(const ClientOptions& options);
  SessionId client() { return client(ClientOptions()); }
  SessionId gateway(const GatewayOptions& options);
  SessionId gateway() { return gateway(GatewayOptions()); }
  SessionId relay(uint8_t host = 101);
  UpgradeRefusal refused(Role role, const Token& token);

  // The same, and they join; what they were told is taken.
  SessionId joined_client() { return joined_client(ClientOptions()); }
  SessionId joined_client(const ClientOptions& options);
  SessionId joined_gateway() { return joined_gateway(GatewayOptions()); }
  SessionId joined_gateway(const GatewayOptions& options);
  SessionId joined_relay(std::string_view secret, uint8_t host = 101);

  // --- Frames.
  void text(const SessionId& session, std::string_view frame);
  void say(const SessionId& session, std::string_view topic, std::string_view event,
           std::string_view payload, Ref ref = 7);
  void hang_up(const SessionId& session);
  std::vector<std::string> heard(const SessionId& session);   // Since the last time.
  std::vector<std::string> events(const SessionId& session);  // Only their names.
  std::optional<uint16_t> closed(const SessionId& session);
  // The value of a key in the only frame that a session has heard; the frame stays.
  std::string value_of(const SessionId& session, std::string_view key);

  // A client asks for a resource, and the gateway is ready.
  void authorize(const SessionId& client, const SessionId& gateway, const std::string& resource);

  // --- Time and administration.
  void run_until(Timestamp until);  // Timers fire on the way.
  void run_for(Duration span) { run_until(now + span); }
  void apply();  // `account` as it is now.

  Timestamp now = kStart;
  Account account;
  std::unique_ptr<PortalState> portal;
  std::map<DeviceId, DeviceRow> devices;
  std::map<GrantKey, GrantRow> grants;
  std::vector<Record> records;  // All since the start.

  void pump();

 private:
  struct Wire {
    std::vector<std::string> frames;
    std::optional<uint16_t> close;
  };
  SessionId opened(std::variant<SessionId, UpgradeRefusal> result);
  void store(const Record& record);

  SeededRandom random_{7};
  std::map<SessionId, Wire> wires_;
};

}  // namespace connlib::portal::server
