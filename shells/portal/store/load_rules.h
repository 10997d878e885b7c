#pragma once

#include <absl/status/statusor.h>
#include <absl/time/time.h>

#include "connlib/policy/directory.h"
#include "connlib/policy/zone.h"
#include "shells/portal/store/store.h"

namespace connlib::portald {

// Rules is what connlib/policy decides by: the objects of the store as its nouns, and the time
// zones that they name.
struct Rules {
  policy::Directory directory;
  policy::Zones zones;
};

// load_rules() reads them all, as of one moment. An object that this version cannot read is an
// error: to leave out a condition would be to grant more than was meant.
absl::StatusOr<Rules> load_rules(Store& store, absl::Time now);

// read_zone() is a zone of this machine, with its changes from a year before `now` to ten years
// after. NotFound when the machine does not know it.
absl::StatusOr<policy::Zone> read_zone(const std::string& name, absl::Time now);

}  // namespace connlib::portald
