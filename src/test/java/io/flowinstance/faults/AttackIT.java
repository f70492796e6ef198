package io.flowinstance.faults;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import io.flowinstance.broker.KafkaBroker;
import io.flowinstance.harness.ApplicationProcess;
import io.flowinstance.harness.Mutations;
import io.flowinstance.simulator.ApiRequest;
import io.flowinstance.simulator.EnosSimulator;
import io.flowinstance.simulator.Fault;
import io.flowinstance.simulator.FaultScope;
import java.io.IOException;
import java.net.URLEncoder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.junit.jupiter.api.Test;

/**
 * Hostile id records and hostile answers among good ones: each record has one outcome, nothing
 * stops, nothing secret is kept anywhere, and what is printed is harmless. 10,000 records and
 * 10,000 answers with {@code -Pchaos}, 150 of each otherwise; {@code -Dattack.seed} repeats one.
 */
class AttackIT {
  private static final int EACH = Boolean.getBoolean("chaos") ? 10_000 : 150;
  private static final long SEED = Long.getLong("attack.seed", System.nanoTime());
  private static final Duration PATIENCE = Duration.ofMinutes(9);
  private static final Path CASES = Path.of("src/test/resources/cases");
  private static final ObjectMapper JSON = new ObjectMapper();

  /** Ids of workflow 66 are answered with something hostile, those of 7 as they should be. */
  private static final String ATTACKED = "66-";

  private static final String GOOD = "7-";

  /** What no line of a log or of a page may contain: it steers terminals and hides text. */
  private static final Pattern UNPRINTABLE =
      Pattern.compile("[\\p{Cntrl}&&[^\\r\\n\\t]]|[\\u2028\\u2029\\u202a-\\u202e\\u2066-\\u2069]");

  private final Set<String> tokens = ConcurrentHashMap.newKeySet();
  private final Set<String> signatures = ConcurrentHashMap.newKeySet();
  private final Set<String> organizations = ConcurrentHashMap.newKeySet();
  private final Map<String, Integer> outcomes = new HashMap<>();
  private final Set<String> served = ConcurrentHashMap.newKeySet();
  private final List<String> kept = new ArrayList<>();

  private static List<byte[]> contents(String file) throws IOException {
    try (Stream<Path> folders = Files.list(CASES).sorted()) {
      List<byte[]> contents = new ArrayList<>();
      for (Path path : folders.map(folder -> folder.resolve(file)).filter(Files::exists).toList()) {
        contents.add(Files.readAllBytes(path));
      }
      return contents;
    }
  }

  private static List<byte[]> values(List<byte[]> records) throws IOException {
    List<byte[]> values = new ArrayList<>();
    for (byte[] idRecord : records) {
      JsonNode value = JSON.readTree(idRecord).path("value");
      if (value.isTextual()) {
        values.add(value.textValue().getBytes(UTF_8));
      }
    }
    return values;
  }

  private boolean notice(ApiRequest call) {
    call.header("apim-accesstoken").ifPresent(tokens::add);
    call.header("apim-signature").ifPresent(signatures::add);
    call.parameter("orgId").ifPresent(organizations::add);
    return call.parameter("flowInstId").filter(id -> id.startsWith(ATTACKED)).isPresent();
  }

  /** An answer, mutated, or a page that quotes the token, as no honest one would. */
  private Fault.Reply hostileReply(ApiRequest call, List<byte[]> bodies) {
    // An instance always gives the same answer: others that were served can be asked for again.
    Mutations mutations = new Mutations(SEED + call.parameter("flowInstId").hashCode());
    boolean isPage = mutations.onceIn(3);
    return new Fault.Reply(
        isPage || mutations.onceIn(5)
            ? mutations.any(List.of(200, 201, 302, 400, 401, 403, 404, 418, 500, 503))
            : 200,
        mutations.any(
            List.of(
                "application/json",
                "text/html; charset=utf-16",
                "x\u0080/\"; charset=no-such",
                "")),
        isPage ? page(mutations) : mutations.of(bodies));
  }

  private byte[] page(Mutations mutations) {
    String token = tokens.isEmpty() ? "" : mutations.any(List.copyOf(tokens));
    String quoted =
        mutations.any(
            List.of(
                token,
                URLEncoder.encode(token, UTF_8),
                token.replace("-", "\\u002d").replace("/", "\\/"),
                "Authorization: Bearer " + token));
    String filler = "<p>".repeat(mutations.any(List.of(0, 600, 25_000)));
    return mutations
        .any(
            List.of(
                "<html>%s%s</html>".formatted(filler, quoted),
                "{\"message\":\"%s %s\"}".formatted(filler, quoted),
                "{\"status\":62102,\"msg\":\"\\u001b]52;c;%s\\u202e%s\"}".formatted(quoted, filler),
                "{\"status\":77777,\"msg\":\"%s\n%s\"}".formatted(quoted, filler)))
        .getBytes(UTF_8);
  }

  private List<ProducerRecord<byte[], byte[]>> idRecords(Topics topics) throws IOException {
    Mutations mutations = new Mutations(SEED);
    List<byte[]> values = values(contents("record.json"));
    List<ProducerRecord<byte[], byte[]>> records = new ArrayList<>();
    for (int i = 0; i < EACH; i++) {
      ProducerRecord<byte[], byte[]> hostile =
          new ProducerRecord<>(
              topics.ids(),
              mutations.onceIn(2) ? null : mutations.of(values),
              mutations.onceIn(50) ? null : mutations.of(values));
      hostile.headers().add("traceparent", mutations.of(values));
      hostile.headers().add("dead-letter-replays", mutations.of(values));
      records.add(hostile);
      for (String workflow : List.of(ATTACKED, GOOD)) {
        byte[] id = "%s%010d".formatted(workflow, i + 1).getBytes(UTF_8);
        records.add(new ProducerRecord<>(topics.ids(), id, id));
      }
    }
    Collections.shuffle(records, new Random(SEED));
    return records;
  }

  @Test
  void eachHostileRecordAndAnswerHasOneOutcomeAndStopsNothing() throws Exception {
    try (KafkaBroker broker = KafkaBroker.launch(KafkaBroker.QUICK_START, Map.of());
        EnosSimulator enos = EnosSimulator.start()) {
      enos.requireSignature(true);
      List<byte[]> bodies = contents("response.body");
      enos.faults()
          .set(
              Fault.replies(call -> hostileReply(call, bodies)),
              FaultScope.all().on(FaultScope.Endpoint.GET).where(this::notice));
      Topics topics = Topics.create(broker, "attack");
      Map<String, String> environment = topics.environment(broker.bootstrapServers(), enos);
      environment.put("ENOS_AUTH", "signed");
      environment.put("ENOS_APP_KEY", enos.tokens().appKey());
      environment.put("ENOS_APP_SECRET", enos.tokens().appSecret());
      environment.put("LOG_FORMAT", SEED % 2 == 0 ? "json" : "text");
      environment.put("FETCH_RETRY_BUDGET_MS", "2000");
      List<ProducerRecord<byte[], byte[]>> records = idRecords(topics);
      try (ApplicationProcess process = ApplicationProcess.start(environment);
          KafkaProducer<byte[], byte[]> producer =
              new KafkaProducer<>(
                  Map.of("bootstrap.servers", broker.bootstrapServers()),
                  new ByteArraySerializer(),
                  new ByteArraySerializer())) {
        process.awaitReady();
        records.forEach(producer::send);
        producer.flush();

        readAll(broker, topics, records.size());

        String said = process.output() + process.health("ready") + process.metrics();
        assertEquals(records.size(), outcomes.size(), () -> SEED + ": " + process.output());
        assertEquals(
            Set.of(1), Set.copyOf(outcomes.values()), () -> SEED + ": more than one outcome");
        for (int i = 1; i <= EACH; i++) {
          assertTrue(served.contains("%s%010d".formatted(GOOD, i)), SEED + ": good id " + i);
        }
        assertTrue(process.health("live").startsWith("200 "), process.output());
        assertEquals(Set.of("o"), organizations);
        assertHarmless(said, enos.tokens().appSecret());
      }
    }
  }

  private void readAll(KafkaBroker broker, Topics topics, int records) {
    try (KafkaConsumer<byte[], byte[]> consumer =
        new KafkaConsumer<>(
            Map.of(
                "bootstrap.servers", broker.bootstrapServers(),
                "isolation.level", "read_committed",
                "auto.offset.reset", "earliest"),
            new ByteArrayDeserializer(),
            new ByteArrayDeserializer())) {
      List<TopicPartition> partitions =
          Stream.of(topics.instances(), topics.tasks(), topics.deadLetters())
              .flatMap(topic -> consumer.partitionsFor(topic).stream())
              .map(info -> new TopicPartition(info.topic(), info.partition()))
              .toList();
      consumer.assign(partitions);
      consumer.seekToBeginning(partitions);
      long end = System.nanoTime() + PATIENCE.toNanos();
      while (outcomes.size() < records && System.nanoTime() < end) {
        consumer.poll(Duration.ofMillis(200)).forEach(message -> count(topics, message));
      }
    }
  }

  private void count(Topics topics, ConsumerRecord<byte[], byte[]> message) {
    boolean isDeadLetter = message.topic().equals(topics.deadLetters());
    StringBuilder ours = new StringBuilder();
    for (Header header : message.headers()) {
      if (!isDeadLetter || header.key().startsWith("dead-letter-")) {
        ours.append(new String(header.value(), UTF_8)).append('\n');
      }
    }
    if (isDeadLetter) {
      kept.add(ours.toString());
      if (!text(message, "dead-letter-reason").equals("UNREADABLE_TASK")) {
        outcome(text(message, "dead-letter-partition") + "-" + text(message, "dead-letter-offset"));
      }
    } else if (message.topic().equals(topics.instances())) {
      String observation = text(message, "ce_id");
      outcome(observation.substring(topics.ids().length() + 1));
      served.add(new String(message.key(), UTF_8));
    }
  }

  private void outcome(String place) {
    outcomes.merge(place, 1, Integer::sum);
  }

  private static String text(ConsumerRecord<byte[], byte[]> message, String header) {
    return new String(message.headers().lastHeader(header).value(), UTF_8);
  }

  private void assertHarmless(String said, String secret) {
    var unprintable = UNPRINTABLE.matcher(said);
    assertTrue(!unprintable.find(), () -> SEED + ": " + unprintable.toMatchResult());
    assertTrue(said.lines().noneMatch(line -> line.endsWith("ERROR forged")), SEED + ": forged");
    for (String text : Stream.concat(Stream.of(said), kept.stream()).toList()) {
      assertTrue(!text.contains(secret), () -> SEED + ": the secret in " + text);
      for (String token : tokens) {
        assertTrue(!text.contains(token), () -> SEED + ": a token in " + text);
        assertTrue(
            !text.contains(URLEncoder.encode(token, ISO_8859_1)),
            () -> SEED + ": a token in " + text);
      }
    }
    for (String signature : signatures) {
      assertTrue(!said.contains(signature), () -> SEED + ": a signature in the log");
    }
  }
}
