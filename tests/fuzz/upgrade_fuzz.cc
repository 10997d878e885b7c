// Any bytes as the target, User-Agent and X-Authorization of an upgrade; the three are separated by
// line feeds. What is accepted keeps its limits.
#include <algorithm>
#include <cstdint>
#include <string_view>

#include "connlib/base/check.h"
#include "connlib/portal/server/form_parameters.h"
#include "connlib/portal/server/upgrade_request.h"

namespace connlib::portal::server {
namespace {

std::string_view next_line(std::string_view& text) {
  const std::string_view line = text.substr(0, text.find('\n'));
  text.remove_prefix(std::min(line.size() + 1, text.size()));
  return line;
}

bool is_short(std::string_view text) {
  return count_characters(text).value_or(kMaxTextCharacters + 1) <= kMaxTextCharacters;
}

void run(std::string_view text) {
  const std::string_view target = next_line(text);
  const std::string_view agent = next_line(text);
  const auto parsed = parse_upgrade_request({target, agent, text});
  if (const auto* refusal = std::get_if<UpgradeRefusal>(&parsed)) {
    CONNLIB_CHECK(to_response(*refusal).status >= 400);
    return;
  }
  const auto& request = std::get<UpgradeRequest>(parsed);
  CONNLIB_CHECK(!request.token.empty() && request.token.reveal().size() <= kMaxTokenBytes);
  CONNLIB_CHECK(is_short(request.external_id) && is_short(request.name));
  if (request.role == Role::kRelay) {
    CONNLIB_CHECK(request.address.ipv4 || request.address.ipv6);
    CONNLIB_CHECK(request.address.port != 0);
  } else {
    CONNLIB_CHECK(!request.external_id.empty() && !request.name.empty());
  }
  CONNLIB_CHECK(request.role != Role::kClient || request.agent.version.has_value());
}

}  // namespace
}  // namespace connlib::portal::server

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  connlib::portal::server::run({reinterpret_cast<const char*>(data), size});
  return 0;
}
