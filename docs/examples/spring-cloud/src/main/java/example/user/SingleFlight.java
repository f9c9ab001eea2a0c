package example.user;

import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Supplier;

/**
 * Callers that want the same thing at the same time share one fetch, its result or its failure: a
 * token that ran out under load is asked for once, and a grantd that is slow is not asked by all in
 * turn.
 */
class SingleFlight<K, V> {

    private final ConcurrentHashMap<K, CompletableFuture<V>> flights = new ConcurrentHashMap<>();

    V get(K key, Supplier<V> fetch) {
        CompletableFuture<V> mine = new CompletableFuture<>();
        CompletableFuture<V> running = flights.putIfAbsent(key, mine);
        if (running != null) {
            return await(running);
        }
        try {
            mine.complete(fetch.get());
        } catch (RuntimeException e) {
            mine.completeExceptionally(e);
        } finally {
            flights.remove(key);
            mine.completeExceptionally(new IllegalStateException("the fetch ended with an Error"));
        }
        return await(mine);
    }

    private static <V> V await(CompletableFuture<V> flight) {
        try {
            return flight.join(); // bounded by the time-outs of the one that flies
        } catch (CompletionException e) {
            throw e.getCause() instanceof RuntimeException cause ? cause : e;
        }
    }
}
