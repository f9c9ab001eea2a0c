#include "server/tokens/status_list_token.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "server/jose/base64url.h"
#include "tests/support/inflate.h"

namespace grantd::tokens {
namespace {

using namespace std::chrono_literals;

const sys_seconds now{1'800'000'000s};

TEST(TokenStatusListToken, SaysWhatItIsAndForHowLong) {
  const auto text = status_list_json(
      {"https://auth.example.com/", "https://auth.example.com/status/1", now, now + 150s, 30s},
      std::string("\xb9\xa3", 2));
  EXPECT_EQ(text,
            R"({"iss":"https://auth.example.com/","sub":"https://auth.example.com/status/1",)"
            R"("iat":1800000000,"exp":1800000150,"ttl":30,)"
            // The draft's own example of 16 statuses of one bit, but for zlib's note on its level.
            R"("status_list":{"bits":1,"lst":"eAHbuRgAAhcBXQ"}})");
}

TEST(TokenStatusListToken, TheListIsZlibInBase64url) {
  std::string octets(131'072, '\0');
  octets[100'000] = '\x10';
  const auto json = nlohmann::json::parse(status_list_json({"i", "u", now, now, 1s}, octets));
  const auto lst = json.at("status_list").at("lst").get<std::string>();
  EXPECT_EQ(testing::inflate(jose::base64url_decode(lst).value()), octets);
  EXPECT_LT(lst.size(), 300U);
}

}  // namespace
}  // namespace grantd::tokens
