// One process per worker, one pipe from each. Worker w of n has the jobs w, w + n, w + 2n, …; it
// writes one line per job. When it dies, the job after its last line is the one that killed it.
#include "tests/scenarios/program/worker_pool.h"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string_view>
#include <vector>

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

namespace connlib::scenarios {
namespace {

struct Worker {
  pid_t process = -1;
  int pipe = -1;
  size_t next_job = 0;  // The one that its next line is about.
  std::string unread;
};

[[noreturn]] void die(const char* what) {
  std::perror(what);
  std::exit(2);  // NOLINT(concurrency-mt-unsafe): one thread.
}

void write_all(int file, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = write(file, text.data(), text.size());
    if (written < 0) _exit(2);
    text.remove_prefix(static_cast<size_t>(written));
  }
}

class Pool {
 public:
  Pool(size_t jobs, size_t workers, absl::FunctionRef<std::string(size_t)> run,
       absl::FunctionRef<void(size_t, const std::optional<std::string>&)> done)
      : jobs_(jobs), run_(run), done_(done), workers_(workers) {
    for (size_t i = 0; i < workers; ++i) workers_[i].next_job = i;
    for (Worker& worker : workers_) start(worker);
  }

  void wait() {
    while (next_told_ < jobs_) {
      std::vector<pollfd> files;
      for (const Worker& worker : workers_) files.push_back({worker.pipe, POLLIN, 0});
      if (poll(files.data(), files.size(), -1) < 0) die("poll");
      for (size_t i = 0; i < files.size(); ++i) {
        if (files[i].revents != 0) read_from(workers_[i]);
      }
    }
    for (Worker& worker : workers_) reap(worker);
  }

 private:
  void start(Worker& worker) {
    if (worker.next_job >= jobs_) return;
    std::array<int, 2> ends{};
    if (pipe(ends.data()) != 0) die("pipe");
    std::fflush(nullptr);  // Or the child would say it again.
    worker.process = fork();
    if (worker.process < 0) die("fork");
    if (worker.process == 0) {
      close(ends[0]);
      for (size_t job = worker.next_job; job < jobs_; job += workers_.size()) {
        write_all(ends[1], run_(job) + "\n");
      }
      _exit(0);
    }
    close(ends[1]);
    worker.pipe = ends[0];
  }

  void reap(Worker& worker) {
    if (worker.pipe < 0) return;
    close(worker.pipe);
    worker.pipe = -1;
    waitpid(worker.process, nullptr, 0);
  }

  void read_from(Worker& worker) {
    std::array<char, 65536> buffer{};
    const ssize_t count = read(worker.pipe, buffer.data(), buffer.size());
    if (count < 0) die("read");
    worker.unread.append(buffer.data(), static_cast<size_t>(count));
    for (size_t end; (end = worker.unread.find('\n')) != std::string::npos;) {
      finish(worker, worker.unread.substr(0, end));
      worker.unread.erase(0, end + 1);
    }
    if (count > 0) return;
    reap(worker);
    if (worker.next_job >= jobs_) return;
    worker.unread.clear();
    finish(worker, std::nullopt);
    start(worker);
  }

  void finish(Worker& worker, const std::optional<std::string>& line) {
    finished_[worker.next_job] = line;
    worker.next_job += workers_.size();
    for (auto at = finished_.find(next_told_); at != finished_.end();
         at = finished_.find(next_told_)) {
      done_(next_told_++, at->second);
      finished_.erase(at);
    }
  }

  size_t jobs_;
  absl::FunctionRef<std::string(size_t)> run_;
  absl::FunctionRef<void(size_t, const std::optional<std::string>&)> done_;
  std::vector<Worker> workers_;
  std::map<size_t, std::optional<std::string>>
      finished_;  // Not told yet: an earlier one is missing.
  size_t next_told_ = 0;
};

}  // namespace

void run_in_workers(size_t jobs, size_t workers, absl::FunctionRef<std::string(size_t)> run,
                    absl::FunctionRef<void(size_t, const std::optional<std::string>&)> done) {
  Pool(jobs, workers, run, done).wait();
}

}  // namespace connlib::scenarios
