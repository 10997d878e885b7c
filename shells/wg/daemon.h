#pragma once

#include "shells/wg/exit_code.h"

namespace connlib::wg {

// Daemon splits the process in two: the starter waits until the other half reports that the
// interface serves, or why it does not, and exits with that; the other half lives on detached. Must
// be made before threads, loops and sockets exist.
class Daemon {
 public:
  // start() returns in the half that lives on. In the starter it does not return. False when the
  // machine cannot fork.
  bool start();

  // report() releases the starter with `code`. On success this half also lets go of the terminal.
  void report(ExitCode code);

 private:
  int pipe_ = -1;
};

}  // namespace connlib::wg
