#include "server/observe/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <array>
#include <atomic>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace grantd::observe {
namespace {

using prometheus::Counter;
using prometheus::Family;
using prometheus::Gauge;
using prometheus::Histogram;
using prometheus::Registry;

/// Above that many values of one label, newcomers share the value "other": a scrape stays small
/// whatever a caller passes in.
constexpr std::size_t max_label_values = 64;
constexpr std::string_view other = "other";

const Histogram::BucketBoundaries& latency_buckets() {
  static const Histogram::BucketBoundaries seconds{0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005,
                                                   0.01,   0.025,   0.05,   0.1,   0.25,   0.5,
                                                   1,      2.5,     5,      10};
  return seconds;
}

Family<Counter>& counters(Registry& registry, const char* name, const char* help) {
  return prometheus::BuildCounter().Name(name).Help(help).Register(registry);
}

Counter& counter(Registry& registry, const char* name, const char* help) {
  return counters(registry, name, help).Add({});
}

Gauge& gauge(Registry& registry, const char* name, const char* help) {
  return prometheus::BuildGauge().Name(name).Help(help).Register(registry).Add({});
}

/// The metrics without labels: there from the start, at 0.
struct Plain {
  explicit Plain(Registry& registry)
      : tokens_issued(counter(registry, "grantd_tokens_issued_total", "Access tokens issued.")),
        revocations(counter(registry, "grantd_revocations_total", "Tokens revoked.")),
        config_reloads(counter(registry, "grantd_config_reloads_total",
                               "Configurations put into force by a reload.")),
        config_reload_failures(counter(registry, "grantd_config_reload_failures_total",
                                       "Reloads refused; what ran before stays in force.")),
        key_load_failures(counter(registry, "grantd_key_load_failures_total",
                                  "Files in the key directory that could not be used.")),
        cache_hits(counter(registry, "grantd_client_cache_hits_total",
                           "Client lookups answered from memory.")),
        cache_misses(counter(registry, "grantd_client_cache_misses_total",
                             "Client lookups that went to storage.")),
        storage_failures(
            counter(registry, "grantd_storage_failures_total", "Storage operations that failed.")),
        clock_off(counter(registry, "grantd_clock_off_total",
                          "Times that this clock was found too far from the database's.")),
        connections_refused(counter(registry, "grantd_connections_refused_total",
                                    "Connections closed on arrival: too many were open.")),
        handshake_failures(counter(registry, "grantd_tls_handshake_failures_total",
                                   "TLS handshakes that failed or timed out.")),
        log_dropped(counter(registry, "grantd_log_dropped_total",
                            "Log lines that stdout did not take in time.")),
        connections(gauge(registry, "grantd_connections", "Connections open now.")),
        storage_available(gauge(registry, "grantd_storage_available",
                                "1 where the database answered when last asked, else 0.")),
        storage_read(gauge(registry, "grantd_storage_read_seconds",
                           "When changes were last read, in seconds since 1970.")),
        storage_clock_ahead(gauge(registry, "grantd_storage_clock_ahead_seconds",
                                  "How far the database's clock is ahead of this one.")),
        certificate_expiry(gauge(registry, "grantd_tls_certificate_expiry_seconds",
                                 "When the TLS certificate expires, in seconds since 1970.")),
        published_keys(gauge(registry, "grantd_published_keys", "Keys published in the JWKS.")),
        live_revocations(gauge(registry, "grantd_live_revocations",
                               "Revoked tokens that have not expired yet.")),
        feed_waiting(gauge(registry, "grantd_feed_readers_waiting",
                           "Readers of the revocation feed that wait for news.")) {}

  Counter& tokens_issued;
  Counter& revocations;
  Counter& config_reloads;
  Counter& config_reload_failures;
  Counter& key_load_failures;
  Counter& cache_hits;
  Counter& cache_misses;
  Counter& storage_failures;
  Counter& clock_off;
  Counter& connections_refused;
  Counter& handshake_failures;
  Counter& log_dropped;
  Gauge& connections;
  Gauge& storage_available;
  Gauge& storage_read;
  Gauge& storage_clock_ahead;
  Gauge& certificate_expiry;
  Gauge& published_keys;
  Gauge& live_revocations;
  Gauge& feed_waiting;
};

/// Of a signer that makes batches: there from the start, at 0.
struct Signatures {
  explicit Signatures(Registry& registry)
      : family(counters(registry, "grantd_signatures_total",
                        "Signatures of a signer that makes batches, by what made them.")),
        batches(counter(registry, "grantd_signature_batches_total",
                        "Batches of signatures made at once.")),
        faults(counter(registry, "grantd_signature_faults_total",
                       "Results that were no signature, thrown away and made again.")) {}

  Family<Counter>& family;
  Counter& alone{family.Add({{"signer", "openssl"}})};
  Counter& together{family.Add({{"signer", "multi-buffer"}})};
  Counter& batches;
  Counter& faults;
};

/// The answers of the revocation feed, by kind: there from the start, at 0.
struct FeedAnswers {
  explicit FeedAnswers(Registry& registry)
      : family(counters(registry, "grantd_feed_answers_total",
                        "Answers of the revocation feed, by what they held.")) {}

  Counter& of(FeedAnswer answer) {
    switch (answer) {
      case FeedAnswer::full:
        return full;
      case FeedAnswer::news:
        return news;
      case FeedAnswer::empty:
        return empty;
      case FeedAnswer::not_modified:
        return not_modified;
    }
    std::unreachable();
  }

  Family<Counter>& family;
  Counter& full{family.Add({{"answer", "full"}})};
  Counter& news{family.Add({{"answer", "news"}})};
  Counter& empty{family.Add({{"answer", "empty"}})};
  Counter& not_modified{family.Add({{"answer", "not_modified"}})};
};

/// One counter of a family, found once and kept: the registry never moves a metric.
struct Labelled {
  explicit Labelled(std::string_view label) : name(label) {}

  const std::string name;
  Counter* counter{nullptr};
};

/// Entries by name that are only ever added: found without a lock, since each request looks for its
/// own, and added under one. A walk over a few names costs less than hashing one. Where there are
/// too many, newcomers share the entry "other".
template <typename Entry>
class ByName {
 public:
  /// `make` fills a new entry in before others see it.
  template <typename Make>
  Entry& find_or_make(std::string_view name, std::mutex& mutex, Make make) {
    if (Entry* found = find(name)) return *found;
    const std::lock_guard lock(mutex);
    if (Entry* found = find(name)) return *found;  // another thread was first
    if (owned_.size() >= max_label_values) {
      name = other;
      if (Entry* found = find(name)) return *found;
    }
    auto made = std::make_unique<Entry>(name);
    make(*made);
    Entry& entry = *owned_.emplace_back(std::move(made));
    entries_[owned_.size() - 1].store(&entry, std::memory_order_release);
    return entry;
  }

 private:
  [[nodiscard]] Entry* find(std::string_view name) const {
    for (const auto& slot : entries_) {
      Entry* const entry = slot.load(std::memory_order_acquire);
      if (entry == nullptr || entry->name == name) return entry;
    }
    return nullptr;
  }

  std::array<std::atomic<Entry*>, max_label_values + 1> entries_{};
  std::vector<std::unique_ptr<Entry>> owned_;
};

/// One above the greatest status of HTTP (RFC 9110 §15).
constexpr std::size_t statuses = 600;

struct Endpoint {
  explicit Endpoint(std::string_view label) : name(label) {}

  const std::string name;
  Histogram* latency{nullptr};
  /// Null until the status was first answered with; 0 stands for what is none.
  std::array<std::atomic<Counter*>, statuses> by_status{};
};

}  // namespace

class Metrics::Impl {
 public:
  Impl() {
    prometheus::BuildGauge()
        .Name("grantd_build_info")
        .Help("Always 1; the version is in the label.")
        .Register(registry_)
        .Add({{"version", GRANTD_VERSION}})
        .Set(1);
  }

  [[nodiscard]] const Plain& plain() const { return plain_; }
  [[nodiscard]] const Signatures& signatures() const { return signatures_; }
  [[nodiscard]] Counter& feed_answers(FeedAnswer answer) { return feed_answers_.of(answer); }

  void signer_in_force(std::string_view signer) {
    prometheus::BuildGauge()
        .Name("grantd_signer_info")
        .Help("Always 1; what signs is in the label.")
        .Register(registry_)
        .Add({{"signer", std::string(signer)}})
        .Set(1);
  }

  void request(std::string_view name, unsigned status, std::chrono::nanoseconds duration) {
    Endpoint& endpoint = endpoints_.find_or_make(name, mutex_, [this](Endpoint& made) {
      made.latency = &durations_.Add({{"endpoint", made.name}}, latency_buckets());
    });
    answered(endpoint, status < statuses ? status : 0).Increment();
    endpoint.latency->Observe(std::chrono::duration<double>(duration).count());
  }

  void authentication_failed(std::string_view reason) {
    reasons_
        .find_or_make(reason, mutex_,
                      [this](Labelled& made) {
                        made.counter = &authentication_failures_.Add({{"reason", made.name}});
                      })
        .counter->Increment();
  }

  void log_dropped_from(std::function<std::uint64_t()> dropped) {
    const std::lock_guard lock(mutex_);
    dropped_ = std::move(dropped);
  }

  [[nodiscard]] std::string text() {
    {
      const std::lock_guard lock(mutex_);
      Counter& counter = plain_.log_dropped;
      if (dropped_) counter.Increment(static_cast<double>(dropped_()) - counter.Value());
    }
    return prometheus::TextSerializer().Serialize(registry_.Collect());
  }

 private:
  Counter& answered(Endpoint& endpoint, std::size_t status) {
    auto& slot = endpoint.by_status[status];
    if (Counter* known = slot.load(std::memory_order_acquire)) return *known;
    // Where another thread is first, the family gives both the same counter.
    Counter& made =
        requests_.Add({{"endpoint", endpoint.name},
                       {"status", status == 0 ? std::string(other) : std::to_string(status)}});
    slot.store(&made, std::memory_order_release);
    return made;
  }

  Registry registry_;
  Plain plain_{registry_};
  FeedAnswers feed_answers_{registry_};
  Signatures signatures_{registry_};
  Family<Counter>& requests_{
      counters(registry_, "grantd_requests_total", "Requests answered, by endpoint and status.")};
  Family<Counter>& authentication_failures_{
      counters(registry_, "grantd_authentication_failures_total",
               "Client authentications that failed, by reason.")};
  Family<Histogram>& durations_{prometheus::BuildHistogram()
                                    .Name("grantd_request_duration_seconds")
                                    .Help("Time from a request read to its answer, by endpoint.")
                                    .Register(registry_)};
  std::mutex mutex_;
  ByName<Endpoint> endpoints_;
  ByName<Labelled> reasons_;
  std::function<std::uint64_t()> dropped_;
};

Metrics::Metrics() : impl_(std::make_unique<Impl>()) {}
Metrics::~Metrics() = default;

void Metrics::request(std::string_view endpoint, unsigned status,
                      std::chrono::nanoseconds duration) {
  impl_->request(endpoint, status, duration);
}
void Metrics::token_issued() { impl_->plain().tokens_issued.Increment(); }
void Metrics::token_revoked() { impl_->plain().revocations.Increment(); }
void Metrics::authentication_failed(std::string_view reason) {
  impl_->authentication_failed(reason);
}
void Metrics::config_reloaded() { impl_->plain().config_reloads.Increment(); }
void Metrics::config_reload_failed() { impl_->plain().config_reload_failures.Increment(); }
void Metrics::key_load_failed() { impl_->plain().key_load_failures.Increment(); }
void Metrics::signer_in_force(std::string_view signer) { impl_->signer_in_force(signer); }
void Metrics::signed_alone() { impl_->signatures().alone.Increment(); }
void Metrics::signed_together(std::size_t signatures) {
  impl_->signatures().together.Increment(static_cast<double>(signatures));
  impl_->signatures().batches.Increment();
}
void Metrics::signature_faulty() { impl_->signatures().faults.Increment(); }
void Metrics::client_cache(bool hit) {
  (hit ? impl_->plain().cache_hits : impl_->plain().cache_misses).Increment();
}
void Metrics::storage_failed() { impl_->plain().storage_failures.Increment(); }
void Metrics::storage_answers(bool answers) {
  impl_->plain().storage_available.Set(answers ? 1 : 0);
}
void Metrics::storage_read(std::int64_t unix_seconds) {
  impl_->plain().storage_read.Set(static_cast<double>(unix_seconds));
}
void Metrics::storage_clock_ahead(std::chrono::nanoseconds ahead) {
  impl_->plain().storage_clock_ahead.Set(std::chrono::duration<double>(ahead).count());
}
void Metrics::clock_went_off() { impl_->plain().clock_off.Increment(); }
void Metrics::connection_refused() { impl_->plain().connections_refused.Increment(); }
void Metrics::handshake_failed() { impl_->plain().handshake_failures.Increment(); }
void Metrics::connections(std::int64_t change) {
  impl_->plain().connections.Increment(static_cast<double>(change));
}
void Metrics::certificate_expires(std::int64_t unix_seconds) {
  impl_->plain().certificate_expiry.Set(static_cast<double>(unix_seconds));
}
void Metrics::published_keys(std::int64_t count) {
  impl_->plain().published_keys.Set(static_cast<double>(count));
}
void Metrics::live_revocations(std::int64_t count) {
  impl_->plain().live_revocations.Set(static_cast<double>(count));
}
void Metrics::feed_waiting(std::int64_t change) {
  impl_->plain().feed_waiting.Increment(static_cast<double>(change));
}
void Metrics::feed_answered(FeedAnswer answer) { impl_->feed_answers(answer).Increment(); }
void Metrics::log_dropped_from(std::function<std::uint64_t()> dropped) {
  impl_->log_dropped_from(std::move(dropped));
}
std::string Metrics::text() const { return impl_->text(); }

}  // namespace grantd::observe
