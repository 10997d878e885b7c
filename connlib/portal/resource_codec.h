#pragma once

#include <optional>
#include <vector>

#include "connlib/portal/client_resource.h"
#include "connlib/portal/fields.h"
#include "connlib/portal/json_writer.h"

// How resources look in JSON (spec portal-protocol 2.3 to 2.6). Private to the codecs.
namespace connlib::portal {

// One filter that is not understood fails its object: without it the list would permit less, or,
// if it was the only one, everything.
std::vector<Filter> read_filters(Fields& in, Fields::Presence presence);
void write_filters(JsonWriter& out, const std::vector<Filter>& filters);

// The client's view: all kinds, with sites.
std::optional<ClientResource> read_client_resource(Fields in);
void write_client_resource(JsonWriter& out, const ClientResource& resource);

// The gateway's view: what is routed, without sites.
std::optional<Resource> read_gateway_resource(Fields in);
void write_gateway_resource(JsonWriter& out, const Resource& resource);

}  // namespace connlib::portal
