/// PostgreSQL's client library, loaded when a PostgreSQL URL is first read: it brings twenty other
/// libraries (LDAP, Kerberos, GnuTLS, SASL), which a process that holds signing keys and works on
/// SQLite need not have. Types and constants come from its header, the functions from here.
///
/// For config (URLs) and storage/postgres alone. Thread-safe. docs/adr/0013-libpq-at-run-time.md
#pragma once

#include <libpq-fe.h>

#include <expected>
#include <string>

namespace grantd {

/// All functions of libpq's that are used.
#define GRANTD_LIBPQ_FUNCTIONS(APPLY) \
  APPLY(PQbackendPID)                 \
  APPLY(PQclear)                      \
  APPLY(PQcmdStatus)                  \
  APPLY(PQcmdTuples)                  \
  APPLY(PQconnectPoll)                \
  APPLY(PQconnectStartParams)         \
  APPLY(PQconninfoFree)               \
  APPLY(PQconninfoParse)              \
  APPLY(PQconsumeInput)               \
  APPLY(PQerrorMessage)               \
  APPLY(PQfinish)                     \
  APPLY(PQflush)                      \
  APPLY(PQgetResult)                  \
  APPLY(PQgetisnull)                  \
  APPLY(PQgetlength)                  \
  APPLY(PQgetvalue)                   \
  APPLY(PQisBusy)                     \
  APPLY(PQntuples)                    \
  APPLY(PQresultErrorField)           \
  APPLY(PQresultErrorMessage)         \
  APPLY(PQresultStatus)               \
  APPLY(PQsendPrepare)                \
  APPLY(PQsendQuery)                  \
  APPLY(PQsendQueryParams)            \
  APPLY(PQsendQueryPrepared)          \
  APPLY(PQserverVersion)              \
  APPLY(PQsetNoticeReceiver)          \
  APPLY(PQsetnonblocking)             \
  APPLY(PQsocket)                     \
  APPLY(PQstatus)                     \
  APPLY(PQtransactionStatus)

struct Libpq {
// NOLINTNEXTLINE(bugprone-macro-parentheses): the name of a member stands in none
#define GRANTD_LIBPQ_MEMBER(name) decltype(&::name) name{};
  GRANTD_LIBPQ_FUNCTIONS(GRANTD_LIBPQ_MEMBER)
#undef GRANTD_LIBPQ_MEMBER
};

/// Loads it once for the life of the process. Error: one sentence for the operator; it stays, so
/// that a library that was installed meanwhile wants a restart.
[[nodiscard]] std::expected<void, std::string> load_libpq();

/// Only after load_libpq() had no error.
[[nodiscard]] const Libpq& libpq() noexcept;

}  // namespace grantd
