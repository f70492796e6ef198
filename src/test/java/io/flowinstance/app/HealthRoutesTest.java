package io.flowinstance.app;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.flowinstance.harness.FreePort;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.ArrayList;
import java.util.List;
import org.apache.camel.CamelConfiguration;
import org.apache.camel.CamelContext;
import org.apache.camel.Route;
import org.apache.camel.builder.RouteBuilder;
import org.apache.camel.main.Main;
import org.apache.camel.support.RoutePolicySupport;
import org.junit.jupiter.api.Test;

class HealthRoutesTest {
  private final int port = FreePort.pick();

  @Test
  void saysInWordsThatTheRoutesAreNotStartedYetAndLetsNoCallerChooseWhatIsSaid() throws Exception {
    List<HttpResponse<String>> before = new ArrayList<>();
    Main main = new Main();
    main.configure()
        .addConfiguration(
            new CamelConfiguration() {
              @Override
              public void configure(CamelContext context) throws Exception {
                context.addService(new HealthRoutes(context));
              }
            });
    main.configure()
        .httpManagementServer()
        .withEnabled(true)
        .withHealthCheckEnabled(true)
        .withPort(port);
    main.configure()
        .addRoutesBuilder(
            new RouteBuilder() {
              @Override
              public void configure() {
                from("direct:asks-while-it-starts")
                    .routePolicy(
                        new RoutePolicySupport() {
                          @Override
                          public void onStart(Route route) {
                            before.add(get());
                          }
                        })
                    .setBody(constant(""));
              }
            });
    main.start();
    try {
      assertEquals(503, before.get(0).statusCode());
      assertTrue(before.get(0).body().contains("The routes are not started"));
      assertEquals(200, get().statusCode());
      assertEquals("{\"status\":\"UP\"}", get().body());
      String asked = get("").body();
      assertEquals(asked, get("?data=true&stackTrace=true&exposureLevel=full").body());
    } finally {
      main.stop();
    }
  }

  private HttpResponse<String> get() {
    return get("/started");
  }

  private HttpResponse<String> get(String path) {
    try {
      return HttpClient.newHttpClient()
          .send(
              HttpRequest.newBuilder(
                      URI.create("http://localhost:%d/observe/health%s".formatted(port, path)))
                  .build(),
              HttpResponse.BodyHandlers.ofString());
    } catch (Exception e) {
      throw new AssertionError(e);
    }
  }
}
