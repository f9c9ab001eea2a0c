// The real binary: `grantd key` and `grantd token`.
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "server/base/text.h"
#include "server/jose/base64url.h"
#include "server/jose/rsa_key.h"
#include "server/tokens/claims.h"
#include "tests/support/installation.h"
#include "tests/support/test_keys.h"

namespace grantd::testing {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;
using jose::RsaPrivateKey;

const std::string jti(32, 'a');

class KeyCommand : public ::testing::Test {
 protected:
  [[nodiscard]] nlohmann::json keys() const { return installation.json({"key", "list"}); }
  [[nodiscard]] std::string pem_file(const RsaPrivateKey& key, mode_t mode = 0600) const {
    write_text(installation / "brought.pem", std::string(key.to_pem().view()), mode);
    return (installation / "brought.pem").string();
  }
  std::string import(const RsaPrivateKey& key) const {
    return installation.json({"key", "import", pem_file(key)}).at("kid");
  }

  Installation installation;
};

/// Tokens are signed here with a key that the installation knows: no server is needed.
class TokenCommand : public KeyCommand {
 protected:
  TokenCommand() { import(*test_key(0)); }

  static tokens::Claims claims() {
    const auto now = floor_seconds(SystemClock().now());
    tokens::Claims claims;
    claims.issuer = Installation::issuer;
    claims.subject = claims.client_id = "billing";
    claims.audiences = {"https://api.example.com"};
    claims.issued_at = now;
    claims.expires_at = now + 5min;
    claims.jti = jti;
    return claims;
  }
  static std::string sign(const tokens::Claims& claims, const RsaPrivateKey& key = *test_key(0)) {
    const auto input = tokens::signing_input(key.kid(), "at+jwt", claims);
    return input + '.' + jose::base64url(key.sign_rs256(input));
  }
  [[nodiscard]] nlohmann::json inspect(const std::string& token) const {
    return installation.json({"token", "inspect", "-"}, token + "\n");
  }
  [[nodiscard]] std::string reason(const std::string& token) const {
    const auto found = inspect(token);
    return found.at("active") == true ? "" : found.at("reason").get<std::string>();
  }
};

// --- keys -----------------------------------------------------------------------------------

TEST_F(KeyCommand, GeneratePublishesAKeyThatMaySignLater) {
  (void)installation.json({"key", "generate"});  // the first key of all signs at once
  const auto generated = installation.json({"key", "generate"});
  EXPECT_EQ(generated.at("kid").get<std::string>().size(), 43U);
  EXPECT_LT(generated.at("published_at"), generated.at("signs_from"));
  const auto rows = keys();
  EXPECT_NE(std::ranges::find(rows, generated), rows.end());
}

TEST_F(KeyCommand, ListHasTheColumnsOfTheContract) {
  (void)installation.json({"key", "generate"});
  const auto row = keys().at(0);
  for (const std::string column :
       {"kid", "state", "published_at", "signs_from", "retires_at", "removed_at"}) {
    EXPECT_TRUE(row.contains(column)) << column;
  }
  EXPECT_EQ(row.size(), 6U);
}

TEST_F(KeyCommand, ImportTakesAKeyOnceAndNeverShowsIt) {
  const auto file = pem_file(*test_key(0));
  const auto imported = installation.run({"key", "import", file});
  EXPECT_EQ(imported.status, 0) << imported.err;
  EXPECT_EQ((imported.out + imported.err).find("PRIVATE"), std::string::npos);
  EXPECT_EQ(keys().at(0).at("kid"), test_key(0)->kid());
  EXPECT_EQ(installation.run({"key", "import", file}).status, 1);
}

TEST_F(KeyCommand, ImportRefusesWhatOthersCanReadAndWhatIsNoKey) {
  EXPECT_EQ(installation.run({"key", "import", pem_file(*test_key(0), 0644)}).status, 1);
  EXPECT_EQ(installation.run({"key", "import", "/nowhere.pem"}).status, 1);
  write_text(installation / "no.pem", "not a key");
  EXPECT_EQ(installation.run({"key", "import", (installation / "no.pem").string()}).status, 2);
  EXPECT_TRUE(keys().empty());
}

TEST_F(KeyCommand, RetireOfAnUnknownKidThatLooksLikeAnOptionIsNotFound) {
  const std::string kid = "-bzLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs";
  for (const Arguments& arguments :
       {Arguments{"key", "retire", kid}, Arguments{"key", "retire", kid, "--now"},
        Arguments{"key", "retire", "--now", kid}}) {
    const auto result = installation.run(arguments);
    EXPECT_EQ(result.status, 1) << result.err;
    EXPECT_EQ(result.err.find("--help"), std::string::npos) << result.err;
  }
}

TEST_F(KeyCommand, RetireNowTakesTheKeyOutAndNamesTheOneThatSigns) {
  const auto kid = import(*test_key(0));
  const auto retired = installation.json({"key", "retire", kid, "--now"});
  EXPECT_EQ(retired.at("retired").at("kid"), kid);
  EXPECT_EQ(retired.at("signing").get<std::string>().size(), 43U);
  EXPECT_NE(retired.at("signing"), kid);
  EXPECT_EQ(retired.at("reaches"), nlohmann::json::array({"introspection", "feed"}));
  const auto files = fs::directory_iterator(installation / "keys/retired");
  EXPECT_EQ(std::distance(fs::begin(files), fs::end(files)), 1);
}

// --- token inspect --------------------------------------------------------------------------

TEST_F(TokenCommand, InspectSaysWhatAGoodTokenHolds) {
  const auto found = inspect(sign(claims()));
  EXPECT_EQ(found.at("active"), true);
  EXPECT_TRUE(found.at("reason").is_null());
  EXPECT_EQ(found.at("signature"), "valid");
  EXPECT_EQ(found.at("header").at("typ"), "at+jwt");
  EXPECT_EQ(found.at("claims").at("client_id"), "billing");
}

TEST_F(TokenCommand, InspectTakesTheTokenAsAnArgumentToo) {
  EXPECT_EQ(installation.json({"token", "inspect", sign(claims())}).at("active"), true);
}

TEST_F(TokenCommand, InspectTellsWhyATokenIsInactive) {
  auto expired = claims();
  expired.issued_at -= 1h;
  expired.expires_at -= 1h;
  EXPECT_EQ(reason(sign(expired)), "expired");

  auto foreign = claims();
  foreign.issuer = "https://other.example.com";
  EXPECT_EQ(reason(sign(foreign)), "wrong_issuer");

  EXPECT_EQ(reason(sign(claims(), *test_key(1))), "unknown_kid");

  auto forged = sign(claims());
  auto& digit = forged[forged.rfind('.') + 5];
  digit = digit == 'A' ? 'B' : 'A';
  EXPECT_EQ(inspect(forged).at("signature"), "bad_signature");
  EXPECT_EQ(inspect(forged).at("active"), false);
}

TEST_F(TokenCommand, InspectDecodesAForeignAlgorithmAndNeverBelievesIt) {
  // {"alg":"none","kid":"x"} . {"sub":"billing"} .
  const auto found = inspect(jose::base64url(R"({"alg":"none","kid":"x"})") + '.' +
                             jose::base64url(R"({"sub":"billing"})") + '.');
  EXPECT_EQ(found.at("active"), false);
  EXPECT_NE(found.at("signature"), "valid");
  EXPECT_EQ(found.at("header").at("alg"), "none");
  EXPECT_EQ(found.at("claims").at("sub"), "billing");
}

TEST_F(TokenCommand, InspectRefusesWhatIsNoJwt) {
  const std::string deep = jose::base64url(std::string(5000, '[') + std::string(5000, ']'));
  for (const std::string& text :
       {std::string(), std::string("a"), std::string("a.b"), std::string("a.b.c"),
        deep + '.' + deep + ".", std::string(20000, 'a'), jose::base64url("[]") + ".e30."}) {
    EXPECT_EQ(installation.run({"token", "inspect", "-"}, {}, text).status, 2) << text.size();
  }
}

TEST_F(TokenCommand, ATokenOfALeakedKeyIsInactive) {
  const auto token = sign(claims());
  (void)installation.json({"key", "retire", test_key(0)->kid(), "--now"});
  EXPECT_EQ(reason(token), "key_compromised");
}

// --- token revoke ---------------------------------------------------------------------------

TEST_F(TokenCommand, ARevokedTokenIsInactive) {
  const auto token = sign(claims());
  const auto revoked = installation.json({"token", "revoke", "-"}, token);
  EXPECT_EQ(revoked.at("jti"), jti);
  EXPECT_EQ(reason(token), "revoked");
}

TEST_F(TokenCommand, ATokenIsRevokedByItsJti) {
  const auto token = sign(claims());
  EXPECT_EQ(installation.run({"token", "revoke", jti}).status, 0);
  EXPECT_EQ(reason(token), "revoked");
}

TEST_F(TokenCommand, AForeignTokenIsNotRevoked) {
  const auto token = sign(claims());
  EXPECT_EQ(installation.run({"token", "revoke", sign(claims(), *test_key(1))}).status, 1);
  EXPECT_EQ(reason(token), "");
}

TEST_F(TokenCommand, AnExpiredTokenNeedsNoRevocation) {
  auto expired = claims();
  expired.expires_at = expired.issued_at - 1h;
  const auto result = installation.json({"token", "revoke", sign(expired)});
  EXPECT_EQ(result.at("revoked"), false);
}

TEST_F(TokenCommand, RevokingAClientTakesItsTokensAndNobodyElses) {
  installation.create_client("billing");
  auto others = claims();
  others.client_id = others.subject = "shipping";
  const auto token = sign(claims());
  const auto other = sign(others);
  EXPECT_EQ(installation.run({"token", "revoke", "--client", "billing"}).status, 0);
  EXPECT_EQ(reason(token), "client_revoked");
  EXPECT_EQ(reason(other), "");

  auto later = claims();
  later.issued_at += 1min;
  EXPECT_EQ(reason(sign(later)), "");
}

TEST_F(TokenCommand, RevokingAllTakesEveryToken) {
  const auto token = sign(claims());
  EXPECT_EQ(installation.run({"token", "revoke", "--all"}).status, 0);
  EXPECT_EQ(reason(token), "all_revoked");
}

TEST_F(TokenCommand, DisablingAndDeletingAClientTakeItsTokens) {
  for (const std::string command : {"disable", "delete"}) {
    installation.create_client(command);
    auto own = claims();
    own.client_id = own.subject = command;
    const auto token = sign(own);
    EXPECT_EQ(reason(token), "");
    (void)installation.json({"client", command, command});
    EXPECT_EQ(reason(token), "client_revoked");
  }
}

TEST_F(TokenCommand, RevocationsAreKeptForTheGreatestLifetimeAndTheSkew) {
  // 1h max_lifetime and 30s clock_skew of the example, and the second that has begun.
  const auto until = installation.json({"token", "revoke", "--all"}).at("kept_until");
  const auto now = SystemClock().now();
  EXPECT_GE(until, rfc3339(floor_seconds(now + 1h + 25s)));
  EXPECT_LE(until, rfc3339(floor_seconds(now + 1h + 32s)));
}

TEST_F(TokenCommand, ARevocationSaysWhoNoticesIt) {
  const auto everybody_but_lists = nlohmann::json::array({"introspection", "feed"});
  EXPECT_EQ(installation.json({"token", "revoke", "--all"}).at("reaches"), everybody_but_lists);
  installation.create_client("billing");
  EXPECT_EQ(installation.json({"token", "revoke", "--client", "billing"}).at("reaches"),
            everybody_but_lists);
  EXPECT_EQ(installation.json({"token", "revoke", jti}).at("reaches"), everybody_but_lists);
  // An entry of a list that is not there.
  EXPECT_EQ(installation.json({"token", "revoke", jti + ".1.0"}).at("reaches"),
            everybody_but_lists);
  const auto shown = installation.run({"token", "revoke", "--all"}).out;
  EXPECT_NE(shown.find("introspection feed"), std::string::npos) << shown;
}

TEST_F(TokenCommand, RevokeWantsExactlyOneTarget) {
  installation.create_client("billing");
  for (const Arguments& arguments :
       {Arguments{"token", "revoke"}, Arguments{"token", "revoke", jti, "--all"},
        Arguments{"token", "revoke", "--all", "--client", "billing"},
        Arguments{"token", "revoke", "no-jti"},
        Arguments{"token", "revoke", std::string(32, 'A')}}) {
    EXPECT_EQ(installation.run(arguments).status, 2);
  }
  EXPECT_EQ(installation.run({"token", "revoke", "--client", "nobody"}).status, 1);
  EXPECT_EQ(installation.run({"token", "revoke", "--client", ""}).status, 1);
}

}  // namespace
}  // namespace grantd::testing
