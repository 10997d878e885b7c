#include "tests/scenarios/portal/scripted_portal.h"

#include <algorithm>
#include <utility>

#include "connlib/base/hex.h"

namespace connlib::scenarios {
namespace {

using Json = nlohmann::json;

bool contains(const std::vector<std::string>& all, const std::string& one) {
  return std::find(all.begin(), all.end(), one) != all.end();
}

Json entry_of(const std::string& id, const sim::VirtualRelay& relay, const Device& device) {
  const auto account = relay.account_for(relay_salt(device.key));
  Json addresses = Json::array();
  for (const auto& socket : relay.sockets) {
    if (socket) addresses.push_back(to_text(*socket));
  }
  return {{"id", id},
          {"addresses", std::move(addresses)},
          {"username", account.username},
          {"realm", account.realm},
          {"password", account.password}};
}

Json text_of(const snownet::ice::Credentials& credentials) {
  return {{"username", credentials.ufrag()}, {"password", credentials.password()}};
}

}  // namespace

// --- Relays

void ScriptedPortal::list_relay(Timestamp now, const std::string& id,
                                const sim::VirtualRelay& relay) {
  if (!contains(relay_order_, id)) relay_order_.push_back(id);
  relays_.insert_or_assign(id, relay);
  changed(now);
}

void ScriptedPortal::unlist_relay(Timestamp now, const std::string& id) {
  relays_.erase(id);
  changed(now);
}

void ScriptedPortal::set_choice(const std::string& peer, std::vector<std::string> relays) {
  channels_[peer].choice = std::move(relays);
}

// Every further change restarts the wait.
void ScriptedPortal::changed(Timestamp now) {
  last_now_ = std::max(last_now_, now);
  for (auto& [id, channel] : channels_) {
    if (channel.machine && !channel.is_muted) channel.presence_due = last_now_ + kPresenceDebounce;
  }
}

Json ScriptedPortal::pick_relays(Channel& channel) {
  Json picked = Json::array();
  channel.remembered.clear();
  for (const std::string& id : channel.choice ? *channel.choice : relay_order_) {
    if (!is_listed(id) || channel.remembered.size() == relays_per_peer_) continue;
    channel.remembered.push_back(id);
    picked.push_back(entry_of(id, relays_.at(id), channel.device));
  }
  return picked;
}

void ScriptedPortal::send_presence(Channel& channel, const Json& disconnected) {
  channel.presence_due = Timestamp::never();
  Json connected = pick_relays(channel);
  say(channel.device.id, {{"event", "relays_presence"},
                          {"disconnected_ids", disconnected},
                          {"connected", std::move(connected)}});
}

void ScriptedPortal::announce(Timestamp now, const std::string& peer,
                              const std::vector<std::string>& disconnected) {
  last_now_ = std::max(last_now_, now);
  if (Channel* channel = open_channel(peer)) send_presence(*channel, Json(disconnected));
}

// --- Channels

bool ScriptedPortal::has_channel(const std::string& peer) const {
  const auto at = channels_.find(peer);
  return at != channels_.end() && at->second.machine.has_value();
}

ScriptedPortal::Channel* ScriptedPortal::open_channel(const std::string& peer) {
  const auto at = channels_.find(peer);
  return at != channels_.end() && at->second.machine ? &at->second : nullptr;
}

ScriptedPortal::Channel* ScriptedPortal::channel_of(sim::MachineId machine) {
  for (auto& [id, channel] : channels_) {
    if (channel.machine == machine) return &channel;
  }
  return nullptr;
}

void ScriptedPortal::drop_channel(Timestamp now, const std::string& peer) {
  last_now_ = std::max(last_now_, now);
  Channel& channel = channels_[peer];
  channel.machine.reset();
  channel.presence_due = Timestamp::never();
  tracer_.trace(TraceLevel::kInfo, "portal", "channel dropped", {{"peer", peer}});
}

void ScriptedPortal::handle_hello(sim::MachineId from, const Json& message) {
  const auto key = PublicKey::parse_base64(message.at("public_key").get<std::string>());
  const auto id = message.at("id").get<std::string>();
  Channel& channel = channels_[id];
  channel.machine = from;
  channel.device = {id, key.value()};
  channel.presence_due = Timestamp::never();
  say(id, {{"event", "init"}, {"relays", pick_relays(channel)}});
}

void ScriptedPortal::handle_message(Timestamp now, sim::MachineId from, const std::string& text) {
  last_now_ = std::max(last_now_, now);
  const Json message = Json::parse(text);
  const auto event = message.at("event").get<std::string>();
  if (event == "hello") return handle_hello(from, message);
  Channel* channel = channel_of(from);
  if (channel == nullptr) {  // Said before its channel broke; it got as far as that.
    if (message.contains("peer")) lost_at_[message.at("peer").get<std::string>()] = last_now_;
    return;
  }
  if (event == "request_authorization") return handle_request(last_now_, *channel, message);
  if (event == "authorization_created") return handle_acknowledgement(message);
  if (event == "no_relays") return send_presence(*channel, Json::array());
  // The rest is passed on: candidates and their invalidation.
  Json passed = message;
  const auto to = std::exchange(passed["peer"], channel->device.id).get<std::string>();
  say(to, std::move(passed));
}

// --- Authorizations

std::optional<std::string> ScriptedPortal::choose_gateway(const Json& preferred) {
  for (const auto& id : preferred) {
    if (open_channel(id.get<std::string>()) != nullptr) return id.get<std::string>();
  }
  for (const std::string& id : gateways_) {
    if (open_channel(id) != nullptr) return id;
  }
  return std::nullopt;
}

// The gateway has to be ready before the first candidate reaches it.
void ScriptedPortal::handle_request(Timestamp now, const Channel& client, const Json& message) {
  const auto chosen = choose_gateway(message.at("connected_gateway_ids"));
  if (!chosen) {
    return say(client.device.id, {{"event", "authorization_creation_failed"}});
  }
  const Device& gateway = channels_.at(*chosen).device;
  const uint64_t ref = next_ref_++;
  const auto [initiators, responders] = ice_credentials(client.device, gateway);
  requests_[ref] = {client.device.id, gateway.id, now + kAuthorizationTimeout};
  say(gateway.id,
      {{"event", "create_authorization"},
       {"ref", ref},
       {"peer", client.device.id},
       {"public_key", to_text(client.device.key)},
       {"preshared_key", to_hex(preshared_key(client.device, gateway, generation_).bytes())},
       {"local", text_of(responders)},
       {"remote", text_of(initiators)}});
  if (!waits_for_gateway_) handle_acknowledgement({{"ref", ref}});
}

void ScriptedPortal::handle_acknowledgement(const Json& message) {
  const auto at = requests_.find(message.at("ref").get<uint64_t>());
  if (at == requests_.end()) return;
  tell_client(at->second);
  requests_.erase(at);
}

void ScriptedPortal::tell_client(const Request& request) {
  const Device& client = channels_.at(request.client).device;
  const Device& gateway = channels_.at(request.gateway).device;
  const auto [initiators, responders] = ice_credentials(client, gateway);
  say(client.id, {{"event", "authorization_created"},
                  {"peer", gateway.id},
                  {"public_key", to_text(gateway.key)},
                  {"preshared_key", to_hex(preshared_key(client, gateway, generation_).bytes())},
                  {"local", text_of(initiators)},
                  {"remote", text_of(responders)}});
}

// --- Time and messages

void ScriptedPortal::handle_timeout(Timestamp now) {
  last_now_ = std::max(last_now_, now);
  for (auto& [id, channel] : channels_) {
    if (channel.presence_due > last_now_) continue;
    channel.presence_due = Timestamp::never();
    Json disconnected = Json::array();
    for (const std::string& relay : channel.remembered) {
      if (!is_listed(relay)) disconnected.push_back(relay);
    }
    const bool lacks_relays = channel.remembered.size() < relays_per_peer_ && !relays_.empty();
    if (!disconnected.empty() || lacks_relays) send_presence(channel, disconnected);
  }
  for (auto at = requests_.begin(); at != requests_.end();) {
    if (at->second.expires_at > last_now_) {
      ++at;
      continue;
    }
    say(at->second.client, {{"event", "authorization_creation_failed"}});
    at = requests_.erase(at);
  }
  for (auto& each : std::exchange(delayed_, {})) {
    if (each.at > last_now_) {
      delayed_.push_back(std::move(each));
    } else if (const Channel* channel = open_channel(each.to)) {
      queue_.push_back({*channel->machine, each.message.dump()});
    } else {
      lost_at_[each.to] = last_now_;
    }
  }
}

Wakeup ScriptedPortal::poll_timeout() const {
  Wakeup next{queue_.empty() ? Timestamp::never() : last_now_, "queued messages"};
  const auto consider = [&next](Timestamp at, const char* why) {
    if (at < next.at) next = {at, why};
  };
  for (const auto& [id, channel] : channels_) consider(channel.presence_due, "presence of relays");
  for (const auto& [ref, request] : requests_) consider(request.expires_at, "gateway is late");
  for (const Delayed& each : delayed_) consider(each.at, "delayed message");
  return next;
}

void ScriptedPortal::say(const std::string& to, Json message) {
  const auto event = message.at("event").get<std::string>();
  if (swallowed_.contains({event, to})) return;
  const auto delay = delays_.find({event, to});
  if (delay != delays_.end()) {
    delayed_.push_back({last_now_ + delay->second, to, std::move(message)});
  } else if (const Channel* channel = open_channel(to)) {
    queue_.push_back({*channel->machine, message.dump()});
  } else {
    lost_at_[to] = last_now_;
  }
}

std::optional<sim::Message> ScriptedPortal::poll_message() {
  if (queue_.empty()) return std::nullopt;
  sim::Message next = std::move(queue_.front());
  queue_.pop_front();
  return next;
}

}  // namespace connlib::scenarios
