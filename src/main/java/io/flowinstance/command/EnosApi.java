package io.flowinstance.command;

import io.flowinstance.app.FetchBeans;
import io.flowinstance.config.Settings;
import io.flowinstance.enos.AccessTokens;
import io.flowinstance.fetch.EnosClient;
import org.apache.camel.impl.DefaultCamelContext;
import org.apache.camel.spi.ResourceLoader;
import org.apache.camel.support.PluginHelper;

/** The routes that call EnOS, and no others, for as long as a command needs them. */
final class EnosApi implements AutoCloseable {
  private final DefaultCamelContext context = new DefaultCamelContext();
  private final EnosClient calls;

  private EnosApi(Settings settings) throws Exception {
    settings.forRoutes().forEach(context.getPropertiesComponent()::addOverrideProperty);
    new FetchBeans(settings).configure(context);
    ResourceLoader resources = PluginHelper.getResourceLoader(context);
    for (String route : FetchBeans.ROUTES.split(",")) {
      PluginHelper.getRoutesLoader(context).loadRoutes(resources.resolveResource(route));
    }
    calls = context.getRegistry().lookupByNameAndType("enos-client", EnosClient.class);
    context.start();
  }

  /**
   * @throws CommandFailedException they cannot be started, for a trust store that cannot be used
   */
  static EnosApi start(Settings settings) {
    try {
      return new EnosApi(settings);
    } catch (Exception e) {
      throw new CommandFailedException(e.getMessage(), e);
    }
  }

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
