#include "connlib/portal/server/portal_state.h"

#include <utility>

#include "connlib/portal/server/account_change.h"
#include "connlib/portal/server/admission.h"
#include "connlib/portal/server/conversation.h"

namespace connlib::portal::server {

class PortalState::Impl {
 public:
  Impl(Stored stored, RandomSource& random, Tracer& tracer, Timestamp now, absl::Time date)
      : core(random, tracer, now, date) {
    core.account = std::move(stored.account);
    core.ingest_key = std::move(stored.ingest_key);
    core.api_url = std::move(stored.api_url);
    for (DeviceRow& row : stored.devices) {
      const std::string id = row.id.value();
      if (!core.devices.restore(std::move(row))) {
        tracer.trace(TraceLevel::kWarn, "portal", "stored device left out", {{"device", id}});
      }
    }
    for (GrantRow& row : stored.grants) {
      if (const auto evicted = core.grants.store(std::move(row))) {
        core.record(GrantRemoved{evicted->key});
      }
    }
    conversation.handle_timeout();  // What ended meanwhile has ended by itself.
    conversation.authorizer().revoke_void(core.grants.all());
  }

  void note(Timestamp now) { core.note(now); }

  Core core;
  Conversation conversation{core};
};

PortalState::PortalState(Stored stored, RandomSource& random, Tracer& tracer, Timestamp now,
                         absl::Time date)
    : impl_(std::make_unique<Impl>(std::move(stored), random, tracer, now, date)) {}
PortalState::~PortalState() = default;

std::variant<SessionId, UpgradeRefusal> PortalState::handle_upgrade(Timestamp now,
                                                                    const UpgradeRequest& request,
                                                                    const Token& token,
                                                                    const UpgradeOrigin& origin) {
  Core& core = impl_->core;
  impl_->note(now);
  if (core.sessions.size() >= kMaxSessions) {
    ++core.counters.refusals;
    return UpgradeRefusal{UpgradeRefusal::Code::kRateLimit, "Too many connections"};
  }
  auto admitted = admit(core, request, token, origin);
  if (const auto* refusal = std::get_if<UpgradeRefusal>(&admitted)) {
    ++core.counters.refusals;
    return *refusal;
  }
  ++core.counters.upgrades;
  const SessionId id = impl_->conversation.open(id_of(token), std::get<Peer>(std::move(admitted)));
  core.record(PeerConnected{.role = request.role,
                            .token = id_of(token),
                            .device = device_of(*core.sessions.find(id)),
                            .source = origin.source,
                            .user_agent = request.user_agent,
                            .at = core.date()});
  return id;
}

void PortalState::handle_text(Timestamp now, const SessionId& session, std::string_view text) {
  impl_->note(now);
  impl_->conversation.handle_text(session, text);
}

void PortalState::handle_closed(Timestamp now, const SessionId& session) {
  impl_->note(now);
  impl_->conversation.handle_closed(session);
}

void PortalState::handle_timeout(Timestamp now) {
  impl_->note(now);
  impl_->conversation.handle_timeout();
}

void PortalState::handle_date(Timestamp now, absl::Time date) {
  impl_->note(now);
  impl_->core.date_at = impl_->core.now;
  impl_->core.date_base = date;
  impl_->conversation.handle_timeout();
}

void PortalState::handle_account(Timestamp now, Account account) {
  impl_->note(now);
  AccountChange(impl_->core, impl_->conversation).apply(std::move(account));
  impl_->conversation.settle();
}

void PortalState::handle_token_revoked(Timestamp now, const TokenId& token) {
  impl_->note(now);
  AccountChange(impl_->core, impl_->conversation).revoke_token(token);
  impl_->conversation.settle();
}

void PortalState::handle_device_verified(Timestamp now, const DeviceId& device, bool is_verified) {
  impl_->note(now);
  AccountChange(impl_->core, impl_->conversation).set_verified(device, is_verified);
  impl_->conversation.settle();
}

void PortalState::handle_device_removed(Timestamp now, const DeviceId& device) {
  impl_->note(now);
  AccountChange(impl_->core, impl_->conversation).remove_device(device);
  impl_->conversation.settle();
}

std::optional<Record> PortalState::poll_record() {
  auto& records = impl_->core.records;
  if (records.empty()) return std::nullopt;
  Record record = std::move(records.front());
  records.pop_front();
  return record;
}

std::optional<SessionId> PortalState::poll_ready() { return impl_->core.sessions.poll_ready(); }

std::optional<std::string> PortalState::poll_transmit(const SessionId& session) {
  Session* found = impl_->core.sessions.find(session);
  return found == nullptr ? std::nullopt : found->channel.poll_transmit();
}

std::optional<uint16_t> PortalState::poll_close(const SessionId& session) {
  Session* found = impl_->core.sessions.find(session);
  return found == nullptr ? std::nullopt : found->channel.poll_close();
}

Wakeup PortalState::poll_timeout() const {
  const Core& core = impl_->core;
  if (!core.records.empty()) return {core.now, "portal has records"};
  if (core.sessions.has_ready()) return {core.now, "portal has output"};
  return impl_->conversation.poll_timeout();
}

const PortalCounters& PortalState::counters() const { return impl_->core.counters; }
size_t PortalState::sessions() const { return impl_->core.sessions.size(); }

std::vector<GrantRow> PortalState::grants() const {
  std::vector<GrantRow> out;
  for (const GrantRow* row : impl_->core.grants.all()) out.push_back(*row);
  return out;
}

bool PortalState::is_online(const DeviceId& device) const {
  const SessionTable& sessions = impl_->core.sessions;
  const Session* client = sessions.client(ClientId(device.value()));
  const Session* session = client ? client : sessions.gateway(GatewayId(device.value()));
  return session != nullptr && session->channel.is_joined();
}

}  // namespace connlib::portal::server
