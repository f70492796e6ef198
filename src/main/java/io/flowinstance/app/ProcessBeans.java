package io.flowinstance.app;

import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.binder.jvm.JvmGcMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmMemoryMetrics;
import io.micrometer.core.instrument.binder.jvm.JvmThreadMetrics;
import io.micrometer.core.instrument.binder.system.ProcessorMetrics;
import io.micrometer.core.instrument.binder.system.UptimeMetrics;
import java.util.stream.Stream;
import org.apache.camel.CamelConfiguration;
import org.apache.camel.CamelContext;

/** What every process says about itself, whatever it does. */
record ProcessBeans(MeterRegistry meters) implements CamelConfiguration {
  @Override
  public void configure(CamelContext context) throws Exception {
    JvmGcMetrics garbageCollections = new JvmGcMetrics();
    Stream.of(
            garbageCollections,
            new JvmMemoryMetrics(),
            new JvmThreadMetrics(),
            new ProcessorMetrics(),
            new UptimeMetrics())
        .forEach(of -> of.bindTo(meters));
    context.getRegistry().bind("garbage-collector-metrics", garbageCollections, null, "close");
    context.addService(new HealthRoutes(context));
  }
}
