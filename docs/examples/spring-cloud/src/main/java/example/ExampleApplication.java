package example;

import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.boot.context.properties.ConfigurationPropertiesScan;
import sun.misc.Signal;

/** Starts the service whose profile is given: {@code --spring.profiles.active=user-service}. */
@SpringBootApplication
@ConfigurationPropertiesScan
public class ExampleApplication {

    public static void main(String[] arguments) {
        // The JVM answers SIGTERM with status 143 even after a clean shutdown; supervisors want 0.
        // exit() runs the same shutdown hooks, so the shutdown stays graceful.
        Signal.handle(new Signal("TERM"), signal -> System.exit(0));
        SpringApplication.run(ExampleApplication.class, arguments);
    }
}
