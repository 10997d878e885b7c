#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace connlib::dns {

// DNS over HTTPS (RFC 8484 §4.1) as data: shells do the HTTP.

inline constexpr std::string_view kDohMediaType = "application/dns-message";

// is_doh_url(): https with a host, and without user, query and fragment (spec tunnel 3.12).
bool is_doh_url(std::string_view url);

// DohRequest is a GET with `Accept: application/dns-message`.
struct DohRequest {
  std::string url;
};

// make_doh_request() asks with id 0, so that caches on the way may answer (RFC 8484 §4.1); whoever
// takes the response restores the id. `query` is a message.
DohRequest make_doh_request(std::string_view server_url, std::span<const uint8_t> query);

// accepts_doh_response(): only status 200 with the right media type carries a message.
bool accepts_doh_response(int status, std::string_view content_type);

}  // namespace connlib::dns
