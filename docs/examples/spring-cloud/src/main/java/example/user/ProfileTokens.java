package example.user;

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import org.springframework.security.authentication.AbstractAuthenticationToken;
import org.springframework.security.core.authority.AuthorityUtils;
import org.springframework.security.oauth2.client.AuthorizedClientServiceOAuth2AuthorizedClientManager;
import org.springframework.security.oauth2.client.OAuth2AuthorizeRequest;
import org.springframework.security.oauth2.client.OAuth2AuthorizedClientId;
import org.springframework.security.oauth2.client.OAuth2AuthorizedClientManager;
import org.springframework.security.oauth2.client.OAuth2AuthorizedClientProvider;
import org.springframework.security.oauth2.client.registration.ClientRegistrationRepository;
import org.springframework.security.oauth2.jwt.Jwt;

/**
 * The tokens that user-service shows to profile-service: its own, and those it got in exchange for
 * a caller's. Spring's manager fetches, caches, and renews shortly before the end; what it lacks is
 * added here: a bound on the cache, one fetch for concurrent callers, and dropping what was
 * refused.
 */
class ProfileTokens {

    static final String OWN = "own";
    static final String EXCHANGE = "exchange";
    private static final int MAX_CACHED = 10_000;

    private final TokenCache cache = new TokenCache(MAX_CACHED);
    private final OAuth2AuthorizedClientManager manager;
    private final SingleFlight<OAuth2AuthorizedClientId, String> flights = new SingleFlight<>();

    ProfileTokens(ClientRegistrationRepository registrations,
            OAuth2AuthorizedClientProvider provider) {
        var clients =
                new AuthorizedClientServiceOAuth2AuthorizedClientManager(registrations, cache);
        clients.setAuthorizedClientProvider(provider);
        manager = clients;
    }

    /** The service's own token, by client credentials. */
    String own() {
        return token(OAuth2AuthorizeRequest.withClientRegistrationId(OWN)
                .principal("user-service").build());
    }

    /** A token for profile-service that says for whom user-service acts. */
    String exchanged(Jwt caller) {
        return token(OAuth2AuthorizeRequest.withClientRegistrationId(EXCHANGE)
                .principal(new SubjectToken(caller)).build());
    }

    /** profile-service refused this token: the next caller gets another one. */
    void refused(String token) {
        cache.remove(token);
    }

    private String token(OAuth2AuthorizeRequest request) {
        var id = new OAuth2AuthorizedClientId(
                request.getClientRegistrationId(), request.getPrincipal().getName());
        return flights.get(id, () -> manager.authorize(request).getAccessToken().getTokenValue());
    }

    /**
     * Spring caches by the principal's name, which for a JWT is its {@code sub}: two tokens of one
     * caller, with different scopes and ends, would share an entry. This principal is named after
     * the token itself.
     */
    private static final class SubjectToken extends AbstractAuthenticationToken {

        private static final long serialVersionUID = 1;
        private final Jwt token;
        private final String digest;

        SubjectToken(Jwt token) {
            super(AuthorityUtils.NO_AUTHORITIES);
            this.token = token;
            this.digest = sha256(token.getTokenValue());
            setAuthenticated(true);
        }

        @Override
        public String getName() {
            return digest;
        }

        @Override
        public Object getPrincipal() {
            return token;
        }

        @Override
        public Object getCredentials() {
            return token;
        }

        private static String sha256(String text) {
            try {
                return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256")
                        .digest(text.getBytes(StandardCharsets.US_ASCII)));
            } catch (NoSuchAlgorithmException e) {
                throw new IllegalStateException(e); // every JVM has it
            }
        }
    }
}
