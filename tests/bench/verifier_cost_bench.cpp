// What it costs a resource server to check a token and to notice its revocation, for each way that
// docs/services.md names: CPU time per request, and its ratio to a bare RS256 verification in the
// same run. 10,000 revocations, a status list of 1,048,576 entries, introspection over one kept
// HTTPS connection to the real binary.
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <fstream>
#include <functional>
#include <sstream>
#include <unordered_map>
#include <unordered_set>

#include "server/jose/jws.h"
#include "server/keys/key_set.h"
#include "server/tokens/verifier.h"
#include "tests/support/test_server.h"

namespace grantd::testing {
namespace {

constexpr int revocations = 10'000;
constexpr std::size_t list_entries = std::size_t{1} << 20U;

double cpu_of_this_process_us() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto us = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) * 1e6 + static_cast<double>(t.tv_usec);
  };
  return us(usage.ru_utime) + us(usage.ru_stime);
}

/// utime + stime of a process (proc(5)): fields 14 and 15, counted behind the name.
double cpu_of_us(pid_t pid) {
  std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
  std::string text((std::istreambuf_iterator<char>(stat)), {});
  std::istringstream fields(text.substr(text.rfind(')') + 2));
  std::string skipped;
  for (int i = 0; i < 11; ++i) fields >> skipped;
  double user = 0;
  double system = 0;
  fields >> user >> system;
  return (user + system) * 1e6 / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

double cost_us(int rounds, const std::function<void()>& work) {
  const auto before = cpu_of_this_process_us();
  for (int i = 0; i < rounds; ++i) work();
  return (cpu_of_this_process_us() - before) / rounds;
}

void row(const char* what, double us, double signature_us) {
  std::printf("%-58s %9.3f %9.4f\n", what, us, us / signature_us);
}

/// What a reader of the feed keeps, and the rule of docs/services.md.
struct FeedState {
  std::unordered_map<std::string, std::int64_t> revoked;
  std::unordered_map<std::string, std::int64_t> not_before;
  std::unordered_set<std::string> kids;

  [[nodiscard]] bool refuses(const tokens::Claims& claims, const std::string& kid) const {
    const auto ended = [&](const std::string& whose) {
      const auto found = not_before.find(whose);
      return found != not_before.end() &&
             claims.issued_at.time_since_epoch().count() <= found->second;
    };
    return revoked.contains(claims.jti) || revoked.contains(claims.root_jti) ||
           kids.contains(kid) || ended(claims.client_id) || ended(claims.subject);
  }
};

std::string jti_of(int number) {
  char text[33];
  std::snprintf(text, sizeof text, "%032x", static_cast<unsigned>(number));
  return text;
}

void measure_introspection(TestServer& server, const std::string& token, double signature_us) {
  constexpr int rounds = 3000;
  const Headers headers{{"Content-Type", "application/x-www-form-urlencoded"},
                        {"Authorization", basic("rs", server.secret("rs"))}};
  const auto form = "token=" + form_encode(token);
  auto connection = server.connect();
  const auto ask = [&] {
    static_cast<void>(connection.request("POST", "/introspect", headers, form));
  };
  ask();
  const auto server_before = cpu_of_us(server.process().pid());
  const auto begun = std::chrono::steady_clock::now();
  const auto client_us = cost_us(rounds, ask);
  const std::chrono::duration<double, std::micro> wall = std::chrono::steady_clock::now() - begun;
  const auto server_us = (cpu_of_us(server.process().pid()) - server_before) / rounds;
  row("introspection: CPU of the verifier", client_us, signature_us);
  row("introspection: CPU of grantd", server_us, signature_us);
  row("introspection: time that the request waits (loopback)", wall.count() / rounds, signature_us);
}

void measure() {
  TestServer server;
  server.add_client("caller");
  server.add_client("rs", {"--serves", api});
  const auto token = server.token_for("caller");
  const auto jwk = server.jwks().at("keys").at(0).dump();
  const auto key = jose::RsaPublicKey::from_jwk(jwk).value();
  const keys::KeySet keys(nullptr, {key});
  const auto jws = jose::parse_compact(token).value();
  const auto now = floor_seconds(SystemClock().now());
  const auto verified = tokens::verify(token, keys, "https://auth.example.com", now);
  if (!verified) throw std::runtime_error(verified.error());
  const auto& claims = verified->claims();

  FeedState feed;
  for (int i = 0; i < revocations; ++i) feed.revoked.emplace(jti_of(i), 0);
  const std::vector<std::uint8_t> list(list_entries / 8, 0);
  std::size_t index = 0;
  bool refused = false;

  constexpr int many = 20'000;
  constexpr int very_many = 2'000'000;
  std::printf("%-58s %9s %9s\n", "per request", "us", "ratio");
  const auto signature_us =
      cost_us(many, [&] { refused |= !key->verify_rs256(jws.signing_input, jws.signature); });
  row("one RS256 verification, nothing else", signature_us, signature_us);
  row("checking a token: JWS, key, signature, claims",
      cost_us(many, [&] { refused |= !tokens::verify(token, keys, claims.issuer, now); }),
      signature_us);
  row("revocation feed: jti, root, kid, client, subject",
      cost_us(very_many, [&] { refused |= feed.refuses(claims, jws.kid); }), signature_us);
  row("status list: the bit",
      cost_us(very_many,
              [&] {
                index = (index * 2862933555777941757U + 3037000493U) % list_entries;
                refused |= (list[index / 8] >> (index % 8) & 1U) != 0;
              }),
      signature_us);
  measure_introspection(server, token, signature_us);
  if (refused) throw std::runtime_error("a token that is live was refused");
}

}  // namespace
}  // namespace grantd::testing

int main() {
  grantd::testing::measure();
  return 0;
}
