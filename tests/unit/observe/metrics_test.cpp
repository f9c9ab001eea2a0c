#include "server/observe/metrics.h"

#include <gtest/gtest.h>

#include <chrono>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

namespace grantd::observe {
namespace {

using namespace std::chrono_literals;

bool has_line(const Metrics& metrics, const std::string& line) {
  return ("\n" + metrics.text()).find("\n" + line + "\n") != std::string::npos;
}

TEST(Metrics, ShowEveryUnlabelledMetricAtZeroFromTheStart) {
  const Metrics metrics;
  for (const char* name : {"grantd_tokens_issued_total",
                           "grantd_revocations_total",
                           "grantd_config_reloads_total",
                           "grantd_config_reload_failures_total",
                           "grantd_key_load_failures_total",
                           "grantd_client_cache_hits_total",
                           "grantd_client_cache_misses_total",
                           "grantd_storage_failures_total",
                           "grantd_connections_refused_total",
                           "grantd_tls_handshake_failures_total",
                           "grantd_log_dropped_total",
                           "grantd_connections",
                           "grantd_tls_certificate_expiry_seconds",
                           "grantd_published_keys",
                           "grantd_live_revocations",
                           "grantd_feed_readers_waiting",
                           R"(grantd_feed_answers_total{answer="full"})",
                           R"(grantd_feed_answers_total{answer="not_modified"})",
                           "grantd_signature_batches_total",
                           "grantd_signature_faults_total",
                           R"(grantd_signatures_total{signer="openssl"})",
                           R"(grantd_signatures_total{signer="multi-buffer"})"}) {
    EXPECT_TRUE(has_line(metrics, std::string(name) + " 0")) << name;
  }
}

TEST(Metrics, SayWhatEachIsFor) {
  Metrics metrics;
  metrics.request("token", 200, 1ms);
  metrics.authentication_failed("wrong_secret");
  std::istringstream text(metrics.text());
  std::string previous;
  int families = 0;
  for (std::string line; std::getline(text, line); previous = line) {
    if (!line.starts_with("# TYPE ")) continue;
    const std::string name = line.substr(7, line.find(' ', 7) - 7);
    EXPECT_TRUE(previous.starts_with("# HELP " + name + " ")) << line;
    ++families;
  }
  EXPECT_EQ(families, 28);
}

TEST(Metrics, NameTheVersion) {
  EXPECT_TRUE(has_line(Metrics(), "grantd_build_info{version=\"" GRANTD_VERSION "\"} 1"));
}

TEST(Metrics, CountRequestsByEndpointAndStatus) {
  Metrics metrics;
  metrics.request("token", 200, 1ms);
  metrics.request("token", 200, 1ms);
  metrics.request("token", 401, 1ms);
  metrics.request("jwks", 200, 1ms);
  EXPECT_TRUE(has_line(metrics, R"(grantd_requests_total{endpoint="token",status="200"} 2)"));
  EXPECT_TRUE(has_line(metrics, R"(grantd_requests_total{endpoint="token",status="401"} 1)"));
  EXPECT_TRUE(has_line(metrics, R"(grantd_requests_total{endpoint="jwks",status="200"} 1)"));
}

TEST(Metrics, CountWhatIsNoStatusUnderOther) {
  Metrics metrics;
  for (const unsigned status : {0U, 600U, 4'000'000'000U}) metrics.request("token", status, 1ms);
  EXPECT_TRUE(has_line(metrics, R"(grantd_requests_total{endpoint="token",status="other"} 3)"));
}

TEST(Metrics, SortDurationsFrom100MicrosecondsTo10Seconds) {
  Metrics metrics;
  metrics.request("token", 200, 50us);
  metrics.request("token", 200, 7s);
  metrics.request("token", 200, 1min);
  const std::string bucket = R"(grantd_request_duration_seconds_bucket{endpoint="token",le=)";
  EXPECT_TRUE(has_line(metrics, bucket + R"("0.0001"} 1)"));
  EXPECT_TRUE(has_line(metrics, bucket + R"("5"} 1)"));
  EXPECT_TRUE(has_line(metrics, bucket + R"("10"} 2)"));
  EXPECT_TRUE(has_line(metrics, bucket + R"("+Inf"} 3)"));
  EXPECT_TRUE(has_line(metrics, R"(grantd_request_duration_seconds_count{endpoint="token"} 3)"));
}

TEST(Metrics, StayBoundedWhateverALabelHolds) {
  Metrics metrics;
  for (int i = 0; i < 1000; ++i) {
    metrics.request("endpoint " + std::to_string(i), 200, 1ms);
    metrics.authentication_failed("reason " + std::to_string(i));
  }
  EXPECT_TRUE(has_line(metrics, R"(grantd_requests_total{endpoint="other",status="200"} 936)"));
  EXPECT_TRUE(has_line(metrics, R"(grantd_authentication_failures_total{reason="other"} 936)"));
}

TEST(Metrics, CountEachKindOfEventUnderItsName) {
  Metrics metrics;
  metrics.token_issued();
  metrics.token_revoked();
  metrics.authentication_failed("wrong_secret");
  metrics.config_reloaded();
  metrics.config_reload_failed();
  metrics.key_load_failed();
  metrics.client_cache(true);
  metrics.client_cache(false);
  metrics.client_cache(false);
  metrics.storage_failed();
  metrics.connection_refused();
  metrics.handshake_failed();
  for (const char* line :
       {"grantd_tokens_issued_total 1", "grantd_revocations_total 1",
        R"(grantd_authentication_failures_total{reason="wrong_secret"} 1)",
        "grantd_config_reloads_total 1", "grantd_config_reload_failures_total 1",
        "grantd_key_load_failures_total 1", "grantd_client_cache_hits_total 1",
        "grantd_client_cache_misses_total 2", "grantd_storage_failures_total 1",
        "grantd_connections_refused_total 1", "grantd_tls_handshake_failures_total 1"}) {
    EXPECT_TRUE(has_line(metrics, line)) << line;
  }
}

TEST(Metrics, ShowGaugesAsTheyStand) {
  Metrics metrics;
  metrics.connections(3);
  metrics.connections(-1);
  metrics.certificate_expires(1'769'860'800);
  metrics.published_keys(2);
  metrics.live_revocations(1'000'000);
  for (const char* line :
       {"grantd_connections 2", "grantd_published_keys 2",
        "grantd_tls_certificate_expiry_seconds 1769860800", "grantd_live_revocations 1000000"}) {
    EXPECT_TRUE(has_line(metrics, line)) << line << "\n" << metrics.text();
  }
}

TEST(Metrics, ReadWhatTheLogDroppedAtEachScrape) {
  Metrics metrics;
  std::uint64_t dropped = 5;
  metrics.log_dropped_from([&dropped] { return dropped; });
  EXPECT_TRUE(has_line(metrics, "grantd_log_dropped_total 5"));
  dropped = 7;
  EXPECT_TRUE(has_line(metrics, "grantd_log_dropped_total 7"));
}

TEST(Metrics, LoseNoCountBetweenThreads) {
  Metrics metrics;
  {
    std::vector<std::jthread> threads;
    threads.reserve(4);
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&metrics] {
        for (int n = 0; n < 1000; ++n) metrics.request("token", n % 2 == 0 ? 200 : 401, 1ms);
      });
    }
    for (int n = 0; n < 10; ++n) (void)metrics.text();
  }
  EXPECT_TRUE(has_line(metrics, R"(grantd_requests_total{endpoint="token",status="200"} 2000)"));
  EXPECT_TRUE(has_line(metrics, R"(grantd_requests_total{endpoint="token",status="401"} 2000)"));
}

}  // namespace
}  // namespace grantd::observe
