package example.net;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.net.UnknownHostException;
import java.util.List;
import java.util.concurrent.ThreadLocalRandom;
import javax.net.ssl.SSLException;
import org.apache.hc.client5.http.impl.DefaultHttpRequestRetryStrategy;
import org.apache.hc.core5.http.HttpRequest;
import org.apache.hc.core5.http.HttpResponse;
import org.apache.hc.core5.http.HttpStatus;
import org.apache.hc.core5.http.protocol.HttpContext;
import org.apache.hc.core5.util.TimeValue;

/**
 * Two more tries where no connection came about or a pooled one was dead, and after a 503. A
 * time-out is not repeated: the server is slow, and asking again makes it slower.
 */
class JitteredRetry extends DefaultHttpRequestRetryStrategy {

    private static final int MORE_TRIES = 2;
    private static final long BASE_MILLIS = 100;

    JitteredRetry() {
        super(MORE_TRIES, TimeValue.ofMilliseconds(BASE_MILLIS),
                List.of(InterruptedIOException.class, UnknownHostException.class,
                        SSLException.class),
                List.of(HttpStatus.SC_SERVICE_UNAVAILABLE));
    }

    /**
     * A token request changes nothing at the server, so it may be repeated although it is a POST.
     */
    @Override
    protected boolean handleAsIdempotent(HttpRequest request) {
        return super.handleAsIdempotent(request) || request.getPath().endsWith("/token");
    }

    @Override
    public TimeValue getRetryInterval(HttpRequest request, IOException cause, int tries,
            HttpContext context) {
        return pause(tries);
    }

    @Override
    public TimeValue getRetryInterval(HttpResponse response, int tries, HttpContext context) {
        return pause(tries);
    }

    /**
     * Between half and all of 100 ms, 200 ms, …: callers that failed together do not return
     * together.
     */
    private static TimeValue pause(int tries) {
        long most = BASE_MILLIS << (tries - 1);
        return TimeValue.ofMilliseconds(ThreadLocalRandom.current().nextLong(most / 2, most + 1));
    }
}
