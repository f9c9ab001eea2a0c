/// A real HAProxy before the nodes of a test: TLS passed through (TCP mode), health checks against
/// each node's /readyz, servers added, drained and removed through its admin socket.
///
/// The program is on PATH, in /usr/sbin or build/tools/gateways; where it is not, the constructor
/// throws with a sentence that names the package. Throws std::runtime_error where something fails.
/// Threads: one at a time.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "tests/support/keeper.h"
#include "tests/support/process.h"
#include "tests/support/temp_dir.h"

namespace grantd::testing {

class Haproxy {
 public:
  /// How often each node's /readyz is asked; one failure takes it out, one success brings it back.
  static constexpr std::chrono::milliseconds check_interval{200};

  /// Started, without servers.
  Haproxy();
  ~Haproxy();
  Haproxy(const Haproxy&) = delete;
  Haproxy& operator=(const Haproxy&) = delete;

  /// Where clients come.
  [[nodiscard]] std::uint16_t port() const { return port_; }

  /// Checked from now on; it takes connections once /readyz on `ops_port` has answered 200.
  void add(const std::string& name, std::uint16_t port, std::uint16_t ops_port);
  /// No new connections; those that stand go on.
  void drain(const std::string& name);
  /// Its connections are ended.
  void remove(const std::string& name);
  [[nodiscard]] bool is_up(const std::string& name);

  /// A line to the admin socket; the answer, without its final line breaks.
  std::string admin(const std::string& line);

 private:
  void expect(const std::string& line, const std::string& answer);

  TempDir directory_;
  Keeper keeper_{directory_.path()};
  std::uint16_t port_;
  std::unique_ptr<Process> process_;
};

}  // namespace grantd::testing
