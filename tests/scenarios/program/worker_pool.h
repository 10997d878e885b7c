#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include <absl/functional/function_ref.h>

namespace connlib::scenarios {

// WorkerPool runs jobs 0 to `jobs` − 1 in processes of their own, so that one that aborts is named
// and the others go on. `run` gives one line of text; `done` gets it in the order of the jobs, or
// nullopt for a job whose process died.
void run_in_workers(size_t jobs, size_t workers, absl::FunctionRef<std::string(size_t)> run,
                    absl::FunctionRef<void(size_t, const std::optional<std::string>&)> done);

}  // namespace connlib::scenarios
