package example.security;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;

class RevocationsTest {

    private static final long NOW = 1_000;
    private static final List<String> NOBODY = List.of();

    private static Map<String, Object> document(boolean full, long seq, Map<String, Object> more) {
        Map<String, Object> document = new HashMap<>(Map.of("full", full, "seq", seq,
                "revoked", Map.of(), "not_before", Map.of(), "kids", List.of()));
        document.putAll(more);
        return document;
    }

    private static Map<String, Object> revoking(boolean full, String jti) {
        return document(full, 7, Map.of("revoked", Map.of(jti, NOW + 60)));
    }

    @Test
    void aTokenIsRevokedByItsOwnJtiAndByThatOfItsFirstToken() {
        var revocations = Revocations.NONE.merge(revoking(true, "first"), NOW);

        assertEquals(7, revocations.seq());
        assertTrue(revocations.cover("k", "first", null, NOW, NOBODY));
        assertTrue(revocations.cover("k", "derived", "first", NOW, NOBODY));
        assertFalse(revocations.cover("k", "other", "another", NOW, NOBODY));
    }

    @Test
    void aPartyEndsItsTokensUpToTheVerySecond() {
        var revocations = Revocations.NONE.merge(document(true, 1, Map.of(
                "not_before", Map.of("gateway", Map.of("iat", 900L, "exp", 2_000L)))), NOW);

        assertTrue(revocations.cover("k", "j", null, 900, List.of("caller", "gateway")));
        assertFalse(revocations.cover("k", "j", null, 901, List.of("caller", "gateway")));
        assertFalse(revocations.cover("k", "j", null, 900, List.of("caller")));
    }

    @Test
    void everybodysTokensAndThoseOfALeakedKeyEnd() {
        var revocations = Revocations.NONE.merge(document(true, 1, Map.of(
                "not_before_all", Map.of("iat", 900L, "exp", 2_000L),
                "kids", List.of("leaked"))), NOW);

        assertTrue(revocations.cover("k", "j", null, 900, NOBODY));
        assertTrue(revocations.cover("leaked", "j", null, 901, NOBODY));
        assertFalse(revocations.cover("k", "j", null, 901, NOBODY));
    }

    @Test
    void aChangeIsAddedAndAFullDocumentReplaces() {
        var first = Revocations.NONE.merge(revoking(true, "a"), NOW);
        var changed = first.merge(revoking(false, "b"), NOW);
        var restored = changed.merge(revoking(true, "c"), NOW);

        assertEquals(Set.of("a", "b"), changed.tokens().keySet());
        assertEquals(Set.of("c"), restored.tokens().keySet());
    }

    @Test
    void whatHasExpiredIsForgotten() {
        var revocations = Revocations.NONE.merge(document(true, 1, Map.of(
                "revoked", Map.of("old", NOW, "live", NOW + 1),
                "not_before", Map.of("gone", Map.of("iat", 1L, "exp", NOW)))), NOW);

        assertEquals(Set.of("live"), revocations.tokens().keySet());
        assertEquals(Map.of(), revocations.notBefore());
    }

    @Test
    void aDocumentOfAnotherShapeIsRefused() {
        Map<String, Object> document = document(true, 1, Map.of("revoked", Map.of("a", "soon")));
        assertThrows(ClassCastException.class, () -> Revocations.NONE.merge(document, NOW));
    }

    @Test
    void actorsAreListedFromTheOutermost() {
        assertEquals(List.of("b", "a"),
                Revocations.actors(Map.of("sub", "b", "act", Map.of("sub", "a"))));
        assertEquals(List.of(), Revocations.actors(null));
    }
}
