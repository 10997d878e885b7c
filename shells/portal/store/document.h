#pragma once

#include <string>

#include <absl/status/statusor.h>

#include "connlib/model/resource.h"
#include "shells/portal/store/json.h"
#include "shells/portal/store/kinds.h"
#include "shells/portal/store/problem.h"

namespace connlib::portald {

// check_members() is whether `document` has only members of the kind, of their types, and with
// `is_whole` all that are required.
Refusal check_members(const Kind& kind, const Json& document, bool is_whole);

// check_meaning() is what types cannot say of a whole object: addresses, conditions, what goes
// together.
Refusal check_meaning(const Kind& kind, const Json& document);

// complete() adds the members that are not given, and puts all in the order of the kind.
Json complete(const Kind& kind, const Json& document);

// The address of a whole object of kind "resource".
absl::StatusOr<ResourceAddress> resource_address(const Json& resource);

// A URL that peers can be sent to: http or https, ws or wss, with a host.
absl::Status check_url(const std::string& url);

}  // namespace connlib::portald
