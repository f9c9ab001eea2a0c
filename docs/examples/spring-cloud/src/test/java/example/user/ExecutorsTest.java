package example.user;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.springframework.core.task.TaskRejectedException;
import org.springframework.scheduling.concurrent.ThreadPoolTaskExecutor;
import org.springframework.security.authentication.TestingAuthenticationToken;
import org.springframework.security.core.Authentication;
import org.springframework.security.core.context.SecurityContextHolder;

class ExecutorsTest {

    private final ThreadPoolTaskExecutor executor = new Executors().profileExecutor();

    @BeforeEach
    void start() {
        executor.initialize();
    }

    @AfterEach
    void stop() {
        SecurityContextHolder.clearContext();
        executor.shutdown();
    }

    private Authentication seenByATask() throws Exception {
        return executor.submit(() -> SecurityContextHolder.getContext().getAuthentication())
                .get(5, TimeUnit.SECONDS);
    }

    @Test
    void aTaskSeesTheCallerOfItsTimeAndTheNextTaskDoesNot() throws Exception {
        var caller = new TestingAuthenticationToken("caller", "token");
        SecurityContextHolder.getContext().setAuthentication(caller);
        assertEquals(caller, seenByATask());

        SecurityContextHolder.clearContext();
        assertNull(seenByATask());
    }

    @Test
    void whatDoesNotFitIntoTheQueueIsRejected() {
        var release = new CountDownLatch(1);
        int fits = executor.getMaxPoolSize() + executor.getQueueCapacity();
        for (int i = 0; i < fits; i++) {
            executor.submit(() -> release.await(5, TimeUnit.SECONDS));
        }
        assertEquals(executor.getQueueCapacity(), executor.getQueueSize());
        assertThrows(TaskRejectedException.class, () -> executor.submit(() -> {}));
        release.countDown();
    }
}
