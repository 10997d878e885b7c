#pragma once

#include <optional>
#include <vector>

#include "connlib/portal/client_resource.h"
#include "connlib/portal/fields.h"
#include "connlib/portal/interface_config.h"
#include "connlib/portal/json_writer.h"
#include "connlib/portal/shared_messages.h"

// How the values that messages are made of look in JSON (spec portal-protocol 2). Private to the
// codecs. Of a pair, read_…() undoes write_…().
namespace connlib::portal {

TunnelAddresses read_tunnel_addresses(Fields& in);
void write_tunnel_addresses(JsonWriter& out, const TunnelAddresses& addresses);

std::optional<InterfaceConfig> read_interface(Fields in);
void write_interface(JsonWriter& out, const InterfaceConfig& interface);

// Entries of one id become one relay, wherever they stand; `stun` entries are left out.
std::vector<RelayDescriptor> read_relays(Fields& in, std::string_view key,
                                         Fields::Presence presence);
void write_relays(JsonWriter& out, const std::vector<RelayDescriptor>& relays);

std::optional<Grant> read_grant(Fields in);
void write_grant_members(JsonWriter& out, const Grant& grant);
void write_grants(JsonWriter& out, const std::vector<Grant>& grants);

// Mandatory to reference peers (spec 0.6), so always written; when read it may be absent or bad.
FlowLogConfig read_flow_logs(Fields in);
void write_flow_logs(JsonWriter& out, const FlowLogConfig& flow_logs);

std::optional<IceCredentials> read_ice_credentials(Fields in);
void write_ice_credentials(JsonWriter& out, const IceCredentials& credentials);

std::vector<CandidateLine> read_candidates(Fields& in);
void write_candidates(JsonWriter& out, const std::vector<CandidateLine>& candidates);

RelaysPresence read_relays_presence(Fields& in);
void write_relays_presence(JsonWriter& out, const RelaysPresence& presence);

RejectAccess read_reject_access(Fields& in);
void write_reject_access(JsonWriter& out, const RejectAccess& reject);

// Small writers that several messages need.
void write_date(JsonWriter& out, absl::Time date);
void write_optional_text(JsonWriter& out, const std::optional<std::string>& text);
void write_symmetric_key(JsonWriter& out, const Secret<32>& key);
template <typename Id>
void write_ids(JsonWriter& out, const std::vector<Id>& ids) {
  out.begin_array();
  for (const Id& id : ids) out.text(id.value());
  out.end_array();
}

}  // namespace connlib::portal
