/// A reader of the revocation feed as its documentation describes it, and a server with one.
#pragma once

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "tests/support/test_server.h"

namespace grantd::testing {

inline const std::string orders = "https://orders.example.com";

/// A reader as the documentation describes it: it keeps a cursor and merges what it is told.
class FeedReader {
 public:
  FeedReader(TestServer& server, const std::string& client)
      : server_(&server),
        authorization_(basic(client, server.secret(client))),
        connection_(std::make_unique<TlsClient>("127.0.0.1", server.port(), server.ca_file())) {}

  [[nodiscard]] HttpResponse get(const std::string& query, Headers headers = {}) {
    headers.emplace_back("Authorization", authorization_);
    return connection_->request("GET", "/revocations" + query, headers);
  }

  /// Asks once, waiting for as long, and takes the answer in. The answer's payload.
  json ask(int wait_seconds = 0) {
    auto query = "?wait=" + std::to_string(wait_seconds);
    if (cursor_) query += "&since=" + std::to_string(*cursor_);
    const auto response = get(query);
    if (response.status != 200) throw std::runtime_error("the feed says " + response.body);
    const auto payload = decode(response.body).claims;
    take(payload);
    return payload;
  }
  /// Until nothing more is there.
  void catch_up() {
    while (ask().at("more").get<bool>()) {
    }
  }
  /// Waits, as often as need be, until `condition` holds of what this reader knows.
  template <typename Condition>
  bool learns(Condition condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!condition(*this)) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      ask(5);
    }
    return true;
  }

  [[nodiscard]] bool refuses(const std::string& token) const {
    const auto [header, claims] = decode(token);
    const auto iat = claims.at("iat").get<std::int64_t>();
    const auto client = not_before.find(claims.at("client_id"));
    return revoked.contains(claims.at("jti")) || kids.contains(header.at("kid")) ||
           (client != not_before.end() && iat <= client->second) || iat <= not_before_all;
  }

  [[nodiscard]] std::int64_t cursor() const { return cursor_.value_or(-1); }
  void reconnect() {
    connection_ = std::make_unique<TlsClient>("127.0.0.1", server_->port(), server_->ca_file());
  }

  std::set<std::string> revoked{};
  std::map<std::string, std::int64_t> not_before{};
  std::int64_t not_before_all{0};
  std::set<std::string> kids{};

 private:
  void take(const json& payload) {
    if (payload.at("full").get<bool>()) {
      revoked.clear();
      not_before.clear();
      not_before_all = 0;
    }
    for (const auto& [jti, exp] : payload.at("revoked").items()) revoked.insert(jti);
    for (const auto& [client, entry] : payload.at("not_before").items()) {
      not_before[client] = entry.at("iat");
    }
    if (payload.contains("not_before_all")) {
      not_before_all = payload.at("not_before_all").at("iat");
    }
    kids = payload.at("kids").get<std::set<std::string>>();
    cursor_ = payload.at("seq").get<std::int64_t>();
  }

  TestServer* server_;
  std::string authorization_;
  std::unique_ptr<TlsClient> connection_;
  std::optional<std::int64_t> cursor_;
};

class RevocationFeed : public ::testing::Test {
 protected:
  explicit RevocationFeed(const json& config = json::object()) : server({.config = config}) {
    server.add_client("billing");
    server.add_client("orders", {"--serves", orders});
  }
  FeedReader reader() { return {server, "orders"}; }
  /// A new token of `billing`, revoked by it.
  std::string revoked_token() {
    auto token = server.token_for("billing");
    EXPECT_EQ(server.revoke(token, "billing").status, 200);
    return token;
  }
  void sql(const std::string& statement) {
    sqlite3* connection = nullptr;
    const auto path = server.directory() / "grantd.db";
    ASSERT_EQ(sqlite3_open_v2(path.c_str(), &connection, SQLITE_OPEN_READWRITE, nullptr),
              SQLITE_OK);
    sqlite3_busy_timeout(connection, 5000);
    EXPECT_EQ(sqlite3_exec(connection, statement.c_str(), nullptr, nullptr, nullptr), SQLITE_OK);
    sqlite3_close(connection);
  }

  TestServer server;
};

}  // namespace grantd::testing
