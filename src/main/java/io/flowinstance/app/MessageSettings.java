package io.flowinstance.app;

import io.flowinstance.config.Settings;
import io.flowinstance.enos.Identity;
import io.flowinstance.event.EventZones;
import io.flowinstance.id.AllowedIdentities;
import io.flowinstance.id.IdRecordReader;
import io.flowinstance.outcome.DeadLetters;
import io.flowinstance.outcome.EventMessages;
import io.flowinstance.outcome.InstanceMessages;
import java.time.Clock;
import java.time.ZoneId;

/** What reads id records and makes messages, configured by the settings. */
public record MessageSettings(
    IdRecordReader ids,
    AllowedIdentities identities,
    EventZones zones,
    EventMessages events,
    DeadLetters deadLetters) {
  /** One may take more than all others together that wait to be published. */
  private static final int HEAP_PART_OF_LARGEST_OUTCOME = 8;

  public static MessageSettings of(Settings settings, Clock clock) {
    Identity configured = identity(settings);
    IdRecordReader ids = new IdRecordReader(configured.userId(), configured.orgId());
    return new MessageSettings(
        ids,
        new AllowedIdentities(configured, settings.getString("enos.allowed-identities")),
        new EventZones(
            ZoneId.of(settings.getString("enos.time-zone")),
            ZoneId.of(settings.getString("enos.trigger-time-zone"))),
        new EventMessages(
            settings.getString("topic.flow-instances"),
            settings.getString("topic.task-statuses"),
            eventSource(settings),
            schemaBaseUri(settings)),
        new DeadLetters(settings.getString("topic.dead-letters"), ids, clock));
  }

  /** Makes the messages of an instance, which take an eighth of the heap at most. */
  public InstanceMessages instances() {
    return new InstanceMessages(
        events, deadLetters, Runtime.getRuntime().maxMemory() / HEAP_PART_OF_LARGEST_OUTCOME);
  }

  /** On whose behalf the pipeline reads. */
  public static Identity identity(Settings settings) {
    return new Identity(settings.getString("enos.user-id"), settings.getString("enos.org-id"));
  }

  /** What goes before each CloudEvents source; may be empty. */
  static String eventSource(Settings settings) {
    return settings.getString("event.source").replaceAll("/+$", "");
  }

  /** Where the schemas are published, a URI that ends with a slash, or empty. */
  static String schemaBaseUri(Settings settings) {
    String uri = settings.getString("event.schema-base-uri");
    return uri.isEmpty() || uri.endsWith("/") ? uri : uri + "/";
  }
}
