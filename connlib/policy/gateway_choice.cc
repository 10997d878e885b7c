#include "connlib/policy/gateway_choice.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

namespace connlib::policy {

std::optional<Version> Version::parse(std::string_view text) {
  text = text.substr(0, text.find_first_of("-+"));
  Version out;
  uint32_t* const numbers[] = {&out.major_number, &out.minor_number, &out.patch_number};
  const char* at = text.data();
  const char* const end = at + text.size();
  for (uint32_t* number : numbers) {
    if (number != numbers[0]) {
      if (at == end || *at != '.') return std::nullopt;
      ++at;
    }
    const auto [rest, error] = std::from_chars(at, end, *number);
    if (error != std::errc()) return std::nullopt;
    at = rest;
  }
  return at == end ? std::optional(out) : std::nullopt;
}

std::string to_text(const Version& version) {
  return fmt::format("{}.{}.{}", version.major_number, version.minor_number, version.patch_number);
}

bool are_compatible(const std::optional<Version>& client, const std::optional<Version>& gateway) {
  if (!client) return true;
  if (!gateway || gateway->major_number != client->major_number) return false;
  const auto [lower, higher] = std::minmax(gateway->minor_number, client->minor_number);
  return higher - lower <= 1;
}

Choice choose_gateway(const std::vector<Candidate>& candidates, const ChoiceRequest& request,
                      RandomSource& random) {
  if (candidates.empty()) {
    return {Choice::Failure::kOffline, {}, "no gateway of the site is connected"};
  }
  std::vector<const Candidate*> usable;
  for (const Candidate& candidate : candidates) {
    const bool is_able =
        !request.is_internet || (candidate.version && *candidate.version >= kInternetSince);
    if (is_able && are_compatible(request.client, candidate.version)) usable.push_back(&candidate);
  }
  if (usable.empty()) {
    return {Choice::Failure::kVersionMismatch,
            {},
            fmt::format("none of {} connected gateways fits {}", candidates.size(),
                        request.client ? "version " + to_text(*request.client) : "the resource")};
  }
  const auto known = std::stable_partition(
      usable.begin(), usable.end(),
      [&](const Candidate* candidate) { return request.preferred.contains(candidate->id); });
  const bool is_known = known != usable.begin();
  if (is_known) usable.erase(known, usable.end());
  const Candidate& chosen = *usable[random.below(usable.size())];
  return {Choice::Failure::kNone, chosen.id,
          fmt::format("gateway \"{}\", one of {} that {}", chosen.id.value(), usable.size(),
                      is_known ? "the client knows" : "fit")};
}

}  // namespace connlib::policy
