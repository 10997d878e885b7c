// NodePeer: what the portal says, and what the node's events mean for the portal and the client.
#include <algorithm>
#include <utility>
#include <variant>

#include "connlib/base/check.h"
#include "connlib/base/hex.h"
#include "tests/scenarios/peer/node_peer.h"

namespace connlib::scenarios {

namespace ice = snownet::ice;
namespace node = snownet::node;
namespace turn = snownet::turn;

using Json = nlohmann::json;

namespace {

node::RelayListing listing_of(const Json& entry) {
  node::RelayListing listing{RelayId(entry.at("id").get<std::string>()),
                             {},
                             entry.at("username").get<std::string>(),
                             entry.at("realm").get<std::string>(),
                             entry.at("password").get<std::string>()};
  for (const Json& text : entry.at("addresses")) {
    const auto address = SocketAddress::parse(text.get<std::string>());
    CONNLIB_CHECK(address.has_value());
    (address->ip.is_v4() ? listing.sockets.v4 : listing.sockets.v6) = *address;
  }
  return listing;
}

ice::Credentials credentials_of(const Json& json) {
  const auto credentials = ice::Credentials::of(json.at("username").get<std::string>(),
                                                json.at("password").get<std::string>());
  CONNLIB_CHECK(credentials.has_value());
  return *credentials;
}

node::ConnectionOptions connection_options(const Json& message, Side side) {
  const auto key = PublicKey::parse_base64(message.at("public_key").get<std::string>());
  const auto psk = from_hex(message.at("preshared_key").get<std::string>());
  CONNLIB_CHECK(key.has_value() && psk.has_value() && psk->size() == 32);
  const bool is_client = side == Side::kClient;
  return {.key = *key,
          .psk = wireguard::PresharedKey(std::span<const uint8_t, 32>(psk->data(), 32)),
          .local = credentials_of(message.at("local")),
          .remote = credentials_of(message.at("remote")),
          .role = is_client ? ice::Role::kControlling : ice::Role::kControlled,
          .active = is_client ? ice::kClientDefaultTiming : ice::kServerDefaultTiming,
          .idle = is_client ? ice::kClientIdleTiming : ice::kServerIdleTiming};
}

}  // namespace

void NodePeer::connect_to_portal(Timestamp now) {
  portal_.open(options_.id, node_->public_key());
  drain(now);
}

void NodePeer::handle_portal_lost(Timestamp now) {
  portal_.close();
  drain(now);
}

void NodePeer::ask_portal(Timestamp now) {
  is_asking_ = true;
  drain(now);
}

void NodePeer::handle_message(Timestamp now, sim::MachineId /*from*/, const std::string& text) {
  last_now_ = std::max(last_now_, now);
  if (!portal_.is_open()) {  // It was on its way when the channel broke.
    last_unheard_at_ = last_now_;
    return;
  }
  const Json message = Json::parse(text);
  const auto event = message.at("event").get<std::string>();
  if (event == "init" || event == "relays_presence") {
    take_relays(last_now_, message);
  } else if (event == "create_authorization" || event == "authorization_created") {
    take_authorization(last_now_, message);
  } else if (event == "authorization_creation_failed") {
    history_.note(last_now_, Happening::kRefused, "");
  } else if (event == "ice_candidates") {
    take_candidates(last_now_, message, false);
  } else if (event == "invalidate_ice_candidates") {
    take_candidates(last_now_, message, true);
  }
  drain(last_now_);
}

void NodePeer::take_relays(Timestamp now, const Json& message) {
  const bool is_init = message.at("event") == "init";
  std::vector<RelayId> removed;
  if (!is_init) {
    for (const Json& id : message.at("disconnected_ids")) {
      removed.emplace_back(id.get<std::string>());
    }
  }
  std::vector<node::RelayListing> listed;
  for (const Json& entry : message.at(is_init ? "relays" : "connected")) {
    listed.push_back(listing_of(entry));
  }
  node_->update_relays(now, removed, listed);
  // What waited for a relay need not wait for its time.
  if (!gateway_) ask_again_at_ = std::min(ask_again_at_, last_asked_at_ + kAskAtLeastAfter);
}

void NodePeer::take_authorization(Timestamp now, const Json& message) {
  const auto name = message.at("peer").get<std::string>();
  const node::PeerId peer = assign_id(name);
  const node::Upserted outcome =
      node_->upsert_connection(now, peer, connection_options(message, options_.side));
  if (node::is_refusal(outcome)) {
    history_.note(now, Happening::kUpsertFailed, name);
    if (outcome == node::Upserted::kNoRelays) portal_.say({{"event", "no_relays"}});
    return;
  }
  const bool is_reused = outcome == node::Upserted::kReused;
  history_.note(now, is_reused ? Happening::kReused : Happening::kCreated, name);
  if (options_.side == Side::kGateway) {
    portal_.say({{"event", "authorization_created"}, {"ref", message.at("ref")}});
    return;
  }
  gateway_ = peer;
  if (std::find(known_gateways_.begin(), known_gateways_.end(), name) == known_gateways_.end()) {
    known_gateways_.push_back(name);
  }
}

void NodePeer::take_candidates(Timestamp now, const Json& message, bool are_removed) {
  const node::PeerId peer = assign_id(message.at("peer").get<std::string>());
  for (const Json& line : message.at("candidates")) {
    if (are_removed) {
      node_->remove_remote_candidate(now, peer, line.get<std::string>());
    } else {
      node_->add_remote_candidate(now, peer, line.get<std::string>());
    }
  }
}

// Each name keeps its number, so that what comes too early finds its place.
node::PeerId NodePeer::assign_id(const std::string& id) {
  const auto [at, is_new] = ids_.try_emplace(id, node::PeerId(ids_.size() + 1));
  if (is_new) names_.emplace(at->second, id);
  return at->second;
}

void NodePeer::want_authorization(Timestamp now) {
  if (options_.side != Side::kClient || !portal_.is_open()) return;
  if (now < last_asked_at_ + kAskAtLeastAfter) {
    ask_again_at_ = std::min(ask_again_at_, last_asked_at_ + kAskAtLeastAfter);
    return;
  }
  last_asked_at_ = now;
  ask_again_at_ = now + kAskAgain;
  history_.note(now, Happening::kRequested, "");
  is_asking_ = true;
}

// Candidates go first. If our connection has just failed, the gateway has to hear of what we lost
// before it is asked to admit us: else it finds its half again, keeps it, and loses it right after
// that.
void NodePeer::speak_to_portal() {
  portal_.flush();
  if (!std::exchange(is_asking_, false)) return;
  portal_.say({{"event", "request_authorization"}, {"connected_gateway_ids", known_gateways_}});
}

// --- Events

void NodePeer::handle_event(Timestamp now, const node::NodeEvent& event) {
  if (const auto* added = std::get_if<node::CandidateAdded>(&event)) {
    ++candidates_signalled_;
    portal_.add_candidate(names_.at(added->peer), added->priority, added->line);
  } else if (const auto* removed = std::get_if<node::CandidateRemoved>(&event)) {
    portal_.remove_candidate(names_.at(removed->peer), removed->line);
  } else if (const auto* established = std::get_if<node::Established>(&event)) {
    history_.note(now, Happening::kEstablished, names_.at(established->peer));
  } else if (const auto* failed = std::get_if<node::Failed>(&event)) {
    handle_gone(now, failed->peer, Happening::kFailed);
  } else if (const auto* closed = std::get_if<node::Closed>(&event)) {
    handle_gone(now, closed->peer, Happening::kClosed);
  } else if (std::holds_alternative<node::NoRelays>(event)) {
    history_.note(now, Happening::kNoRelays, "");
    portal_.say({{"event", "no_relays"}});
  } else if (std::holds_alternative<node::KeyChanged>(event)) {
    // The portal has to know before it authorizes anything.
    if (portal_.is_open()) portal_.open(options_.id, node_->public_key());
  }
}

// A client forgets the gateway, and the next packet asks for one.
void NodePeer::handle_gone(Timestamp now, node::PeerId peer, Happening what) {
  const std::string& name = names_.at(peer);
  history_.note(now, what, name);
  portal_.forget(name);
  if (gateway_ != peer) return;
  gateway_.reset();
  if (!pending_.empty()) want_authorization(now);
}

}  // namespace connlib::scenarios
