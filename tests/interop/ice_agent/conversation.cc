#include "tests/interop/ice_agent/conversation.h"

#include <algorithm>
#include <cstdio>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include <fmt/format.h>

#include "shells/common/os_clock.h"
#include "tests/interop/ice_agent/signalling.h"

namespace connlib::interop {
namespace {

namespace ice = snownet::ice;

ice::Credentials random_credentials(RandomSource& random) {
  constexpr std::string_view kAlphabet = "abcdefghijklmnopqrstuvwxyz0123456789";
  const auto text = [&](size_t length) {
    std::string out;
    while (out.size() < length) out += kAlphabet[random.below(kAlphabet.size())];
    return out;
  };
  const std::string ufrag = text(8);
  return *ice::Credentials::of(ufrag, text(24));
}

void say(const std::string& line) {
  fmt::print("{}\n", line);
  std::fflush(stdout);
}

}  // namespace

Conversation::Conversation(shells::EventLoop& loop, Options options, Tracer& tracer)
    : loop_(loop),
      options_(std::move(options)),
      sockets_(loop, [this](const Arrival& arrival) { take(arrival); }),
      agent_({.role = options_.role, .local = random_credentials(random_), .remote = {}}, random_,
             tracer, shells::OsClock::now()),
      gatherer_(options_, sockets_, random_, tracer, shells::OsClock::now()),
      pings_(options_.role),
      give_up_at_(shells::OsClock::now() + kConnectingAtMost) {
  loop.on_timer([] {});  // before_wait() does what is due.
  loop.before_wait([this] { pump(); });
}

void Conversation::take(const Arrival& arrival) {
  const Timestamp now = shells::OsClock::now();
  const auto plain = gatherer_.handle_datagram(now, arrival);
  if (!plain) return;
  const auto dropped = agent_.handle_datagram(now, {plain->local, plain->from}, plain->bytes);
  if (dropped == ice::IceDrop::kNotIce) pings_.handle_message(now, plain->bytes);
}

void Conversation::pump() {
  const Timestamp now = shells::OsClock::now();
  if (poll_timeout().at <= now) handle_timeout(now);
  signal(now);
  take_events(now);
  talk(now);
  transmit(now);
  loop_.arm(poll_timeout().at);
}

void Conversation::handle_timeout(Timestamp now) {
  if (gatherer_.poll_timeout().at <= now) gatherer_.handle_timeout(now);
  if (agent_.poll_timeout().at <= now) agent_.handle_timeout(now);
  pings_.handle_timeout(now);
  if (give_up_at_ <= now) {
    say("gave up");
    loop_.stop();
  }
  if (end_at_ <= now) loop_.stop();
}

// The candidates go out when all are known, because the file is written once.
void Conversation::signal(Timestamp now) {
  while (const auto candidate = gatherer_.poll_candidate()) {
    if (const auto added = agent_.add_local_candidate(*candidate, now)) {
      candidates_.push_back(*added);
    }
  }
  if (!has_offered_ && gatherer_.is_over()) {
    has_offered_ = true;
    if (!write_offer(options_.mine, agent_.local_credentials(), candidates_)) {
      say("cannot write " + options_.mine);
      loop_.stop();
      return;
    }
    read_at_ = now;
  }
  if (read_at_ > now) return;
  const auto offer = read_offer(options_.theirs);
  if (!offer) {
    read_at_ = now + kSignallingPause;
    return;
  }
  read_at_ = Timestamp::never();
  agent_.set_remote_credentials(offer->credentials, now);
  for (const auto& signalled : offer->candidates) {
    if (agent_.add_remote_candidate(signalled, now)) {
      gatherer_.expect(now, signalled.candidate.address);
    }
  }
}

void Conversation::take_events(Timestamp now) {
  while (const auto event = agent_.poll_event()) {
    if (const auto* changed = std::get_if<ice::StateChanged>(&*event)) {
      say(fmt::format("state {}", ice::name(changed->state)));
    } else if (const auto* selected = std::get_if<ice::PathSelected>(&*event)) {
      report(selected->path);
      settled_at_ = now + kSettling;
    }
  }
}

void Conversation::report(const ice::Path& path) const {
  const auto pairs = agent_.pairs();
  const auto pair =
      std::find_if(pairs.begin(), pairs.end(), [&](const auto& one) { return one.path() == path; });
  const auto remote = pair == pairs.end() ? ice::CandidateKind::kHost : pair->remote().kind;
  say(fmt::format("pair {} {} -> {} {}", gatherer_.is_relayed(path.local) ? "relay" : "host",
                  to_text(path.local), ice::name(remote), to_text(path.remote)));
}

void Conversation::talk(Timestamp now) {
  const auto& selected = agent_.selected();
  if (selected && settled_at_ <= now) {
    settled_at_ = Timestamp::never();
    pings_.start(now);
  }
  if (selected) {
    while (const auto message = pings_.poll_message()) {
      gatherer_.send(now, selected->local, selected->remote,
                     std::span(reinterpret_cast<const uint8_t*>(message->data()), message->size()));
    }
  }
  if (pings_.is_over() && !is_said_) {
    is_said_ = true;
    say(fmt::format("echoed {}", pings_.echoed()));
    give_up_at_ = Timestamp::never();
    end_at_ = now + kLingering;
  }
}

void Conversation::transmit(Timestamp now) {
  while (const auto out = agent_.poll_transmit()) {
    gatherer_.send(now, out->path.local, out->path.remote, out->message.bytes());
  }
  gatherer_.transmit();
}

Wakeup Conversation::poll_timeout() const {
  Wakeup next = earliest(gatherer_.poll_timeout(), agent_.poll_timeout());
  next = earliest(next, pings_.poll_timeout());
  next = earliest(next, {read_at_, "read the other's file"});
  next = earliest(next, {settled_at_, "begin to ping"});
  next = earliest(next, {give_up_at_, "give up"});
  return earliest(next, {end_at_, "end"});
}

}  // namespace connlib::interop
