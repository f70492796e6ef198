package io.flowinstance.app;

import io.vertx.core.http.HttpMethod;
import io.vertx.ext.web.RoutingContext;
import org.apache.camel.CamelContext;
import org.apache.camel.StaticService;
import org.apache.camel.component.platform.http.main.ManagementHttpServer;
import org.apache.camel.support.service.ServiceSupport;

/**
 * What Camel's own health lacks. {@code /observe/health/started} is 200 once every route has
 * started, the one that polls last of all, and 503 before. Query parameters are ignored: with
 * Camel's {@code data}, {@code stackTrace} and {@code exposureLevel}, the caller would choose what
 * is said. To be added to a context after its management server.
 */
final class HealthRoutes extends ServiceSupport implements StaticService {
  private static final String UP = "{\"status\":\"UP\"}";
  private static final String DOWN =
      "{\"status\":\"DOWN\",\"checks\":[{\"name\":\"started\",\"status\":\"DOWN\",\"message\":"
          + "\"The routes are not started, or are being stopped.\"}]}";

  private final CamelContext context;

  HealthRoutes(CamelContext context) {
    this.context = context;
  }

  @Override
  protected void doStart() {
    ManagementHttpServer server = context.hasService(ManagementHttpServer.class);
    server
        .getRouter()
        .route(server.getHealthPath() + "*")
        .order(Integer.MIN_VALUE)
        .handler(HealthRoutes::ignoreParameters);
    server
        .getRouter()
        .route(server.getHealthPath() + "/started")
        .method(HttpMethod.GET)
        .handler(this::answer);
  }

  private static void ignoreParameters(RoutingContext asked) {
    asked.request().params().clear();
    asked.next();
  }

  private void answer(RoutingContext asked) {
    boolean started = context.isStarted();
    asked
        .response()
        .setStatusCode(started ? 200 : 503)
        .putHeader("content-type", "application/json")
        .end(started ? UP : DOWN);
  }
}
