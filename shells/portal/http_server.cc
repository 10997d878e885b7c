#include "shells/portal/http_server.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <system_error>
#include <utility>

#include <absl/strings/match.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_split.h>
#include <fmt/format.h>
#include <libwebsockets.h>
#include <sys/socket.h>
#include <unistd.h>

#include "shells/linux/socket_address.h"

namespace connlib::portald {
namespace {

constexpr size_t kMaxHeaders = 8192;
constexpr size_t kMaxHeader = 1024;
constexpr size_t kMaxArguments = 16;
// A connection holds one from the first moment on: fewer, and silent ones would keep others out.
constexpr size_t kHeaderPool = kMaxConnections;
constexpr size_t kWriteChunk = 16U << 10U;

// libwebsockets gives its signal handler no pointer of ours; there is one server in a process.
lws_context* running = nullptr;

// Exchange is one request and its answer.
struct Exchange {
  HttpRequest request;
  HttpResponse response;
  bool is_answered = false;
  bool is_last = false;  // What follows on the connection cannot be told from a body.
  size_t written = 0;
};

// libwebsockets allocates and zeroes it, once per connection.
struct Slot {
  Exchange* exchange;
};

void reset(Slot* slot) {
  if (slot == nullptr) return;
  delete slot->exchange;
  slot->exchange = nullptr;
}

std::string header(lws* wsi, lws_token_indexes token) {
  std::array<char, kMaxHeader> text{};
  const int length = lws_hdr_copy(wsi, text.data(), static_cast<int>(text.size()), token);
  return length <= 0 ? std::string() : std::string(text.data(), static_cast<size_t>(length));
}

const char* method_name(int method) {
  switch (method) {
    case LWSHUMETH_GET:
    case LWSHUMETH_HEAD:
      return "GET";
    case LWSHUMETH_POST:
      return "POST";
    case LWSHUMETH_PUT:
      return "PUT";
    case LWSHUMETH_PATCH:
      return "PATCH";
    case LWSHUMETH_DELETE:
      return "DELETE";
    default:
      return "OTHER";
  }
}

// Who asks: a proxy on this host says it for others. Its last word is its own.
std::string source_of(lws* wsi) {
  std::array<char, 64> peer{};
  lws_get_peer_simple(wsi, peer.data(), peer.size());
  std::string out = peer.data();
  const auto address = IpAddress::parse(out);
  if (!address || !address->unmapped().is_loopback()) return out;
  const std::string forwarded = header(wsi, WSI_TOKEN_X_FORWARDED_FOR);
  const std::vector<std::string> hops = absl::StrSplit(forwarded, ", ");
  return IpAddress::parse(hops.back()) ? hops.back() : out;
}

HttpRequest read_request(lws* wsi) {
  HttpRequest out;
  char* path = nullptr;
  int length = 0;
  out.method = method_name(lws_http_get_uri_and_method(wsi, &path, &length));
  if (path != nullptr && length > 0) out.path = std::string(path, static_cast<size_t>(length));
  std::array<char, kMaxHeader> text{};
  for (size_t i = 0; i < kMaxArguments; ++i) {
    const int size = lws_hdr_copy_fragment(wsi, text.data(), static_cast<int>(text.size()),
                                           WSI_TOKEN_HTTP_URI_ARGS, static_cast<int>(i));
    if (size <= 0) break;
    const std::vector<std::string> parts = absl::StrSplit(
        std::string(text.data(), static_cast<size_t>(size)), absl::MaxSplits('=', 1));
    out.query[parts[0]] = parts.size() > 1 ? parts[1] : "";
  }
  const std::string authorization = header(wsi, WSI_TOKEN_HTTP_AUTHORIZATION);
  constexpr std::string_view kBearer = "bearer ";
  if (absl::StartsWithIgnoreCase(authorization, {kBearer.data(), kBearer.size()})) {
    out.bearer = authorization.substr(kBearer.size());
  }
  out.source = source_of(wsi);
  return out;
}

bool add_header(lws* wsi, const char* name, const std::string& value, uint8_t** at, uint8_t* end) {
  return lws_add_http_header_by_name(wsi, reinterpret_cast<const uint8_t*>(name),
                                     reinterpret_cast<const uint8_t*>(value.data()),
                                     static_cast<int>(value.size()), at, end) == 0;
}

int finish(lws* wsi, Slot* slot) {
  const bool is_last = slot->exchange->is_last;
  reset(slot);
  return lws_http_transaction_completed(wsi) != 0 || is_last ? -1 : 0;
}

// Sends the headers; the body follows when the socket takes it. A negative result ends the
// connection, as libwebsockets has it.
int send_headers(lws* wsi, Slot* slot) {
  Exchange& exchange = *slot->exchange;
  exchange.is_answered = true;
  std::array<uint8_t, LWS_PRE + 4096> buffer{};
  uint8_t* const begin = buffer.data() + LWS_PRE;
  uint8_t* const end = buffer.data() + buffer.size() - 1;
  uint8_t* at = begin;
  const HttpResponse& response = exchange.response;
  const char* type = response.content_type.empty() ? nullptr : response.content_type.c_str();
  if (lws_add_http_common_headers(wsi, response.status, type, response.body.size(), &at, end) !=
      0) {
    return -1;
  }
  for (const auto& [name, value] : response.headers) {
    if (!add_header(wsi, (name + ":").c_str(), value, &at, end)) return -1;
  }
  for (const auto& [name, value] :
       {std::pair{"x-content-type-options:", "nosniff"},
        {"cache-control:", "no-store"},
        {"content-security-policy:", "default-src 'none'; frame-ancestors 'none'"}}) {
    if (!add_header(wsi, name, value, &at, end)) return -1;
  }
  if (lws_finalize_write_http_header(wsi, begin, &at, end) != 0) return -1;
  if (response.body.empty()) return finish(wsi, slot);
  lws_callback_on_writable(wsi);
  return 0;
}

int answer(lws* wsi, Slot* slot) {
  auto* server = static_cast<HttpServer*>(lws_context_user(lws_get_context(wsi)));
  slot->exchange->response = server->handler()(slot->exchange->request);
  return send_headers(wsi, slot);
}

int refuse(lws* wsi, Slot* slot, unsigned status) {
  slot->exchange->response = {.status = status, .content_type = "text/plain", .body = "refused\n"};
  slot->exchange->is_last = true;
  return send_headers(wsi, slot);
}

int on_request(lws* wsi, Slot* slot) {
  reset(slot);
  slot->exchange = new Exchange;
  slot->exchange->request = read_request(wsi);
  const std::string& method = slot->exchange->request.method;
  const bool may_have_body = method == "POST" || method == "PUT" || method == "PATCH";
  const std::string text = header(wsi, WSI_TOKEN_HTTP_CONTENT_LENGTH);
  uint64_t length = 0;
  if (!text.empty() && !absl::SimpleAtoi(text, &length)) return refuse(wsi, slot, 400);
  if (!may_have_body && length == 0) return answer(wsi, slot);
  if (text.empty()) return refuse(wsi, slot, 411);  // Bodies in chunks included.
  if (length > kMaxBody || !may_have_body) return refuse(wsi, slot, 413);
  return length == 0 ? answer(wsi, slot) : 0;
}

int on_body(Slot* slot, const void* data, size_t size) {
  Exchange* exchange = slot->exchange;
  if (exchange == nullptr || exchange->is_answered) return 0;
  if (exchange->request.body.size() + size > kMaxBody) return -1;
  exchange->request.body.append(static_cast<const char*>(data), size);
  return 0;
}

int on_writable(lws* wsi, Slot* slot) {
  Exchange* exchange = slot->exchange;
  if (exchange == nullptr || !exchange->is_answered) return 0;
  const std::string& body = exchange->response.body;
  const size_t size = std::min(kWriteChunk, body.size() - exchange->written);
  std::array<uint8_t, LWS_PRE + kWriteChunk> buffer{};
  std::copy_n(body.data() + exchange->written, size, buffer.data() + LWS_PRE);
  exchange->written += size;
  const bool is_all = exchange->written == body.size();
  const auto kind = is_all ? LWS_WRITE_HTTP_FINAL : LWS_WRITE_HTTP;
  if (lws_write(wsi, buffer.data() + LWS_PRE, size, kind) < static_cast<int>(size)) return -1;
  if (is_all) return finish(wsi, slot);
  lws_callback_on_writable(wsi);
  return 0;
}

int on_event(lws* wsi, lws_callback_reasons reason, void* user, void* data, size_t size) {
  auto* slot = static_cast<Slot*>(user);
  switch (reason) {
    case LWS_CALLBACK_HTTP:
      return on_request(wsi, slot);
    case LWS_CALLBACK_HTTP_BODY:
      return on_body(slot, data, size);
    case LWS_CALLBACK_HTTP_BODY_COMPLETION:
      if (slot->exchange == nullptr || slot->exchange->is_answered) return 0;
      return answer(wsi, slot);
    case LWS_CALLBACK_HTTP_WRITEABLE:
      return on_writable(wsi, slot);
    case LWS_CALLBACK_CLOSED_HTTP:
    case LWS_CALLBACK_HTTP_DROP_PROTOCOL:
      reset(slot);
      return 0;
    default:
      return lws_callback_http_dummy(wsi, reason, user, data, size);
  }
}

const std::array kProtocols{lws_protocols{"http", &on_event, sizeof(Slot), 0, 0, nullptr, 0},
                            lws_protocols{nullptr, nullptr, 0, 0, 0, nullptr, 0}};

void on_signal(void* /*handle*/, int /*signal*/) { lws_context_destroy(running); }

// libwebsockets does not say why it cannot listen.
absl::Status try_to_bind(const SocketAddress& address) {
  sockaddr_storage native{};
  const socklen_t length = shells::to_native(address, native);
  const int fd = socket(native.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  const bool is_bound = fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
                        bind(fd, reinterpret_cast<const sockaddr*>(&native), length) == 0 &&
                        listen(fd, 1) == 0;
  const int error = errno;
  if (fd >= 0) close(fd);
  if (is_bound) return absl::OkStatus();
  return absl::AlreadyExistsError(
      fmt::format("--listen {}: {}", to_text(address), std::generic_category().message(error)));
}

}  // namespace

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::open(const Options& options,
                                                             Handler handler) {
  for (const std::string& file : {options.certificate, options.key}) {
    if (!file.empty() && access(file.c_str(), R_OK) != 0) {
      return absl::InvalidArgumentError(fmt::format("{} cannot be read", file));
    }
  }
  if (absl::Status status = try_to_bind(options.address); !status.ok()) return status;
  std::unique_ptr<HttpServer> out(new HttpServer(std::move(handler)));
  lws_set_log_level(LLL_ERR, nullptr);
  lws_context_creation_info info{};
  const std::string interface = to_text(options.address.ip);
  info.port = options.address.port;
  if (!options.address.ip.is_unspecified()) info.iface = interface.c_str();
  info.protocols = kProtocols.data();
  info.user = out.get();
  info.gid = -1;  // As we are.
  info.uid = -1;
  info.options = LWS_SERVER_OPTION_LIBUV;
  if (options.address.ip.is_v4()) info.options |= LWS_SERVER_OPTION_DISABLE_IPV6;
  info.signal_cb = &on_signal;
  info.alpn = "http/1.1";
  info.timeout_secs = kSilenceSeconds;
  info.timeout_secs_ah_idle = kSilenceSeconds;
  info.keepalive_timeout = 30;
  info.max_http_header_data2 = kMaxHeaders;
  info.max_http_header_pool2 = kHeaderPool;
  info.fd_limit_per_thread = kMaxConnections;
  if (!options.certificate.empty()) {
    info.options |= LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
    info.ssl_cert_filepath = options.certificate.c_str();
    info.ssl_private_key_filepath = options.key.c_str();
    info.ssl_options_set = SSL_OP_NO_TLSv1 | SSL_OP_NO_TLSv1_1;
  }
  out->context_ = lws_create_context(&info);
  if (out->context_ == nullptr) {
    return absl::InvalidArgumentError(fmt::format(
        "--listen {}: cannot be served; see the lines above", to_text(options.address)));
  }
  running = out->context_;
  return out;
}

void HttpServer::run() {
  while (lws_service(context_, 0) == 0) {
  }
}

HttpServer::~HttpServer() {
  if (context_ != nullptr) lws_context_destroy(context_);
  running = nullptr;
}

}  // namespace connlib::portald
