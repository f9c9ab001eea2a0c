// How large a status list is and what it takes to make and to use one: 1,048,576 entries, 1,000,000
// of them live tokens, 10,000 of those revoked, spread at random or one after the other (a burst,
// such as one client's). Sizes in octets, raw, as zlib makes them, as the signed document that is
// served, and with gzip around that; CPU time to render (with the signature and gzip), for a
// verifier to take in a fetched list, and to look at one bit.
#include <sys/resource.h>

#include <cstdio>
#include <functional>
#include <random>
#include <set>
#include <stdexcept>

#include "server/base/deflate.h"
#include "server/jose/base64url.h"
#include "server/jose/strict_json.h"
#include "server/tokens/claims.h"
#include "server/tokens/status_list_token.h"
#include "server/tokens/status_lists.h"
#include "server/tokens/status_reference.h"
#include "tests/support/inflate.h"
#include "tests/support/test_keys.h"

namespace grantd::testing {
namespace {

constexpr std::uint32_t capacity = 1'048'576;
constexpr std::uint64_t live_tokens = 1'000'000;
constexpr std::size_t revocations = 10'000;
constexpr sys_seconds now{std::chrono::seconds{1'800'000'000}};

double cpu_ms() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto ms = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) * 1e3 + static_cast<double>(t.tv_usec) / 1e3;
  };
  return ms(usage.ru_utime) + ms(usage.ru_stime);
}

double cost_ms(int rounds, const std::function<void()>& work) {
  const auto before = cpu_ms();
  for (int i = 0; i < rounds; ++i) work();
  return (cpu_ms() - before) / rounds;
}

struct Served {
  std::string jws{};
  std::string gzip{};
};

/// As endpoints::StatusListDocuments makes it.
Served render(const tokens::StatusLists& lists) {
  const auto content = lists.content(1).value();
  const auto json =
      tokens::status_list_json({"https://auth.example.com", "https://auth.example.com/status/1",
                                now, now + std::chrono::seconds(150), std::chrono::seconds(30)},
                               content.octets);
  const auto& key = *test_key(0);
  Served served;
  served.jws = tokens::signing_input_of(key.kid(), tokens::status_list_typ, json);
  const auto signature = key.sign_rs256(served.jws);
  served.jws += '.';
  jose::append_base64url(served.jws, signature);
  served.gzip = gzip_compress(served.jws);
  return served;
}

/// A verifier: signature, claims, the bits.
std::string take_in(const std::string& jws, const jose::RsaPublicKey& key) {
  const auto last = jws.rfind('.');
  const auto signature = jose::base64url_decode(std::string_view(jws).substr(last + 1)).value();
  if (!key.verify_rs256(std::string_view(jws).substr(0, last), signature)) {
    throw std::runtime_error("bad signature");
  }
  const auto first = jws.find('.') + 1;
  const auto payload =
      jose::base64url_decode(std::string_view(jws).substr(first, last - first)).value();
  const auto claims = jose::parse_object(payload, 4).value();
  const auto& lst = claims.at("status_list").at("lst").get_ref<const std::string&>();
  return inflate(jose::base64url_decode(lst).value());
}

void measure(const char* what, const std::set<std::uint64_t>& revoked) {
  tokens::StatusLists lists;
  lists.know({1, now + std::chrono::hours(1), capacity});
  const std::string digits(tokens::jti_random_digits, 'a');
  for (const auto index : revoked) {
    lists.revoke(digits + tokens::jti_suffix({1, index}), now + std::chrono::hours(1));
  }
  const auto served = render(lists);
  const auto octets = lists.content(1)->octets;
  const auto& key = *test_key(0)->public_key();
  const auto bits = take_in(served.jws, key);

  constexpr int rounds = 20;
  constexpr int lookups = 20'000'000;
  std::uint64_t index = 0;
  std::size_t found = 0;
  const auto bit_ms = cost_ms(1, [&] {
    for (int i = 0; i < lookups; ++i) {
      index = (index * 2862933555777941757U + 3037000493U) % capacity;
      found += static_cast<std::uint8_t>(bits[index / 8]) >> (index % 8) & 1U;
    }
  });
  std::printf("%-22s %8zu %8zu %8zu %8zu %10.2f %10.2f %10.4f\n", what, octets.size(),
              zlib_compress_runs(octets).size(), served.jws.size(), served.gzip.size(),
              cost_ms(rounds, [&] { static_cast<void>(render(lists)); }),
              cost_ms(rounds, [&] { static_cast<void>(take_in(served.jws, key)); }),
              bit_ms * 1e3 / lookups);
  if (found == 0 && !revoked.empty()) throw std::runtime_error("no revoked entry was met");
}

void measure_all() {
  std::mt19937_64 random(1);
  std::set<std::uint64_t> spread;
  while (spread.size() < revocations) spread.insert(random() % live_tokens);
  std::set<std::uint64_t> burst;
  for (std::uint64_t i = 0; i < revocations; ++i) burst.insert(live_tokens / 2 + i);
  std::printf("%-22s %8s %8s %8s %8s %10s %10s %10s\n", "", "raw", "zlib", "JWS", "gzip",
              "render ms", "take in ms", "a bit us");
  measure("nothing revoked", {});
  measure("10,000 at random", spread);
  measure("10,000 in one burst", burst);
}

}  // namespace
}  // namespace grantd::testing

int main() {
  grantd::testing::measure_all();
  return 0;
}
