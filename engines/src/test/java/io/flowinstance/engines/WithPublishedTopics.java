package io.flowinstance.engines;

import org.junit.jupiter.api.extension.ExtensionContext;
import org.junit.jupiter.api.extension.ParameterContext;
import org.junit.jupiter.api.extension.ParameterResolver;

/** Gives test classes the same {@link PublishedTopics}, made once and closed after the last one. */
final class WithPublishedTopics implements ParameterResolver {
  @Override
  public boolean supportsParameter(ParameterContext parameter, ExtensionContext context) {
    return parameter.getParameter().getType() == PublishedTopics.class;
  }

  @Override
  public Object resolveParameter(ParameterContext parameter, ExtensionContext context) {
    return context
        .getRoot()
        .getStore(ExtensionContext.Namespace.create(WithPublishedTopics.class))
        .getOrComputeIfAbsent(PublishedTopics.class, type -> PublishedTopics.publish());
  }
}
