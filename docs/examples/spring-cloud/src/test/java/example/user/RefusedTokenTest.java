package example.user;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import feign.Client;
import feign.Feign;
import feign.FeignException;
import feign.RequestLine;
import feign.Response;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.springframework.http.HttpHeaders;
import org.springframework.security.oauth2.client.OAuth2AuthorizedClient;
import org.springframework.security.oauth2.client.registration.ClientRegistration;
import org.springframework.security.oauth2.client.registration.InMemoryClientRegistrationRepository;
import org.springframework.security.oauth2.core.AuthorizationGrantType;
import org.springframework.security.oauth2.core.OAuth2AccessToken;

/** The interceptor, the error decoder and the retryer as Feign puts them together. */
class RefusedTokenTest {

    interface Api {
        @RequestLine("GET /profiles/1")
        String profile();
    }

    private final AtomicInteger fetched = new AtomicInteger();
    private final List<Collection<String>> shown = new ArrayList<>();
    private int refusals;

    private final ProfileTokens tokens = new ProfileTokens(
            new InMemoryClientRegistrationRepository(ClientRegistration
                    .withRegistrationId(ProfileTokens.OWN).clientId("user-service")
                    .authorizationGrantType(AuthorizationGrantType.CLIENT_CREDENTIALS)
                    .tokenUri("https://issuer/token").build()),
            context -> context.getAuthorizedClient() != null ? null : new OAuth2AuthorizedClient(
                    context.getClientRegistration(), "user-service", new OAuth2AccessToken(
                            OAuth2AccessToken.TokenType.BEARER, "t" + fetched.incrementAndGet(),
                            null, null)));

    private Api api() {
        Client profileService = (request, options) -> {
            shown.add(request.headers().get(HttpHeaders.AUTHORIZATION));
            return Response.builder().request(request).headers(Map.of())
                    .status(shown.size() <= refusals ? 401 : 200).body(new byte[0]).build();
        };
        var resilience = new ProfileResilience();
        return Feign.builder().client(profileService)
                .requestInterceptor(new BearerInterceptors.AsService().bearer(tokens))
                .errorDecoder(resilience.dropRefusedTokens(tokens))
                .retryer(resilience.onceAfter401())
                .target(Api.class, "https://profile");
    }

    @Test
    void aTokenThatIsTakenIsUsedAgain() {
        api().profile();
        api().profile();
        assertEquals(List.of(List.of("Bearer t1"), List.of("Bearer t1")), shown);
    }

    @Test
    void aRefusedTokenIsReplacedAndTheCallTriedOnceMore() {
        refusals = 1;
        api().profile();
        assertEquals(List.of(List.of("Bearer t1"), List.of("Bearer t2")), shown);
    }

    @Test
    void aSecondRefusalIsFinal() {
        refusals = 2;
        assertThrows(FeignException.class, () -> api().profile());
        assertEquals(2, shown.size());
    }
}
