package example.user;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.springframework.security.oauth2.client.registration.ClientRegistration;
import org.springframework.security.oauth2.client.registration.InMemoryClientRegistrationRepository;
import org.springframework.security.oauth2.core.AuthorizationGrantType;
import org.springframework.security.oauth2.core.OAuth2AccessToken.TokenType;
import org.springframework.security.oauth2.core.endpoint.OAuth2AccessTokenResponse;
import org.springframework.security.oauth2.jwt.Jwt;

class ProfileTokensTest {

    private static final long LIFE_SECONDS = 100;
    private final AtomicInteger fetched = new AtomicInteger();
    private Duration passed = Duration.ZERO;
    private final ProfileTokens tokens = new ProfileTokens(
            new InMemoryClientRegistrationRepository(
                    registration(ProfileTokens.OWN, AuthorizationGrantType.CLIENT_CREDENTIALS),
                    registration(ProfileTokens.EXCHANGE, AuthorizationGrantType.TOKEN_EXCHANGE)),
            TokenClient.provider(
                    request -> response("own"),
                    request -> response("for " + request.getSubjectToken().getTokenValue()),
                    new TurnedClock()));

    private final class TurnedClock extends Clock {
        @Override
        public Instant instant() {
            return Instant.now().plus(passed);
        }

        @Override
        public ZoneId getZone() {
            return ZoneOffset.UTC;
        }

        @Override
        public Clock withZone(ZoneId zone) {
            return this;
        }
    }

    private OAuth2AccessTokenResponse response(String token) {
        return OAuth2AccessTokenResponse.withToken(token + " #" + fetched.incrementAndGet())
                .tokenType(TokenType.BEARER).expiresIn(LIFE_SECONDS).build();
    }

    private static ClientRegistration registration(String id, AuthorizationGrantType grant) {
        return ClientRegistration.withRegistrationId(id).authorizationGrantType(grant)
                .clientId("user-service").clientSecret("secret")
                .tokenUri("https://issuer/token").build();
    }

    private static Jwt callersToken(String value) {
        return Jwt.withTokenValue(value).header("alg", "RS256").subject("caller")
                .expiresAt(Instant.now().plusSeconds(60)).build();
    }

    @Test
    void theServicesOwnTokenIsFetchedOnce() {
        assertEquals("own #1", tokens.own());
        assertEquals("own #1", tokens.own());
    }

    @Test
    void eachOfACallersTokensIsExchangedOnceAndForItself() {
        assertEquals("for a #1", tokens.exchanged(callersToken("a")));
        assertEquals("for b #2", tokens.exchanged(callersToken("b")));
        assertEquals("for a #1", tokens.exchanged(callersToken("a")));
    }

    @Test
    void aTokenIsRenewedInTheLastFifthOfItsLife() {
        assertEquals("own #1", tokens.own());
        passed = Duration.ofSeconds(LIFE_SECONDS * 4 / 5 - 5);
        assertEquals("own #1", tokens.own());
        passed = Duration.ofSeconds(LIFE_SECONDS * 4 / 5 + 1);
        assertEquals("own #2", tokens.own());
    }

    @Test
    void aRefusedTokenIsDroppedAndNoOther() {
        String own = tokens.own();
        String exchanged = tokens.exchanged(callersToken("a"));
        tokens.refused(own);
        assertEquals("own #3", tokens.own());
        assertEquals(exchanged, tokens.exchanged(callersToken("a")));
    }
}
