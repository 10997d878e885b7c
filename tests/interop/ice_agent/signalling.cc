#include "tests/interop/ice_agent/signalling.h"

#include <cstdio>
#include <fstream>
#include <string_view>
#include <utility>

namespace connlib::interop {
namespace {

using snownet::ice::Credentials;

// value_of() is what follows `name` in `line`; nullopt when the line is about something else.
std::optional<std::string> value_of(const std::string& line, std::string_view name) {
  if (!line.starts_with(name)) return std::nullopt;
  return line.substr(name.size());
}

}  // namespace

bool write_offer(const std::string& path, const Credentials& credentials,
                 std::span<const snownet::ice::Candidate> candidates) {
  const std::string temporary = path + ".tmp";
  {
    std::ofstream out(temporary);
    out << "ice-ufrag:" << credentials.ufrag() << "\nice-pwd:" << credentials.password() << '\n';
    for (const auto& candidate : candidates) {
      out << snownet::ice::to_text(candidate, credentials.ufrag()) << '\n';
    }
    out << "end-of-candidates\n";
    if (!out.flush()) return false;
  }
  return std::rename(temporary.c_str(), path.c_str()) == 0;
}

std::optional<Offer> read_offer(const std::string& path) {
  std::ifstream in(path);
  if (!in) return std::nullopt;
  std::string ufrag;
  std::string password;
  std::vector<snownet::ice::SignalledCandidate> candidates;
  for (std::string line; std::getline(in, line);) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (auto value = value_of(line, "ice-ufrag:")) {
      ufrag = *std::move(value);
    } else if (auto secret = value_of(line, "ice-pwd:")) {
      password = *std::move(secret);
    } else if (auto candidate = snownet::ice::parse_candidate(line)) {
      candidates.push_back(*std::move(candidate));
    }
  }
  auto credentials = Credentials::of(ufrag, password);
  if (!credentials) return std::nullopt;
  return Offer{*std::move(credentials), std::move(candidates)};
}

}  // namespace connlib::interop
