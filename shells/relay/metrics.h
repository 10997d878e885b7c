#pragma once

#include <string>

#include "shells/relay/process.h"

namespace connlib::relay {

// metrics_text() is what /metrics answers: the process's counters in Prometheus' text format.
std::string metrics_text(const Process& process);

}  // namespace connlib::relay
