#include "connlib/portal/from_gateway.h"

#include <utility>

#include "connlib/portal/decode_table.h"
#include "connlib/portal/json_writer.h"
#include "connlib/portal/values_codec.h"

namespace connlib::portal {
namespace {

using Result = std::optional<FromGateway>;

template <typename Message>
Result checked(const Fields& in, Message message) {
  return in.ok() ? Result(std::move(message)) : std::nullopt;
}

Result read_acknowledged(Fields in) {
  return checked(in, AuthorizationAcknowledged{in.text("ref")});
}

Result read_broadcast(Fields in, CandidateChange change) {
  BroadcastCandidates out{change, in.ids<ClientId>("client_ids"), read_candidates(in)};
  return checked(in, std::move(out));
}

constexpr DecodeRow<FromGateway> kRows[] = {
    {"set_snownet_capabilities",
     [](Fields in) { return checked(in, SnownetCapabilities{in.flag_or("iceless", false)}); }},
    {"authorization_created", read_acknowledged},
    {"broadcast_ice_candidates",
     [](Fields in) { return read_broadcast(in, CandidateChange::kAdded); }},
    {"broadcast_invalidated_ice_candidates",
     [](Fields in) { return read_broadcast(in, CandidateChange::kInvalidated); }},
    {"no_relays", [](Fields in) { return checked(in, NoRelays()); }},
    {"flow_authorized", read_acknowledged},  // Unversioned sockets only (spec 9).
};

class Encoder {
 public:
  Encoded operator()(const SnownetCapabilities& m) {
    out_.begin_object().key("iceless").boolean(m.iceless);
    return done("set_snownet_capabilities");
  }
  Encoded operator()(const AuthorizationAcknowledged& m) {
    out_.begin_object().key("ref").text(m.ref);
    return done("authorization_created");
  }
  Encoded operator()(const BroadcastCandidates& m) {
    out_.begin_object().key("client_ids");
    write_ids(out_, m.client_ids);
    write_candidates(out_, m.candidates);
    return done(m.change == CandidateChange::kAdded ? "broadcast_ice_candidates"
                                                    : "broadcast_invalidated_ice_candidates");
  }
  Encoded operator()(const NoRelays&) {
    out_.begin_object();
    return done("no_relays");
  }

 private:
  Encoded done(std::string_view event) { return {event, out_.end_object().take()}; }

  JsonWriter out_;
};

}  // namespace

Decoded<FromGateway> decode_from_gateway(std::string_view event, JsonValue payload) {
  return decode_by_table<FromGateway>(kRows, event, payload);
}

Encoded encode(const FromGateway& message) { return std::visit(Encoder(), message); }

}  // namespace connlib::portal
