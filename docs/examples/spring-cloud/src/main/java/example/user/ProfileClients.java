package example.user;

import example.profile.UserProfile;
import org.springframework.cloud.openfeign.FeignClient;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;

/**
 * profile-service, as two clients of one API: whose token a call bears is chosen by the client that
 * is injected, in plain sight, and not by what happens to stand in the security context.
 */
interface ProfileClients {

    @GetMapping("/profiles/{id}")
    UserProfile profile(@PathVariable("id") String id);

    /**
     * Calls on behalf of the caller: his token is exchanged, profile-service sees him and the
     * actor.
     */
    @FeignClient(name = "profile-service", contextId = "onBehalfOfCaller",
            url = "${example.profile-url}",
            configuration = BearerInterceptors.OnBehalfOfCaller.class)
    interface OnBehalfOfCaller extends ProfileClients {}

    /** Calls as user-service itself. */
    @FeignClient(name = "profile-service", contextId = "asService",
            url = "${example.profile-url}",
            configuration = BearerInterceptors.AsService.class)
    interface AsService extends ProfileClients {}
}
