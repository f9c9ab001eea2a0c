package example.user;

import feign.FeignException;
import feign.Request;
import feign.Response;
import feign.RetryableException;
import feign.Retryer;
import feign.codec.ErrorDecoder;
import io.github.resilience4j.circuitbreaker.CircuitBreakerConfig;
import io.github.resilience4j.timelimiter.TimeLimiterConfig;
import java.time.Duration;
import java.util.List;
import org.springframework.cloud.circuitbreaker.resilience4j.Resilience4JCircuitBreakerFactory;
import org.springframework.cloud.circuitbreaker.resilience4j.Resilience4JConfigBuilder;
import org.springframework.cloud.client.circuitbreaker.Customizer;
import org.springframework.cloud.openfeign.CircuitBreakerNameResolver;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.Profile;
import org.springframework.http.HttpHeaders;

/**
 * What happens when profile-service does not answer as it should. Time-outs and retries: package
 * net.
 */
@Configuration
@Profile("user-service")
class ProfileResilience {

    private static final int UNAUTHORIZED = 401;

    /**
     * A 401: the token was revoked, or its key retired, behind the cache's back. Drop it, and try
     * once more.
     */
    @Bean
    ErrorDecoder dropRefusedTokens(ProfileTokens tokens) {
        ErrorDecoder others = new ErrorDecoder.Default();
        return (method, response) -> {
            if (response.status() != UNAUTHORIZED) {
                return others.decode(method, response);
            }
            tokens.refused(bearerOf(response));
            return new RetryableException(UNAUTHORIZED, "profile-service refused the token",
                    response.request().httpMethod(), (Long) null, response.request());
        };
    }

    private static String bearerOf(Response response) {
        Request request = response.request();
        return request.headers().getOrDefault(HttpHeaders.AUTHORIZATION, List.of()).stream()
                .findFirst().orElse("").replaceFirst("^Bearer ", "");
    }

    @Bean
    Retryer onceAfter401() {
        return new OnceAfter401();
    }

    /**
     * Feign clones it for each call. Everything else that can be retried was retried by the HTTP
     * client.
     */
    private static final class OnceAfter401 implements Retryer {
        private boolean tried;

        @Override
        public void continueOrPropagate(RetryableException e) {
            if (e.status() != UNAUTHORIZED || tried) {
                throw e;
            }
            tried = true;
        }

        @Override
        public Retryer clone() {
            return new OnceAfter401();
        }
    }

    /** Open after half of the last 20 calls failed; then 5 s later 3 calls may try. */
    @Bean
    Customizer<Resilience4JCircuitBreakerFactory> breaker() {
        var config = CircuitBreakerConfig.custom()
                .slidingWindowSize(20).minimumNumberOfCalls(10).failureRateThreshold(50)
                .waitDurationInOpenState(Duration.ofSeconds(5))
                .permittedNumberOfCallsInHalfOpenState(3)
                .recordException(ProfileResilience::isProfileServicesFault)
                .build();
        return factory -> factory.configureDefault(name -> new Resilience4JConfigBuilder(name)
                .circuitBreakerConfig(config)
                .timeLimiterConfig(TimeLimiterConfig.ofDefaults()) // off, yet it must be there
                .build());
    }

    /** One breaker for the one service, whichever client and method calls it. */
    @Bean
    CircuitBreakerNameResolver breakerPerService() {
        return (client, target, method) -> target.name();
    }

    /**
     * No connection, no answer in time, or a 5xx. A refused caller, or a grantd that is away, is
     * not.
     */
    private static boolean isProfileServicesFault(Throwable e) {
        return e instanceof FeignException feign && (feign.status() < 0 || feign.status() >= 500);
    }
}
