#pragma once

#include <absl/time/time.h>

#include "connlib/base/random_source.h"
#include "connlib/base/timestamp.h"
#include "snownet/node/node_options.h"

namespace connlib::scenarios {

// NodeTap listens to one node of a world from before its beginning: a recorder, for one.
class NodeTap {
 public:
  virtual ~NodeTap() = default;

  // begin() is told what a node is about to be made of. It may put itself into `options` and gives
  // the randomness for the node, which must outlive it. Of several nodes it chooses.
  virtual RandomSource& begin(RandomSource& random, snownet::node::NodeOptions& options,
                              absl::Time date, Timestamp now) = 0;
};

}  // namespace connlib::scenarios
