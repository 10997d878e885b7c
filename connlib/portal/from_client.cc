#include "connlib/portal/from_client.h"

#include <utility>

#include "connlib/portal/decode_table.h"
#include "connlib/portal/json_writer.h"
#include "connlib/portal/values_codec.h"

namespace connlib::portal {
namespace {

using Result = std::optional<FromClient>;

template <typename Message>
Result checked(const Fields& in, Message message) {
  return in.ok() ? Result(std::move(message)) : std::nullopt;
}

Result read_request(Fields in) {
  RequestAuthorization out;
  out.resource_id = in.id<ResourceId>("resource_id");
  out.connected_gateway_ids = in.ids<GatewayId>("connected_gateway_ids");
  if (in.has("ipv4")) out.device = in.ipv4("ipv4");
  if (in.has("ipv6")) {
    if (out.device) in.fail();  // Exactly one names the device.
    out.device = in.ipv6("ipv6");
  }
  return checked(in, std::move(out));
}

Result read_gateway_candidates(Fields in, CandidateChange change) {
  GatewayCandidates out{change, in.id<GatewayId>("gateway_id"), read_candidates(in)};
  return checked(in, std::move(out));
}

Result read_client_candidates(Fields in, CandidateChange change) {
  ClientCandidates out{change, in.id<ClientId>("client_id"), read_candidates(in)};
  return checked(in, std::move(out));
}

Result read_resolve(Fields in) {
  ResolveDeviceDomain out{in.id<ResourceId>("resource_id"), in.text("domain")};
  return checked(in, std::move(out));
}

constexpr auto kAdded = CandidateChange::kAdded;
constexpr auto kInvalidated = CandidateChange::kInvalidated;

constexpr DecodeRow<FromClient> kRows[] = {
    {"set_snownet_capabilities",
     [](Fields in) { return checked(in, SnownetCapabilities{in.flag_or("iceless", false)}); }},
    {"request_authorization", read_request},
    {"new_gateway_ice_candidates", [](Fields in) { return read_gateway_candidates(in, kAdded); }},
    {"invalidate_gateway_ice_candidates",
     [](Fields in) { return read_gateway_candidates(in, kInvalidated); }},
    {"new_client_ice_candidates", [](Fields in) { return read_client_candidates(in, kAdded); }},
    {"invalidate_client_ice_candidates",
     [](Fields in) { return read_client_candidates(in, kInvalidated); }},
    {"no_relays", [](Fields in) { return checked(in, NoRelays()); }},
    {"resolve_device_pool_domain", read_resolve},
    {"create_flow", read_request},  // Unversioned sockets only (spec 9).
};

class Encoder {
 public:
  Encoded operator()(const SnownetCapabilities& m) {
    out_.begin_object().key("iceless").boolean(m.iceless);
    return done("set_snownet_capabilities");
  }
  Encoded operator()(const RequestAuthorization& m) {
    out_.begin_object().key("resource_id").text(m.resource_id.value());
    out_.key("connected_gateway_ids");
    write_ids(out_, m.connected_gateway_ids);
    if (m.device) out_.key(m.device->is_v4() ? "ipv4" : "ipv6").text(to_text(*m.device));
    return done("request_authorization");
  }
  Encoded operator()(const GatewayCandidates& m) {
    out_.begin_object().key("gateway_id").text(m.gateway_id.value());
    write_candidates(out_, m.candidates);
    return done(m.change == kAdded ? "new_gateway_ice_candidates"
                                   : "invalidate_gateway_ice_candidates");
  }
  Encoded operator()(const ClientCandidates& m) {
    out_.begin_object().key("client_id").text(m.client_id.value());
    write_candidates(out_, m.candidates);
    return done(m.change == kAdded ? "new_client_ice_candidates"
                                   : "invalidate_client_ice_candidates");
  }
  Encoded operator()(const NoRelays&) {
    out_.begin_object();
    return done("no_relays");
  }
  Encoded operator()(const ResolveDeviceDomain& m) {
    out_.begin_object().key("resource_id").text(m.resource_id.value());
    out_.key("domain").text(m.domain);
    return done("resolve_device_pool_domain");
  }

 private:
  Encoded done(std::string_view event) { return {event, out_.end_object().take()}; }

  JsonWriter out_;
};

}  // namespace

Decoded<FromClient> decode_from_client(std::string_view event, JsonValue payload) {
  return decode_by_table<FromClient>(kRows, event, payload);
}

Encoded encode(const FromClient& message) { return std::visit(Encoder(), message); }

}  // namespace connlib::portal
