package example.user;

import example.profile.UserProfile;
import java.util.concurrent.CompletableFuture;
import org.springframework.beans.factory.annotation.Qualifier;
import org.springframework.context.annotation.Profile;
import org.springframework.core.task.AsyncTaskExecutor;
import org.springframework.scheduling.annotation.Async;
import org.springframework.stereotype.Service;

/** Fetches profiles off the request thread, in the two ways that Spring code does that. */
@Service
@Profile("user-service")
class ProfileLookup {

    private final ProfileClients.OnBehalfOfCaller onBehalfOfCaller;
    private final ProfileClients.AsService asService;
    private final AsyncTaskExecutor executor;

    ProfileLookup(ProfileClients.OnBehalfOfCaller onBehalfOfCaller,
            ProfileClients.AsService asService,
            @Qualifier(Executors.PROFILES) AsyncTaskExecutor executor) {
        this.onBehalfOfCaller = onBehalfOfCaller;
        this.asService = asService;
        this.executor = executor;
    }

    /** By annotation. The interceptor finds the caller's token on the executor's thread. */
    @Async(Executors.PROFILES)
    CompletableFuture<UserProfile> forCaller(String id) {
        return CompletableFuture.completedFuture(onBehalfOfCaller.profile(id));
    }

    /** By hand, on the same executor and so under the same bounds. */
    CompletableFuture<UserProfile> forService(String id) {
        return executor.submitCompletable(() -> asService.profile(id));
    }
}
