package io.flowinstance.command;

import io.flowinstance.app.FetchBeans;
import io.flowinstance.config.Settings;
import io.flowinstance.enos.AccessTokens;
import io.flowinstance.fetch.EnosClient;
import io.flowinstance.fetch.RateLimits;
import java.time.Clock;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Properties;
import org.apache.camel.impl.DefaultCamelContext;
import org.apache.camel.spi.Resource;
import org.apache.camel.spi.ResourceLoader;
import org.apache.camel.support.PluginHelper;

/** The routes that call EnOS, and no others, for as long as a command needs them. */
final class EnosApi implements AutoCloseable {
  private static final List<String> ROUTES =
      List.of("call-api", "fetch-token", "probe-clock", "search-instances");

  private final DefaultCamelContext context = new DefaultCamelContext();
  private final EnosClient calls;

  private EnosApi(Settings settings, Clock clock) throws Exception {
    Properties properties = new Properties();
    properties.putAll(settings.forRoutes());
    context.getPropertiesComponent().setOverrideProperties(properties);
    new FetchBeans(settings).configure(context);
    ResourceLoader resources = PluginHelper.getResourceLoader(context);
    List<Resource> files = new ArrayList<>();
    for (String route : ROUTES) {
      files.add(resources.resolveResource("classpath:routes/" + route + ".camel.yaml"));
    }
    PluginHelper.getRoutesLoader(context).loadRoutes(files);
    calls =
        new EnosClient(
            context.createProducerTemplate(),
            RateLimits.of(settings.getInt("fetch.rate-limit-per-second")),
            Duration.ofMillis(settings.getInt("fetch.retry-budget-ms")),
            clock);
    context.start();
  }

  /**
   * Starts them.
   *
   * @throws CommandFailedException they cannot be started, for a trust store that cannot be used
   */
  static EnosApi start(Settings settings, Clock clock) {
    try {
      return new EnosApi(settings, clock);
    } catch (Exception e) {
      throw new CommandFailedException(e.getMessage(), e);
    }
  }

  /** What can be asked. */
  EnosClient calls() {
    return calls;
  }

  /** Where access tokens come from, or null when calls are not signed. */
  AccessTokens tokens() {
    return context.getRegistry().lookupByNameAndType("access-tokens", AccessTokens.class);
  }

  @Override
  public void close() {
    context.stop();
  }
}
