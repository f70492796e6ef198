package io.flowinstance.app;

import io.flowinstance.config.Settings;
import io.flowinstance.enos.Identity;
import io.flowinstance.event.EventZones;
import io.flowinstance.id.AllowedIdentities;
import io.flowinstance.id.IdRecordReader;
import io.flowinstance.outcome.DeadLetters;
import io.flowinstance.outcome.EventMessages;
import java.time.Clock;
import java.time.ZoneId;

/** What reads id records and makes messages, configured by the settings. */
public record MessageSettings(
    IdRecordReader ids,
    AllowedIdentities identities,
    EventZones zones,
    EventMessages events,
    DeadLetters deadLetters) {
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
