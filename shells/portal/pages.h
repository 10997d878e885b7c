#pragma once

#include "shells/portal/api/api.h"

namespace connlib::portald {

// page() answers all that the process serves: /api/v1, and for those who watch it /healthz, /readyz
// and /metrics.
HttpResponse page(Api& api, const Moment& at, const HttpRequest& request);

}  // namespace connlib::portald
