package example.user;

import java.util.concurrent.ThreadPoolExecutor;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.Profile;
import org.springframework.scheduling.annotation.EnableAsync;
import org.springframework.scheduling.concurrent.ThreadPoolTaskExecutor;
import org.springframework.security.concurrent.DelegatingSecurityContextRunnable;

/**
 * The executor for calls to profile-service, and for nothing else: a slow profile-service fills
 * this queue and not Tomcat's threads. Actuator measures it by itself: executor.queued,
 * executor.queue.remaining, executor.active, with the tag name=profileExecutor.
 */
@Configuration
@EnableAsync
@Profile("user-service")
class Executors {

    static final String PROFILES = "profileExecutor";
    private static final int THREADS = 16;
    private static final int QUEUE = 64;
    private static final int FINISH_SECONDS = 8;

    @Bean(PROFILES)
    ThreadPoolTaskExecutor profileExecutor() {
        var executor = new ThreadPoolTaskExecutor();
        executor.setThreadNamePrefix("profile-");
        executor.setCorePoolSize(THREADS);
        executor.setMaxPoolSize(THREADS);
        executor.setQueueCapacity(QUEUE);
        // Full: TaskRejectedException, which Failures turns into a 503. CallerRunsPolicy would
        // block Tomcat's threads instead, which is what this executor is there to prevent.
        executor.setRejectedExecutionHandler(new ThreadPoolExecutor.AbortPolicy());
        // Takes the submitting thread's security context along, for @Async and for submit() alike.
        executor.setTaskDecorator(DelegatingSecurityContextRunnable::new);
        executor.setWaitForTasksToCompleteOnShutdown(true);
        executor.setAwaitTerminationSeconds(FINISH_SECONDS);
        return executor;
    }
}
