#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <sys/stat.h>

#include <memory>
#include <string>

#include "server/http/tls/ticket_keys.h"
#include "tests/unit/http/server_fixture.h"

namespace grantd::http {
namespace {

class TurnedClock final : public Clock {
 public:
  [[nodiscard]] WallTime now() const override { return WallTime(time); }
  [[nodiscard]] SteadyTime steady() const override { return SteadyTime(time); }
  std::chrono::seconds time{1000};
};

class Rfc9325Tls : public ServerTest {
 protected:
  /// The session that a fresh connection may resume with.
  [[nodiscard]] std::shared_ptr<SSL_SESSION> session(int version) const {
    TlsClient::Options options;
    options.max_version = version;
    const auto client = connect(options);
    EXPECT_EQ(client->request("GET", "/hello").status, 200);
    return client->session();
  }
  [[nodiscard]] bool resumes(const std::shared_ptr<SSL_SESSION>& session, int version) const {
    TlsClient::Options options;
    options.max_version = version;
    options.session = session;
    const auto client = connect(options);
    EXPECT_EQ(client->request("GET", "/hello").status, 200);
    return client->resumed();
  }
};

class TlsContext : public ServerTest {
 protected:
  [[nodiscard]] std::string fault(const char* certificate, const char* key) const {
    const auto made = tls::Context::make(directory / certificate, directory / key, ticket_keys);
    return made ? "" : made.error();
  }
};

TEST_F(Rfc9325Tls, SpeaksTls12And13) {
  start();
  TlsClient::Options options;
  EXPECT_EQ(connect(options)->version(), "TLSv1.3");
  options.max_version = TLS1_2_VERSION;
  const auto client = connect(options);
  EXPECT_EQ(client->version(), "TLSv1.2");
  EXPECT_EQ(client->request("GET", "/hello").status, 200);
}

TEST_F(Rfc9325Tls, RefusesOlderVersions) {  // R7
  start();
  TlsClient::Options options;
  options.max_version = TLS1_1_VERSION;
  try {
    connect(options);
    FAIL() << "TLS 1.1 was accepted";
  } catch (const std::runtime_error& error) {
    EXPECT_NE(std::string(error.what()).find("protocol version"), std::string::npos)
        << error.what();
  }
}

TEST_F(Rfc9325Tls, PlaintextGetsNoAnswer) {  // R6
  start();
  TlsClient plain("127.0.0.1", port, "");
  plain.send_raw("GET /hello HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(plain.read_to_close().find("HTTP/1.1 200"), std::string::npos);
}

TEST_F(Rfc9325Tls, CertificateFitsNamesAndAddresses) {
  start();
  EXPECT_EQ(TlsClient("localhost", port, ca_file()).request("GET", "/hello").status, 200);
  EXPECT_EQ(TlsClient("127.0.0.1", port, ca_file()).request("GET", "/hello").status, 200);
  EXPECT_THROW(TlsClient("127.0.0.2", port, ca_file()), std::runtime_error);
}

TEST_F(Rfc9325Tls, ANewContextIsUsedFromTheNextConnectionOn) {
  start();
  const auto before = connect();
  write_certificates();

  EXPECT_EQ(before->request("GET", "/hello").status, 200);
  EXPECT_EQ(connect()->request("GET", "/hello").status, 200);
}

TEST_F(Rfc9325Tls, SessionsResumeOnEveryLoopAndAfterAReload) {
  start(2);
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    const auto first = session(version);
    // Connections are handed to the loops in turn: one of two in a row meets the other loop.
    EXPECT_TRUE(resumes(first, version));
    const auto second = session(version);
    EXPECT_TRUE(resumes(second, version));
    auto context =
        tls::Context::make(directory / "server.crt", directory / "server.key", ticket_keys);
    ASSERT_TRUE(context);
    contexts.set(*context);
    EXPECT_TRUE(resumes(session(version), version));
  }
}

/// RFC 8446 §C.4.
TEST_F(Rfc9325Tls, AClientThatUsesEachTicketOnceResumesEachTime) {
  start(2);
  TlsClient::Options options;
  options.min_version = TLS1_3_VERSION;
  options.session = session(TLS1_3_VERSION);
  for (int i = 0; i < 3; ++i) {
    const auto client = connect(options);
    ASSERT_EQ(client->request("GET", "/hello").status, 200);
    EXPECT_TRUE(client->resumed()) << i;
    ASSERT_NE(client->session(), options.session) << i;
    options.session = client->session();
    EXPECT_EQ(SSL_SESSION_is_resumable(options.session.get()), 1) << i;
  }
}

TEST_F(Rfc9325Tls, TicketsOfForgottenKeysLeadToAFullHandshake) {
  start();
  const auto before = session(TLS1_3_VERSION);
  ticket_keys = std::make_shared<tls::TicketKeys>(clock, random);
  write_certificates();
  TlsClient::Options options;
  options.session = before;
  const auto client = connect(options);

  EXPECT_EQ(client->request("GET", "/hello").status, 200);
  EXPECT_FALSE(client->resumed());
}

TEST_F(Rfc9325Tls, AlpnIsHttp11OrNothing) {
  start();
  TlsClient::Options options;
  options.alpn = {"h2", "http/1.1"};
  EXPECT_EQ(connect(options)->alpn(), "http/1.1");
  EXPECT_EQ(connect()->alpn(), "");
  options.alpn = {"h2"};
  try {
    connect(options);
    FAIL() << "h2 was accepted";
  } catch (const std::runtime_error& error) {
    EXPECT_NE(std::string(error.what()).find("no application protocol"), std::string::npos)
        << error.what();
  }
}

TEST(Rfc5077TicketKeys, PreviousKeyStillOpensAndIsRenewedThenForgotten) {
  TurnedClock clock;
  SystemRandom random;
  tls::TicketKeys keys(clock, random);
  const tls::TicketKey first = keys.impl().current();
  ASSERT_TRUE(keys.impl().find(first.name));
  EXPECT_FALSE(keys.impl().find(first.name)->renew);

  clock.time += tls::TicketKeys::rotate_every;
  EXPECT_NE(keys.impl().current().name, first.name);
  ASSERT_TRUE(keys.impl().find(first.name));
  EXPECT_TRUE(keys.impl().find(first.name)->renew);
  EXPECT_EQ(keys.impl().find(first.name)->key.cipher_key, first.cipher_key);

  clock.time += tls::TicketKeys::rotate_every;
  EXPECT_FALSE(keys.impl().find(first.name));
}

TEST(Rfc5077TicketKeys, AfterALongSilenceBothKeysAreNew) {
  TurnedClock clock;
  SystemRandom random;
  tls::TicketKeys keys(clock, random);
  const tls::TicketKey first = keys.impl().current();
  clock.time += 3 * tls::TicketKeys::rotate_every;

  EXPECT_FALSE(keys.impl().find(first.name));
}

TEST_F(TlsContext, KnowsWhenTheCertificateExpires) {
  const auto left = contexts.get()->not_after() - floor_seconds(clock.now());
  EXPECT_GT(left, std::chrono::days(364));
  EXPECT_LE(left, std::chrono::days(365));
}

TEST_F(TlsContext, AMissingFileIsNamed) {
  EXPECT_NE(fault("none.crt", "server.key").find("none.crt"), std::string::npos);
  EXPECT_NE(fault("server.crt", "none.key").find("none.key"), std::string::npos);
}

TEST_F(TlsContext, AKeyOfAnotherCertificateIsRefused) {
  const auto other = tls::make_development_certificates(floor_seconds(clock.now()));
  ASSERT_TRUE(other);
  ASSERT_TRUE(write_private_file(directory / "other.key", other->server_private_key_pem.view(),
                                 IfExists::replace));
  EXPECT_NE(fault("server.crt", "other.key").find("does not belong"), std::string::npos);
}

TEST_F(TlsContext, AKeyThatOthersCanReadIsRefused) {
  ASSERT_EQ(chmod((directory / "server.key").c_str(), 0644), 0);
  EXPECT_NE(fault("server.crt", "server.key").find("server.key"), std::string::npos);
}

TEST_F(TlsContext, AKeyThatItsGroupCanReadIsAWarning) {
  ASSERT_EQ(chmod((directory / "server.key").c_str(), 0640), 0);
  const auto made =
      tls::Context::make(directory / "server.crt", directory / "server.key", ticket_keys);
  ASSERT_TRUE(made) << made.error();
  EXPECT_NE((*made)->warning(), "");
}

TEST_F(TlsContext, APassphraseIsRefusedWithoutAskingForIt) {
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(EVP_EC_gen("P-256"), EVP_PKEY_free);
  const std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new(BIO_s_mem()), BIO_free);
  ASSERT_EQ(PEM_write_bio_PKCS8PrivateKey(bio.get(), key.get(), EVP_aes_256_cbc(), "locked", 6,
                                          nullptr, nullptr),
            1);
  char* text = nullptr;
  const long bytes = BIO_get_mem_data(bio.get(), &text);
  const std::string encrypted(text, static_cast<std::size_t>(bytes));
  ASSERT_TRUE(write_private_file(directory / "locked.key", encrypted, IfExists::replace));
  EXPECT_NE(fault("server.crt", "locked.key").find("passphrase"), std::string::npos)
      << fault("server.crt", "locked.key");
}

TEST_F(TlsContext, WhatIsNoPemIsRefused) {
  ASSERT_TRUE(write_private_file(directory / "junk", "junk", IfExists::replace));
  EXPECT_NE(fault("junk", "server.key").find("junk"), std::string::npos);
  EXPECT_NE(fault("server.crt", "junk").find("junk"), std::string::npos);
}

TEST_F(TlsContext, DevelopmentCertificatesAreRenewedAWeekBeforeTheirEnd) {
  const auto now = floor_seconds(clock.now());
  const auto made = tls::make_development_certificates(now);
  ASSERT_TRUE(made);

  EXPECT_TRUE(tls::still_valid(made->server_certificate_pem, now));
  EXPECT_TRUE(tls::still_valid(made->server_certificate_pem, now + std::chrono::days(357)));
  EXPECT_FALSE(tls::still_valid(made->server_certificate_pem, now + std::chrono::days(359)));
  EXPECT_FALSE(tls::still_valid(made->server_certificate_pem, now - std::chrono::days(1)));
  EXPECT_FALSE(tls::still_valid("junk", now));
}

}  // namespace
}  // namespace grantd::http
