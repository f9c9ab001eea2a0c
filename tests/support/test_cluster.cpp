#include "tests/support/test_cluster.h"

#include <stdexcept>

#include "tests/support/free_port.h"

namespace grantd::testing {

TestCluster::TestCluster(const Options& options)
    : url_(options.postgres_url), config_(options.config) {
  if (url_.empty()) {
    database_ = std::make_unique<TestDatabase>();
    url_ = database_->url();
  }
  if (options.balanced) haproxy_ = std::make_unique<Haproxy>();
  for (std::size_t i = 0; i < options.nodes; ++i) add_node();
}

TestServer& TestCluster::add_node(const json& more) {
  const auto index = nodes_.size();
  const auto port = free_port();
  const auto ops_port = free_port();
  auto config = config_;
  config.merge_patch(more);
  // One event loop each: there are more nodes than cores.
  config.merge_patch({{"listen", {{"port", port}, {"workers", 1}}}, {"ops", {{"port", ops_port}}}});
  const TestServer* first = nodes_.empty() ? nullptr : nodes_.front().get();
  nodes_.push_back(std::make_unique<TestServer>(
      TestServer::Options{.config = config, .postgres_url = url_, .beside = first}));
  if (haproxy_) {
    haproxy_->add(name(index), port, ops_port);
    if (!TestServer::eventually([&] { return haproxy_->is_up(name(index)); })) {
      throw std::runtime_error(name(index) + " does not become ready: " + nodes_.back()->log());
    }
  }
  return *nodes_.back();
}

void TestCluster::retire(std::size_t index) {
  if (haproxy_) haproxy_->remove(name(index));
  node(index).stop();
}

bool TestCluster::is_ready(std::size_t index) const {
  return nodes_.at(index)->connect_ops().request("GET", "/readyz").status == 200;
}

TlsClient TestCluster::connect() const {
  return {"127.0.0.1", haproxy_->port(), nodes_.front()->ca_file()};
}

}  // namespace grantd::testing
