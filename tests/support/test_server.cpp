#include "tests/support/test_server.h"

#include <gtest/gtest.h>

#include <array>
#include <csignal>
#include <functional>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "server/base/random.h"
#include "server/base/text.h"
#include "server/clients/peppers.h"
#include "server/http/tls/development_certificates.h"
#include "server/jose/base64url.h"
#include "server/jose/rsa_key.h"

namespace grantd::testing {
namespace {

constexpr const char* faketime_library = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1";

std::string base64(std::string_view text) {
  static constexpr std::string_view alphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t i = 0; i < text.size(); i += 3) {
    std::uint32_t group = 0;
    for (std::size_t j = 0; j < 3; ++j) {
      group = (group << 8U) | (i + j < text.size() ? static_cast<std::uint8_t>(text[i + j]) : 0U);
    }
    for (std::size_t j = 0; j < 4; ++j) {
      out += i + j <= text.size() ? alphabet[(group >> (18U - 6U * j)) & 63U] : '=';
    }
  }
  return out;
}

}  // namespace

std::string form_encode(std::string_view text) {
  static constexpr std::string_view digits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto octet = static_cast<std::uint8_t>(c);
    if (std::isalnum(octet) != 0 || c == '-' || c == '.' || c == '_') {
      out += c;
    } else {
      out += {'%', digits[octet >> 4U], digits[octet & 15U]};
    }
  }
  return out;
}

std::string basic(std::string_view id, std::string_view secret) {
  return "Basic " + base64(form_encode(id) + ":" + form_encode(secret));
}

DecodedToken decode(const std::string& token) {
  const auto first = token.find('.');
  const auto second = token.find('.', first + 1);
  return {json::parse(jose::base64url_decode(token.substr(0, first)).value()),
          json::parse(jose::base64url_decode(token.substr(first + 1, second - first - 1)).value())};
}

bool verifies(const std::string& token, const json& jwks) {
  const auto kid = decode(token).header.at("kid");
  const auto end = token.rfind('.');
  for (const auto& jwk : jwks.at("keys")) {
    if (jwk.at("kid") != kid) continue;
    const auto key = jose::RsaPublicKey::from_jwk(jwk.dump());
    const auto signature = jose::base64url_decode(token.substr(end + 1));
    return key && signature && (*key)->verify_rs256(token.substr(0, end), *signature);
  }
  return false;
}

TestServer::TestServer(const Options& options)
    : turnable_clock_(options.turnable_clock && clock_can_be_turned),
      secrets_(options.beside != nullptr ? options.beside->secrets_ : std::make_shared<Secrets>()) {
  make_files(options.beside);
  if (!options.postgres_url.empty()) keeper_ = std::make_unique<Keeper>(directory_.path());
  config_ = first_config(options);
  config_.merge_patch(options.config);
  write_config(config_);
  if (turnable_clock_) turn_clock(floor_seconds(std::chrono::system_clock::now()));
  if (options.migrate && options.beside == nullptr) {
    const auto migrated = command({"migrate"});
    if (migrated.status != 0) throw std::runtime_error("grantd migrate: " + migrated.err);
  }
  if (options.start) start();
}

void TestServer::make_files(const TestServer* beside) const {
  std::filesystem::create_directory(directory_ / "keys");
  if (beside != nullptr) {
    for (const auto* name : {"ca.crt", "server.crt", "server.key", "pepper", "wrapping-key"}) {
      std::filesystem::copy_file(beside->directory_ / name, directory_ / name);
    }
    return;
  }
  const auto now = floor_seconds(std::chrono::system_clock::now());
  auto certificates = http::tls::make_development_certificates(now).value();
  write_text(directory_ / "ca.crt", certificates.ca_certificate_pem, 0644);
  write_text(directory_ / "server.crt", certificates.server_certificate_pem, 0644);
  write_text(directory_ / "server.key", std::string(certificates.server_private_key_pem.view()));
  SystemRandom random;
  write_text(directory_ / "pepper", std::string(clients::Peppers::generate_line(random).view()));
  write_text(directory_ / "wrapping-key", random_hex(random, 32) + "\n");
}

json TestServer::first_config(const Options& options) const {
  json config = {
      {"issuer", "https://auth.example.com"},
      {"listen",
       {{"address", "127.0.0.1"},
        {"port", 0},
        {"tls", {{"certificate_file", "server.crt"}, {"private_key_file", "server.key"}}}}},
      {"ops", {{"address", "127.0.0.1"}, {"port", 0}}},
      {"storage", {{"url", "sqlite:grantd.db"}, {"pepper_file", "pepper"}}},
      // A standby key takes 100 ms to make: only the tests of rotation want one.
      {"keys", {{"directory", "keys"}, {"rotate_every", "never"}}},
      {"limits", {{"failure_delay", "0ms"}}}};
  if (!options.postgres_url.empty()) {
    config["storage"]["url"] = options.postgres_url;
    config["keys"] = {
        {"store", "database"}, {"wrapping_key_file", "wrapping-key"}, {"rotate_every", "never"}};
  }
  return config;
}

void TestServer::start() {
  process_ = std::make_unique<Process>(
      std::vector<std::string>{"env", "-C", directory_.path(), GRANTD_BINARY, "serve", "--config",
                               config_file()},
      environment());
  process_->wait_for_out("\"listening\"");
  const auto listening = log_lines("listening").back();
  port_ = listening.at("port").get<std::uint16_t>();
  ops_port_ = listening.at("ops_port").get<std::uint16_t>();
}

TestServer::~TestServer() {
  if (process_) stop();
  for (const auto& name : {"pepper", "server.key", "wrapping-key"})
    is_secret(read_text(directory_ / name));
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory_ / "keys")) {
    if (entry.is_regular_file()) is_secret(read_text(entry.path()));
  }
  for (const auto& secret : seen_) {
    EXPECT_EQ(earlier_out_.find(secret), std::string::npos) << "a secret stands in the log";
    EXPECT_EQ(earlier_err_.find(secret), std::string::npos) << "a secret stands on stderr";
  }
}

void TestServer::is_secret(std::string text) const {
  // Of a PEM its second line: the first is the same in every file.
  if (text.starts_with("-----BEGIN")) text = text.substr(text.find('\n') + 1, 60);
  while (text.ends_with('\n')) text.pop_back();
  const std::lock_guard lock(seen_mutex_);
  seen_.push_back(std::move(text));
}

std::string TestServer::log() {
  return process_ ? earlier_out_ + process_->out_so_far() : earlier_out_;
}

ProcessResult TestServer::stop() {
  auto result = process_->stop();
  process_.reset();
  earlier_out_ += result.out;
  earlier_err_ += result.err;
  return result;
}

void TestServer::kill() {
  process_->signal(SIGKILL);
  const auto result = process_->wait();
  process_.reset();
  earlier_out_ += result.out;
  earlier_err_ += result.err;
}

ProcessEnvironment TestServer::environment() const {
  if (!turnable_clock_) return {};
  return {{"LD_PRELOAD", faketime_library},
          {"FAKETIME_TIMESTAMP_FILE", directory_ / "clock"},
          {"FAKETIME_NO_CACHE", "1"},
          // Debian 13's deadlocks where one thread calls stat(2) and others ask for the time.
          {"NO_FAKE_STAT", "1"},
          {"FAKETIME_DONT_FAKE_MONOTONIC", "1"}};
}

void TestServer::turn_clock(sys_seconds now) {
  // "@": the clock goes on from there. Replaced by renaming: the server reads it at every look.
  auto text = rfc3339(now);
  text[10] = ' ';
  text.pop_back();
  write_text(directory_ / "clock.new", "@" + text);
  std::filesystem::rename(directory_ / "clock.new", directory_ / "clock");
}

void TestServer::write_config(const json& config) {
  config_ = config;
  write_text(config_file(), config.dump(2), 0644);
}

ProcessResult TestServer::command(std::vector<std::string> arguments, std::string_view input) {
  arguments.insert(arguments.begin(), GRANTD_BINARY);
  arguments.insert(arguments.end(), {"--config", config_file(), "--json"});
  return run(arguments, environment(), input);
}

json TestServer::command_json(std::vector<std::string> arguments) {
  const auto what = arguments.at(0) + " " + (arguments.size() > 1 ? arguments.at(1) : "");
  const auto result = command(std::move(arguments));
  if (result.status != 0) throw std::runtime_error("grantd " + what + ": " + result.err);
  return json::parse(result.out);
}

std::string TestServer::add_client(const std::string& id, std::vector<std::string> options) {
  if (options.empty()) options = {"--scope", "api:read api:write", "--audience", api};
  std::vector<std::string> arguments{"client", "create", id};
  arguments.insert(arguments.end(), options.begin(), options.end());
  auto secret = command_json(arguments).at("client_secret").get<std::string>();
  is_secret(secret);
  const std::lock_guard lock(secrets_->mutex);
  secrets_->of[id] = secret;
  return secret;
}

std::string TestServer::secret(const std::string& id) const {
  const std::lock_guard lock(secrets_->mutex);
  return secrets_->of.at(id);
}

TlsClient TestServer::connect() const { return {"127.0.0.1", port_, ca_file()}; }
TlsClient TestServer::connect_ops() const { return {"127.0.0.1", ops_port_, std::string()}; }

HttpResponse TestServer::get(const std::string& path, const Headers& headers) const {
  return connect().request("GET", path, headers);
}

HttpResponse TestServer::post(const std::string& path, const std::string& form,
                              const std::optional<std::string>& client, Headers headers) const {
  headers.emplace_back("Content-Type", "application/x-www-form-urlencoded");
  if (client) headers.emplace_back("Authorization", basic(*client, secret(*client)));
  auto response = connect().request("POST", path, headers, form);
  if (const auto body = json::parse(response.body, nullptr, false); body.is_object()) {
    // Its signature: header and claims alone are no secret.
    const auto token = body.value("access_token", "");
    if (!token.empty()) is_secret(token.substr(token.rfind('.') + 1));
  }
  return response;
}

HttpResponse TestServer::token(const std::string& client, const std::string& more) const {
  return post("/token", client_credentials + more, client);
}

std::string TestServer::token_for(const std::string& client, const std::string& more) const {
  const auto response = token(client, more);
  if (response.status != 200) throw std::runtime_error("no token: " + response.body);
  return json::parse(response.body).at("access_token");
}

HttpResponse TestServer::introspect(const std::string& token, const std::string& client) const {
  return post("/introspect", "token=" + form_encode(token), client);
}

bool TestServer::is_active(const std::string& token, const std::string& client) const {
  HttpResponse answer;
  eventually([&] {
    answer = introspect(token, client);
    return answer.status != 503;
  });
  return json::parse(answer.body).at("active").get<bool>();
}

HttpResponse TestServer::revoke(const std::string& token, const std::string& client) const {
  return post("/revoke", "token=" + form_encode(token), client);
}

json TestServer::jwks() const { return json::parse(get("/.well-known/jwks.json").body); }

std::string TestServer::metrics() const { return connect_ops().request("GET", "/metrics").body; }

bool TestServer::eventually(const std::function<bool()>& condition) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return true;
}

bool TestServer::last_request_logs(const std::string& field, const std::string& text) {
  return eventually([&] {
    const auto lines = log_lines("request");
    return !lines.empty() && lines.back().value(field, std::string()) == text;
  });
}

std::vector<json> TestServer::log_lines(std::string_view event) {
  std::vector<json> lines;
  std::istringstream in(log());
  for (std::string line; std::getline(in, line);) {
    if (in.eof()) break;  // no newline yet: not whole
    auto parsed = json::parse(line);
    if (event.empty() || parsed.at("event") == event) lines.push_back(std::move(parsed));
  }
  return lines;
}

}  // namespace grantd::testing
