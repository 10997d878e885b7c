#include "connlib/portal/server/peer_agent.h"

#include <algorithm>
#include <array>

namespace connlib::portal::server {
namespace {

constexpr std::array<std::string_view, 7> kComponents = {
    "headless-client", "gui-client", "apple-client", "android-client",
    "gateway",         "relay",      "connlib"};

// Takes the next word, separated by spaces, off `text`.
std::string_view next_word(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  const std::string_view word = text.substr(0, text.find(' '));
  text.remove_prefix(word.size());
  return word;
}

}  // namespace

PeerAgent parse_peer_agent(std::string_view user_agent) {
  PeerAgent out;
  bool is_first = true;
  for (auto word = next_word(user_agent); !word.empty(); word = next_word(user_agent)) {
    const size_t slash = word.find('/');
    const std::string_view name = word.substr(0, slash);
    const std::string_view version =
        slash == std::string_view::npos ? std::string_view() : word.substr(slash + 1);
    const bool is_component =
        slash != std::string_view::npos &&
        std::find(kComponents.begin(), kComponents.end(), name) != kComponents.end();
    if (is_component) {
      out.component = name;
      out.version_text = version;
      out.version = policy::Version::parse(version);
      return out;
    }
    if (is_first) {
      out.os = name;
      out.os_version = version;
    }
    is_first = false;
  }
  return out;
}

}  // namespace connlib::portal::server
