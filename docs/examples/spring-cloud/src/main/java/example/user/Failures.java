package example.user;

import feign.FeignException;
import io.github.resilience4j.circuitbreaker.CallNotPermittedException;
import java.io.InterruptedIOException;
import java.util.Map;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.cloud.client.circuitbreaker.NoFallbackAvailableException;
import org.springframework.context.annotation.Profile;
import org.springframework.core.task.TaskRejectedException;
import org.springframework.http.HttpHeaders;
import org.springframework.http.HttpStatus;
import org.springframework.http.ResponseEntity;
import org.springframework.security.oauth2.core.OAuth2AuthorizationException;
import org.springframework.web.bind.annotation.ExceptionHandler;
import org.springframework.web.bind.annotation.RestControllerAdvice;
import org.springframework.web.context.request.async.AsyncRequestTimeoutException;

/** What a caller of user-service sees when something behind it failed. */
@RestControllerAdvice
@Profile("user-service")
class Failures {

    private static final Logger log = LoggerFactory.getLogger(Failures.class);

    /** Feign's failures come wrapped by the circuit breaker, which has no fallback to offer. */
    @ExceptionHandler
    ResponseEntity<Map<String, String>> downstream(NoFallbackAvailableException e) {
        Throwable cause = e.getCause();
        log.warn("profile not fetched: {}", cause.toString());
        if (cause instanceof OAuth2AuthorizationException token) {
            return token(token);
        }
        if (cause instanceof CallNotPermittedException) {
            return answer(HttpStatus.SERVICE_UNAVAILABLE, "circuit_open");
        }
        if (cause.getCause() instanceof InterruptedIOException) { // also SocketTimeoutException
            return answer(HttpStatus.GATEWAY_TIMEOUT, "downstream_timeout");
        }
        return cause instanceof FeignException feign && feign.status() == 503
                ? answer(HttpStatus.SERVICE_UNAVAILABLE, "downstream_unavailable")
                : answer(HttpStatus.BAD_GATEWAY, "downstream_failed");
    }

    /** grantd gave no token. The caller's own can be the reason: it was revoked a moment ago. */
    private static ResponseEntity<Map<String, String>> token(OAuth2AuthorizationException e) {
        return switch (e.getError().getErrorCode()) {
            case "invalid_request", "invalid_grant" -> ResponseEntity
                    .status(HttpStatus.UNAUTHORIZED)
                    .header(HttpHeaders.WWW_AUTHENTICATE, "Bearer error=\"invalid_token\"")
                    .body(Map.of("error", "invalid_token"));
            default -> answer(HttpStatus.BAD_GATEWAY, "no_token");
        };
    }

    @ExceptionHandler
    ResponseEntity<Map<String, String>> full(TaskRejectedException e) {
        return answer(HttpStatus.SERVICE_UNAVAILABLE, "overloaded");
    }

    @ExceptionHandler
    ResponseEntity<Map<String, String>> late(AsyncRequestTimeoutException e) {
        return answer(HttpStatus.GATEWAY_TIMEOUT, "downstream_timeout");
    }

    private static ResponseEntity<Map<String, String>> answer(HttpStatus status, String error) {
        var response = ResponseEntity.status(status);
        if (status == HttpStatus.SERVICE_UNAVAILABLE) {
            response.header(HttpHeaders.RETRY_AFTER, "1");
        }
        return response.body(Map.of("error", error));
    }
}
