/// Several nodes of one grantd on one PostgreSQL, a real HAProxy before them where wanted.
///
/// All share database, pepper, wrapping key, certificates and clients; each has its own directory,
/// configuration and ports, which it keeps over a restart. Node 0 is also where commands run.
/// Throws std::runtime_error where something fails. Threads: one at a time, but for what TestServer
/// allows on a node.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/haproxy.h"
#include "tests/support/test_postgres.h"
#include "tests/support/test_server.h"

namespace grantd::testing {

class TestCluster {
 public:
  struct Options {
    std::size_t nodes{3};
    /// Merged into each node's configuration.
    json config = json::object();
    /// Empty: a database of its own on the shared server.
    std::string postgres_url{};
    bool balanced{false};
  };

  TestCluster() : TestCluster(Options{}) {}
  explicit TestCluster(const Options& options);

  [[nodiscard]] std::size_t size() const { return nodes_.size(); }
  [[nodiscard]] TestServer& node(std::size_t index) { return *nodes_.at(index); }
  [[nodiscard]] Haproxy& haproxy() { return *haproxy_; }
  [[nodiscard]] const std::string& postgres_url() const { return url_; }

  /// One more, ready and behind HAProxy; `more` is merged into its configuration.
  TestServer& add_node(const json& more = json::object());
  /// Killed by SIGKILL; start() brings it back on its ports.
  void kill(std::size_t index) { node(index).kill(); }
  void start(std::size_t index) { node(index).start(); }
  /// Taken out of HAProxy and stopped by SIGTERM.
  void retire(std::size_t index);

  [[nodiscard]] bool is_ready(std::size_t index) const;
  /// A connection by HAProxy.
  [[nodiscard]] TlsClient connect() const;

 private:
  [[nodiscard]] static std::string name(std::size_t index) {
    return "node" + std::to_string(index);
  }

  std::unique_ptr<TestDatabase> database_;
  std::string url_;
  json config_;
  std::unique_ptr<Haproxy> haproxy_;
  std::vector<std::unique_ptr<TestServer>> nodes_;
};

}  // namespace grantd::testing
