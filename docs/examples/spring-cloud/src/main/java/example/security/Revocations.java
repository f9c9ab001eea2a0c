package example.security;

import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * What is revoked, as the feed told it up to {@code seq}. Immutable and without a clock: the feed's
 * thread swaps in what {@link #merge} gives, request threads read. Times are seconds since 1970.
 *
 * @param tokens    revoked jti, and when it may be forgotten
 * @param notBefore by client id: tokens issued at that time or earlier are revoked
 * @param everyone  the same for all tokens, or null
 * @param keys      kids of keys that leaked
 */
public record Revocations(long seq, Map<String, Long> tokens, Map<String, NotBefore> notBefore,
        NotBefore everyone, Set<String> keys) {

    /**
     * Tokens with iat ≤ {@code at} are revoked; after {@code forgetAt} none of them lives any more.
     */
    public record NotBefore(long at, long forgetAt) {}

    public static final Revocations NONE = new Revocations(
            0, Collections.emptyMap(), Collections.emptyMap(), null, Collections.emptySet());

    /**
     * A document of the feed taken up; a full one replaces what was known. What has expired by
     * {@code now} is dropped. Throws RuntimeException on a document of another shape.
     */
    public Revocations merge(Map<String, Object> document, long now) {
        Revocations before = Boolean.TRUE.equals(document.get("full")) ? NONE : this;
        Map<String, Long> mergedTokens = new HashMap<>(before.tokens);
        object(document.get("revoked")).forEach((jti, exp) -> mergedTokens.put(jti, seconds(exp)));
        mergedTokens.values().removeIf(exp -> exp <= now);

        Map<String, NotBefore> mergedClients = new HashMap<>(before.notBefore);
        object(document.get("not_before")).forEach(
                (client, entry) -> mergedClients.put(client, notBefore(entry)));
        mergedClients.values().removeIf(entry -> entry.forgetAt <= now);

        Object all = document.get("not_before_all");
        NotBefore mergedEveryone = all == null ? before.everyone : notBefore(all);
        Set<String> kids = ((Collection<?>) document.get("kids")).stream()
                .map(String.class::cast).collect(Collectors.toSet());
        // Not Map.copyOf(), whose maps throw when they are asked for null: a claim may be missing.
        return new Revocations(seconds(document.get("seq")),
                Collections.unmodifiableMap(mergedTokens),
                Collections.unmodifiableMap(mergedClients), mergedEveryone,
                Collections.unmodifiableSet(kids));
    }

    /**
     * Whether a token of this kid and these claims is revoked, by itself or through its first
     * token.
     */
    public boolean cover(String kid, String jti, String rootJti, long issuedAt,
            Collection<String> parties) {
        return keys.contains(kid)
                || tokens.containsKey(jti)
                || tokens.containsKey(rootJti)
                || (everyone != null && issuedAt <= everyone.at)
                || parties.stream().map(notBefore::get)
                        .anyMatch(entry -> entry != null && issuedAt <= entry.at);
    }

    /** Who acts, outermost first, from the claim {@code act}; empty without one. */
    public static List<String> actors(Object act) {
        return Stream.iterate(act, Map.class::isInstance, actor -> ((Map<?, ?>) actor).get("act"))
                .map(actor -> (String) ((Map<?, ?>) actor).get("sub")).toList();
    }

    private static NotBefore notBefore(Object entry) {
        return new NotBefore(seconds(object(entry).get("iat")), seconds(object(entry).get("exp")));
    }

    @SuppressWarnings("unchecked") // JSON objects have string keys
    private static Map<String, Object> object(Object value) {
        return value == null ? Map.of() : (Map<String, Object>) value;
    }

    private static long seconds(Object value) {
        return ((Number) value).longValue();
    }
}
