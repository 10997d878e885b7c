#pragma once

#include <algorithm>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/sim/machine.h"

namespace connlib::sim {

inline std::vector<uint8_t> bytes_of(std::string_view text) { return {text.begin(), text.end()}; }
inline std::string text_of(const Datagram& datagram) {
  return {datagram.bytes.begin(), datagram.bytes.end()};
}

// Outbox is a queue of datagrams with the truth about its wakeup.
class Outbox : public Machine {
 public:
  void handle_datagram(Timestamp now, Datagram& /*datagram*/) override { clamp(now); }
  void handle_timeout(Timestamp now) override { clamp(now); }
  std::optional<Datagram> poll_transmit() override {
    if (queue_.empty()) return std::nullopt;
    Datagram next = std::move(queue_.front());
    queue_.pop_front();
    return next;
  }
  Wakeup poll_timeout() const override {
    return queue_.empty() ? Wakeup::none() : Wakeup{last_now_, "queued output"};
  }

 protected:
  void clamp(Timestamp now) { last_now_ = std::max(last_now_, now); }
  void queue(Datagram datagram) { queue_.push_back(std::move(datagram)); }
  Timestamp last_now_;

 private:
  std::deque<Datagram> queue_;
};

// Mirror answers every datagram with the source address that it saw: what STUN is for.
class Mirror final : public Outbox {
 public:
  void handle_datagram(Timestamp now, Datagram& datagram) override {
    clamp(now);
    queue({datagram.destination, datagram.source, bytes_of(to_text(datagram.source)), {}});
  }
};

// Puppet sends what the test says and keeps what arrives.
class Puppet final : public Outbox {
 public:
  void send(uint16_t local_port, const SocketAddress& to, std::string_view text, Timestamp now,
            Ecn ecn = Ecn::kNotEct) {
    clamp(now);
    queue({{to.ip.is_v4() ? IpAddress(Ipv4Address{}) : IpAddress(Ipv6Address{}), local_port},
           to,
           bytes_of(text),
           ecn});
  }
  void handle_datagram(Timestamp now, Datagram& datagram) override {
    clamp(now);
    inbox.push_back({datagram.source, text_of(datagram), datagram.ecn, now});
  }
  void handle_message(Timestamp now, MachineId /*from*/, const std::string& text) override {
    messages.push_back(text);
    clamp(now);
  }

  struct Arrival {
    SocketAddress from;
    std::string text;
    Ecn ecn;
    Timestamp at;
  };
  std::vector<Arrival> inbox;
  std::vector<std::string> messages;
};

// Puncher is hole punching without ICE's finesse: it sends to the peer's candidate every 50 ms, and
// to whoever reached it. It is through when an answer to something of its own arrived.
class Puncher final : public Outbox {
 public:
  explicit Puncher(uint16_t port) : port_(port) {}

  void start(const SocketAddress& candidate, Timestamp now) {
    clamp(now);
    candidate_ = candidate;
    next_ = now;
  }
  void handle_datagram(Timestamp now, Datagram& datagram) override {
    clamp(now);
    if (text_of(datagram) == "knock") {
      send(datagram.source, "welcome");
      candidate_ = datagram.source;  // ICE calls it a triggered check.
    } else if (text_of(datagram) == "welcome") {
      is_through = true;
    } else {
      mapped = SocketAddress::parse(text_of(datagram));
    }
  }
  void handle_timeout(Timestamp now) override {
    clamp(now);
    if (now < next_) return;
    send(*candidate_, "knock");
    next_ = now + 50ms;
  }
  Wakeup poll_timeout() const override {
    return earliest(Outbox::poll_timeout(), Wakeup{next_, "knock"});
  }
  void ask(const SocketAddress& mirror, Timestamp now) {
    clamp(now);
    send(mirror, "?");
  }

  bool is_through = false;
  std::optional<SocketAddress> mapped;

 private:
  void send(const SocketAddress& to, std::string_view text) {
    const IpAddress any = to.ip.is_v4() ? IpAddress(Ipv4Address{}) : IpAddress(Ipv6Address{});
    queue({{any, port_}, to, bytes_of(text), {}});
  }
  uint16_t port_;
  std::optional<SocketAddress> candidate_;
  Timestamp next_ = Timestamp::never();
};

}  // namespace connlib::sim
