#pragma once

#include <string>

#include "shells/common/log.h"
#include "shells/relay/http_page.h"
#include "shells/relay/process.h"

namespace connlib::relay {

inline constexpr const char* kControlEndpoint = "/run/connlib/relay.sock";
inline constexpr const char* kControlGroup = "connlib";
inline constexpr unsigned kControlMode = 0660;  // Whoever may open the file may drain the relay.

// control_page() is what the control socket answers:
//
//   GET  /status                    what the relay is and does
//   POST /drain?seconds=N           no new allocations; ends when none is left, or after N seconds
//   POST /log_filter?directives=…   as --log
//
// Each is JSON with "schema": 1, and an "error" where it was refused.
HttpPage control_page(Process& process, shells::LogTracer& tracer, const HttpRequest& request);

// status_json() is what /status says: members are only added.
std::string status_json(const Process& process, Timestamp now);

}  // namespace connlib::relay
