#pragma once

#include <cstdint>
#include <string>

#include <absl/time/time.h>

#include "connlib/base/random_source.h"
#include "connlib/base/timestamp.h"
#include "shells/portal/api/http.h"
#include "shells/portal/api/rate_limit.h"
#include "shells/portal/store/store.h"

namespace connlib::portald {

// Moment is both clocks at once.
struct Moment {
  Timestamp now;
  absl::Time date;
};

// Call is one request on its way: what it asks for, by whom.
struct Call {
  Moment at;
  const HttpRequest& request;
  std::string id{};      // Of the object in the path.
  std::string author{};  // For the log of changes.
};

// Api answers /api/v1: the objects of a store, as openapi() describes them. Errors are RFC 9457
// problems with a stable "code".
class Api {
 public:
  Api(Store& store, RandomSource& random) : store_(store), random_(random) {}

  HttpResponse handle(const Moment& at, const HttpRequest& request);

  Store& store() { return store_; }
  RandomSource& random() { return random_; }
  uint64_t requests() const { return requests_; }
  uint64_t refused() const { return refused_; }  // For a missing or wrong token or password.

 private:
  HttpResponse route(const Moment& at, const HttpRequest& request);
  HttpResponse authorize(Call& call);  // 200 when the token may.

  Store& store_;
  RandomSource& random_;
  RateLimit by_token_{100, 20ms};
  RateLimit by_source_{100, 20ms};
  RateLimit sign_ins_{5, 12s};
  uint64_t requests_ = 0;
  uint64_t refused_ = 0;
};

// openapi() is the OpenAPI 3.1 document of the routes.
const Json& openapi();

}  // namespace connlib::portald
