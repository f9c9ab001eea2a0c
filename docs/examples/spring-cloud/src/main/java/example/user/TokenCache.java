package example.user;

import java.util.LinkedHashMap;
import java.util.Map;
import org.springframework.security.core.Authentication;
import org.springframework.security.oauth2.client.OAuth2AuthorizedClient;
import org.springframework.security.oauth2.client.OAuth2AuthorizedClientId;
import org.springframework.security.oauth2.client.OAuth2AuthorizedClientService;

/**
 * Where Spring's manager keeps tokens: Spring's own store in memory grows without a bound, this one
 * lets go of what was not used for longest, and of a token that was refused.
 */
class TokenCache implements OAuth2AuthorizedClientService {

    private final Map<OAuth2AuthorizedClientId, OAuth2AuthorizedClient> clients;

    TokenCache(int capacity) {
        clients = new LinkedHashMap<>(16, 0.75f, true) {
            private static final long serialVersionUID = 1;

            @Override
            protected boolean removeEldestEntry(
                    Map.Entry<OAuth2AuthorizedClientId, OAuth2AuthorizedClient> eldest) {
                return size() > capacity;
            }
        };
    }

    @Override
    @SuppressWarnings("unchecked") // the interface's signature
    public synchronized <T extends OAuth2AuthorizedClient> T loadAuthorizedClient(
            String registration, String principal) {
        return (T) clients.get(new OAuth2AuthorizedClientId(registration, principal));
    }

    @Override
    public synchronized void saveAuthorizedClient(
            OAuth2AuthorizedClient client, Authentication principal) {
        clients.put(new OAuth2AuthorizedClientId(
                client.getClientRegistration().getRegistrationId(), principal.getName()), client);
    }

    @Override
    public synchronized void removeAuthorizedClient(String registration, String principal) {
        clients.remove(new OAuth2AuthorizedClientId(registration, principal));
    }

    /** Drops this very token, and not the one that may have replaced it meanwhile. */
    synchronized void remove(String token) {
        clients.values().removeIf(client -> client.getAccessToken().getTokenValue().equals(token));
    }
}
