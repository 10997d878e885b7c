#include <cstddef>
#include <cstring>

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "shells/common/log.h"
#include "shells/common/os_clock.h"
#include "shells/portal/command.h"
#include "shells/portal/http_server.h"
#include "shells/portal/pages.h"

namespace connlib::portald {
namespace {

// Tells systemd, if it waits for us (sd_notify(3)): a datagram to the socket that it named.
void notify(const Environment& environment, const std::string& state) {
  const auto found = environment.variables.find("NOTIFY_SOCKET");
  if (found == environment.variables.end() || found->second.empty()) return;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (found->second.size() >= sizeof address.sun_path) return;
  std::memcpy(address.sun_path, found->second.data(), found->second.size());
  if (address.sun_path[0] == '@') address.sun_path[0] = '\0';  // An abstract one.
  const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return;
  const auto length =
      static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + found->second.size());
  sendto(fd, state.data(), state.size(), MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&address),
         length);
  close(fd);
}

absl::StatusOr<HttpServer::Options> server_options(const ServeOptions& options) {
  const auto address = SocketAddress::parse(options.listen);
  if (!address) {
    return absl::InvalidArgumentError(fmt::format("--listen {}: not IP:PORT", options.listen));
  }
  if (options.certificate.empty() != options.key.empty()) {
    return absl::InvalidArgumentError("--tls-certificate and --tls-key go together");
  }
  if (options.certificate.empty() && !address->ip.is_loopback()) {
    return absl::InvalidArgumentError(fmt::format(
        "--listen {}: tokens would be sent in the clear. Give --tls-certificate and --tls-key, or "
        "listen on 127.0.0.1 behind a proxy that has them",
        options.listen));
  }
  return HttpServer::Options{
      .address = *address, .certificate = options.certificate, .key = options.key};
}

}  // namespace

ExitCode run_serve(Environment& environment, const std::string& db, const ServeOptions& options) {
  const auto checked = server_options(options);
  if (!checked.ok()) {
    return environment.fail(ExitCode::kUsage, std::string(checked.status().message()));
  }
  auto filter = shells::LogFilter::parse(options.log);
  if (!filter.ok()) {
    return environment.fail(ExitCode::kUsage, std::string(filter.status().message()));
  }
  auto store = Store::open(db, environment.now);
  if (!store.ok()) return environment.fail(store.status());
  shells::LogTracer tracer(*std::move(filter));
  Api api(*store, environment.random);
  auto server = HttpServer::open(*checked, [&api](const HttpRequest& request) {
    return page(api, {shells::OsClock::now(), shells::OsClock::date()}, request);
  });
  if (!server.ok()) {
    const bool is_taken = absl::IsAlreadyExists(server.status());
    return environment.fail(is_taken ? ExitCode::kAddressTaken : ExitCode::kUsage,
                            std::string(server.status().message()));
  }
  if (const auto& backup = store->migrated().backup) {
    tracer.trace(TraceLevel::kInfo, "portal", "schema brought up to date", {{"copy", *backup}});
  }
  tracer.trace(TraceLevel::kInfo, "portal", "portal serves",
               {{"listen", options.listen}, {"store", db}});
  notify(environment, "READY=1");
  (*server)->run();
  notify(environment, "STOPPING=1");
  tracer.trace(TraceLevel::kInfo, "portal", "portal stops", {{"requests", api.requests()}});
  return ExitCode::kDone;
}

}  // namespace connlib::portald
