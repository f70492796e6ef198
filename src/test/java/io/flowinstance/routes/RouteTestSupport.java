package io.flowinstance.routes;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.flowinstance.app.FetchBeans;
import io.flowinstance.config.Settings;
import java.io.ByteArrayInputStream;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import org.apache.camel.CamelContext;
import org.apache.camel.Exchange;
import org.apache.camel.component.mock.MockEndpoint;
import org.apache.camel.spi.Resource;
import org.apache.camel.spi.ResourceLoader;
import org.apache.camel.support.PluginHelper;
import org.apache.camel.test.junit5.CamelContextConfiguration;
import org.apache.camel.test.junit5.CamelTestSupport;

/**
 * Runs routes from their files as they ship, with the beans that ship. Only the HTTP endpoints are
 * mocks, so a test says what the gateway answers and sees what it was asked.
 */
abstract class RouteTestSupport extends CamelTestSupport {
  static final String INSTANCES = "dataflow-batch-service/v2.0/flowInstances";
  static final String TIME = "dataflow-batch-service/v2.0/time";

  /** Of a search, in bytes. */
  static final long HEAP = 4 << 20;

  static final String TOKEN = "apim-token-service/v2.0/token";

  private static final Map<String, String> SETTINGS =
      Map.of(
          "enos.base-url", "https://apigw.example",
          "enos.user-id", "user",
          "enos.org-id", "org",
          "enos.app-key", "key",
          "enos.app-secret", "secret",
          "fetch.retry-budget-ms", "100");

  /** The names of the route files. */
  abstract List<String> routes();

  /** The setting {@code enos.auth}. */
  String auth() {
    return "none";
  }

  /** The settings of the routes. */
  Settings settings() {
    return Settings.resolve(Map.of("ENOS_AUTH", auth()), SETTINGS);
  }

  @Override
  public void configureContext(CamelContextConfiguration configuration) {
    super.configureContext(configuration);
    configuration.withMockEndpointsAndSkip("https:.*");
  }

  @Override
  protected CamelContext createCamelContext() throws Exception {
    CamelContext context = super.createCamelContext();
    Properties properties = new Properties();
    properties.putAll(settings().forRoutes());
    context.getPropertiesComponent().setOverrideProperties(properties);
    bindBeans(context);
    ResourceLoader resources = PluginHelper.getResourceLoader(context);
    List<Resource> files =
        routes().stream()
            .map(route -> resources.resolveResource("classpath:routes/" + route + ".camel.yaml"))
            .toList();
    PluginHelper.getRoutesLoader(context).loadRoutes(files);
    return context;
  }

  /** Binds the beans of the routes. */
  void bindBeans(CamelContext context) throws Exception {
    new FetchBeans(settings()).configure(context);
  }

  /** The gateway at one of its paths. */
  MockEndpoint gateway(String path) {
    return getMockEndpoint("mock:https:apigw.example/" + path);
  }

  /** Lets the gateway answer every request to a path, with a body as camel-http gives it. */
  void answer(String path, int status, String body) {
    gateway(path).whenAnyExchangeReceived(exchange -> respond(exchange, status, body));
  }

  /** Lets the gateway answer a request, with a body as camel-http gives it. */
  static void respond(Exchange exchange, int status, String body) {
    exchange.getMessage().setHeader(Exchange.HTTP_RESPONSE_CODE, status);
    exchange.getMessage().setHeader("Retry-After", "7");
    exchange.getMessage().setBody(new ByteArrayInputStream(body.getBytes(UTF_8)));
  }
}
