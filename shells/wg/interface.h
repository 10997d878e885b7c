#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include <absl/status/statusor.h>

#include "shells/common/event_loop.h"
#include "shells/linux/tun_device.h"
#include "shells/wg/engine.h"
#include "shells/wg/link_watch.h"
#include "shells/wg/udp_pair.h"

namespace connlib::wg {

struct InterfaceOptions {
  std::string name;
  uint16_t listen_port = 0;  // 0: any.
  uint32_t fwmark = 0;       // 0: none.
  int mtu = 1420;
};

// Interface is a WireGuard interface of this machine: an Engine between a TUN device and UDP
// sockets, in batches, on one event loop. When the network does not take more, reading from the TUN
// pauses.
class Interface {
 public:
  // What create() may fail at; each has an exit code of its own.
  enum class Stage : uint8_t { kTun, kUdp, kLinkWatch };
  struct Failure {
    Stage stage;
    absl::Status status;
  };

  // `loop`, `random` and `tracer` must outlive the interface; `on_gone` runs once the TUN device
  // was deleted under us. Null, with `failure` filled, when it cannot be made.
  static std::unique_ptr<Interface> create(const InterfaceOptions& options, shells::EventLoop& loop,
                                           std::function<void()> on_gone, RandomSource& random,
                                           Tracer& tracer, Failure& failure);

  // answer() serves one request of the UAPI.
  void answer(const UapiRequest& request, std::string& out);

  // pump() sends what is due and arms the loop's timer. To be run before the loop waits.
  void pump();

  // log_counters() writes what was dropped and lost, at debug level.
  void log_counters();

  uint16_t port() const { return udp_->port(); }
  const std::string& name() const { return tun_->name(); }

 private:
  struct Unfinished {  // A super-packet of which the network took only a part. Borrows from tun_.
    SuperPacket packet;
    size_t next_segment = 0;
  };

  Interface(shells::EventLoop& loop, std::function<void()> on_gone, RandomSource& random,
            Tracer& tracer, const InterfaceOptions& options);
  void watch_sockets();
  void update_watches();

  void handle_tun();
  bool send_packet(Timestamp now, const SuperPacket& packet, size_t first);
  void handle_udp(shells::UdpSocket& socket);
  void write_group(const Coalescer::Group& group);
  void write_split(const Coalescer::Group& group);
  void handle_link_change();
  void handle_gone();

  bool flush();
  int set_port(uint16_t port);
  int set_fwmark(uint32_t fwmark);

  shells::EventLoop* loop_;
  std::function<void()> on_gone_;
  Tracer* tracer_;
  Engine engine_;
  uint32_t fwmark_;
  std::unique_ptr<shells::TunDevice> tun_;
  std::unique_ptr<UdpPair> udp_;
  std::unique_ptr<LinkWatch> link_watch_;
  std::optional<shells::EventLoop::Watch> tun_watch_;
  std::optional<shells::EventLoop::Watch> v4_watch_;
  std::optional<shells::EventLoop::Watch> v6_watch_;
  std::optional<Unfinished> unfinished_;
  bool is_blocked_ = false;  // A socket is full; the TUN waits.
  bool is_gone_ = false;
  Timestamp armed_ = Timestamp::never();
  uint64_t malformed_ = 0;  // From the TUN.
};

}  // namespace connlib::wg
