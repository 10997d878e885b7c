#pragma once

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>

#include <absl/status/statusor.h>

#include "shells/common/event_loop.h"
#include "shells/wg/uapi.h"
#include "shells/wg/uapi_session.h"

namespace connlib::wg {

// UapiServer serves the configuration socket of one interface, a UNIX stream socket that only its
// owner may open (mode 0600 in a directory of mode 0700). Clients beyond a limit wait in the
// backlog.
class UapiServer {
 public:
  static constexpr size_t kMaxClients = 32;

  // Appends the whole answer to `request`, result line included.
  using Handler = std::function<void(const UapiRequest& request, std::string& answer)>;

  struct Options {
    std::string path;
    Handler handler;
    std::function<void()> on_removed;  // Somebody deleted the socket file: an order to stop.
  };

  // open() listens. A stale socket file is replaced; AlreadyExists when a living process serves it.
  // `loop` must outlive the server.
  static absl::StatusOr<std::unique_ptr<UapiServer>> open(shells::EventLoop& loop, Options options);
  UapiServer(const UapiServer&) = delete;
  UapiServer& operator=(const UapiServer&) = delete;
  ~UapiServer();

  size_t client_count() const { return clients_.size(); }

 private:
  struct Client {
    explicit Client(int descriptor) : fd(descriptor) {}
    ~Client();
    int fd;
    UapiSession session;
    std::optional<shells::EventLoop::Watch> watch;
    bool has_ended = false;  // The client will send no more; answers still go out.
  };
  using ClientList = std::list<Client>;

  UapiServer(shells::EventLoop& loop, Options options);
  absl::Status listen();
  absl::Status watch_file();
  bool owns_file() const;
  void accept_clients();
  void serve(ClientList::iterator client);
  bool serve_until_idle(Client& client);
  static bool write_answers(Client& client);
  static bool read_text(Client& client, bool& has_read);

  shells::EventLoop* loop_;
  Options options_;
  int fd_ = -1;
  int inotify_fd_ = -1;
  uint64_t inode_ = 0;  // Of our socket file.
  std::optional<shells::EventLoop::Watch> watch_;
  std::optional<shells::EventLoop::Watch> file_watch_;
  ClientList clients_;
};

}  // namespace connlib::wg
