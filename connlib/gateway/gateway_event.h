#pragma once

#include <string>
#include <variant>

#include "connlib/flow/flow_record.h"
#include "connlib/gateway/resolutions.h"
#include "connlib/model/public_key.h"
#include "connlib/portal/from_gateway.h"
#include "connlib/portal/interface_config.h"

namespace connlib::gateway {

// Something to tell the portal.
struct ToPortal {
  portal::FromGateway message;
  friend bool operator==(const ToPortal&, const ToPortal&) = default;
};

// A name to resolve: A and AAAA, independently. GatewayState::handle_resolution() takes the answer.
struct ResolveName {
  ResolutionId id;
  std::string domain;
  friend bool operator==(const ResolveName&, const ResolveName&) = default;
};

// The tunnel's interface has these addresses from now on.
struct InterfaceChanged {
  portal::TunnelAddresses addresses;
  friend bool operator==(const InterfaceChanged&, const InterfaceChanged&) = default;
};

// A change of network changed our key; the portal must hear of it with the next connection.
struct KeyChanged {
  PublicKey key;
  friend bool operator==(const KeyChanged&, const KeyChanged&) = default;
};

// A flow::FlowBatch is records to keep and upload.
using GatewayEvent =
    std::variant<ToPortal, ResolveName, InterfaceChanged, KeyChanged, flow::FlowBatch>;

}  // namespace connlib::gateway
