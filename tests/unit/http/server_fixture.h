/// A real Server on loopback with real certificates, and handlers to provoke it with.
#pragma once

#include <gtest/gtest.h>
#include <openssl/ssl.h>

#include <atomic>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <filesystem>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "server/base/clock.h"
#include "server/base/files.h"
#include "server/base/random.h"
#include "server/http/server.h"
#include "server/http/tls/development_certificates.h"
#include "tests/support/tls_client.h"

namespace grantd::http {

using grantd::testing::HttpResponse;
using grantd::testing::TlsClient;

constexpr std::size_t big_bytes = 32UL * 1024 * 1024;

class ServerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    // One directory a test: CTest runs each in a process of its own, several at once.
    const auto* info = ::testing::UnitTest::GetInstance()->current_test_info();
    directory = std::filesystem::temp_directory_path() /
                ("grantd_http_" + std::string(info->name()) + random_hex(random, 4));
    std::filesystem::create_directories(directory);
    write_certificates();
    limits.set(std::make_shared<Limits>(limits_to_use));
  }

  void TearDown() override {
    stop();
    std::filesystem::remove_all(directory);
  }

  void write_certificates() {
    const auto made = tls::make_development_certificates(floor_seconds(clock.now()));
    ASSERT_TRUE(made) << made.error();
    ASSERT_TRUE(write_public_file(ca_file(), made->ca_certificate_pem, IfExists::replace));
    ASSERT_TRUE(write_public_file(directory / "server.crt", made->server_certificate_pem,
                                  IfExists::replace));
    ASSERT_TRUE(write_private_file(directory / "server.key", made->server_private_key_pem.view(),
                                   IfExists::replace));
    auto context =
        tls::Context::make(directory / "server.crt", directory / "server.key", ticket_keys);
    ASSERT_TRUE(context) << context.error();
    contexts.set(*context);
  }

  /// Fills in `port` and `plain_port`.
  void start(std::size_t loops = 2) {
    server.emplace(Server::Dependencies{clock, random, log, metrics, limits}, loops);
    const auto bound = server->listen({"127.0.0.1", 0, &router, &contexts, true});
    ASSERT_TRUE(bound) << bound.error();
    port = *bound;
    const auto plain_bound = server->listen({"127.0.0.1", 0, &router, nullptr, false});
    ASSERT_TRUE(plain_bound) << plain_bound.error();
    plain_port = *plain_bound;
    thread = std::thread([this] {
      server->run({.on_sighup = [this] { ++hangups; }, .on_leaving = [this] { ++leavings; }});
    });
  }

  void start_with(const Limits& changed, std::size_t loops = 2) {
    limits.set(std::make_shared<Limits>(changed));
    start(loops);
  }

  void stop() {
    release = true;
    if (server) server->stop();
    if (thread.joinable()) thread.join();
    server.reset();
  }

  [[nodiscard]] std::string ca_file() const { return directory / "ca.crt"; }
  std::unique_ptr<TlsClient> connect() const {
    return std::make_unique<TlsClient>("127.0.0.1", port, ca_file());
  }
  std::unique_ptr<TlsClient> connect(TlsClient::Options options) const {
    options.ca_file = ca_file();
    return std::make_unique<TlsClient>("127.0.0.1", port, std::move(options));
  }
  std::unique_ptr<TlsClient> connect_plain() const {
    return std::make_unique<TlsClient>("127.0.0.1", plain_port, "");
  }
  /// Whether the exposition holds this line's beginning.
  [[nodiscard]] bool metric(const std::string& text) const {
    return metrics.text().find(text) != std::string::npos;
  }

  static boost::asio::awaitable<Response> hello(const Request&) {
    Response response;
    response.content_type = "text/plain";
    response.body = "hello";
    co_return response;
  }
  static boost::asio::awaitable<Response> echo(const Request& request) {
    Response response;
    response.content_type = "text/plain";
    response.body = std::string(request.authorization) + "|" + std::string(request.query) + "|" +
                    std::string(request.peer) + "|" + std::string(request.body);
    response.sensitive = true;
    co_return response;
  }
  static boost::asio::awaitable<Response> broken(const Request& request) {
    if (request.body == "system") {
      throw std::system_error(std::make_error_code(std::errc::no_space_on_device));
    }
    if (request.body == "int") throw 1;
    throw std::runtime_error("secret " + std::string(request.body));
  }
  boost::asio::awaitable<Response> big(const Request&) {
    Response response;
    response.shared_body = big_body;
    co_return response;
  }
  /// Answers once the test says so.
  boost::asio::awaitable<Response> held(const Request&) {
    ++handlers_running;
    boost::asio::steady_timer timer(co_await boost::asio::this_coro::executor);
    while (!release) {
      timer.expires_after(std::chrono::milliseconds(2));
      co_await timer.async_wait(boost::asio::use_awaitable);
    }
    co_return Response{};
  }

  Limits limits_to_use{};
  std::filesystem::path directory;
  SystemClock clock;
  SystemRandom random;
  observe::Log log{clock, observe::Level::error, observe::Format::json};
  observe::Metrics metrics;
  Snapshot<Limits> limits;
  std::shared_ptr<tls::TicketKeys> ticket_keys{std::make_shared<tls::TicketKeys>(clock, random)};
  Snapshot<tls::Context> contexts;
  std::shared_ptr<const std::string> big_body{std::make_shared<std::string>(big_bytes, 'x')};
  std::atomic<bool> release{false};
  std::atomic<int> handlers_running{0};
  std::atomic<int> hangups{0};
  std::atomic<int> leavings{0};
  Router router{{{"/hello", "hello", Method::get, hello},
                 {"/echo", "echo", Method::post, echo},
                 {"/broken", "broken", Method::post, broken},
                 {"/big", "big", Method::get, [this](const Request& r) { return big(r); }},
                 {"/held", "held", Method::get, [this](const Request& r) { return held(r); }}}};
  std::optional<Server> server;
  std::thread thread;
  std::uint16_t port{0};
  std::uint16_t plain_port{0};
};

}  // namespace grantd::http
