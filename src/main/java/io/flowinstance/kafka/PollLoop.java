package io.flowinstance.kafka;

import io.flowinstance.id.IdRecord;
import io.flowinstance.trace.RecordSpan;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.consumer.OffsetOutOfRangeException;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.errors.AuthenticationException;
import org.apache.kafka.common.errors.CorruptRecordException;
import org.apache.kafka.common.errors.InterruptException;
import org.apache.kafka.common.errors.TimeoutException;
import org.apache.kafka.common.header.Header;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Polls for ids and hands them over, on a thread of its own that waits for nothing else: whatever
 * becomes of the ids, the consumer stays in its group.
 */
final class PollLoop implements Runnable, ConsumerRebalanceListener {
  private static final Logger LOG = LoggerFactory.getLogger(PollLoop.class);

  private static final Duration POLL = Duration.ofMillis(100);

  /**
   * Without a failure for this long, reading works again. The client asks for a missing topic more
   * often than that, and polls are empty in between.
   */
  private static final Duration CALM = Duration.ofSeconds(7);

  /** How long a partition waits of which a batch could not be read twice. */
  private static final Duration FETCH_AGAIN = Duration.ofSeconds(30);

  /** While a partition waits to be resumed. */
  private static final Duration SHORT_POLL = Duration.ofMillis(5);

  /** How long a revoke waits for the calls of its partitions. */
  private static final Duration REVOKE_PATIENCE = Duration.ofMillis(500);

  private static final Duration ASK_AGAIN = Duration.ofMillis(100);

  /**
   * A consumer hears of new records only as it fetches, and it fetches nothing of what is paused.
   */
  private static final Duration ASK_FOR_ENDS = Duration.ofSeconds(10);

  private static final Duration CLOSE_PATIENCE = Duration.ofSeconds(2);

  /** So long after its timeout, a transaction that has not ended hangs (KIP-890). */
  private static final Duration HANGS = Duration.ofMinutes(2);

  /** A login may fail while credentials change. After so many failures the client is made anew. */
  private static final int LOGINS_OF_A_CLIENT = 3;

  /** Far more than W3C Trace Context asks to be carried on. */
  private static final int LONGEST_TRACE_HEADER = 8192;

  private final String topic;
  private final Pattern brokenBatch;
  private final Supplier<Consumer<byte[], byte[]>> consumers;
  private final FlowKafkaComponent.Parts parts;
  private final HeapPermits.Share heap;
  private final InFlight inFlight;
  private final ConsumerHealth health;
  private final LinkedBlockingQueue<Runnable> tasks = new LinkedBlockingQueue<>();
  private final Map<TopicPartition, RecordsInFlight> owned = new HashMap<>();
  private final Set<TopicPartition> outOfRange = new HashSet<>();

  /** What cannot be read, by partition. */
  private final Map<TopicPartition, BrokenBatch> broken = new HashMap<>();

  /** Assignments that this consumer has begun anew, by partition. */
  private final Map<TopicPartition, RecordsInFlight> before = new HashMap<>();

  private Consumer<byte[], byte[]> consumer;
  private boolean asking;
  private int askFailures;
  private long askAgainAt = System.nanoTime();
  private boolean askingForEnds;
  private long askForEndsAt = System.nanoTime();

  /** Why a partition that was asked for last does not start, or empty. */
  private String waitsFor = "";

  private volatile boolean closed;

  /**
   * @param topic of the ids
   * @param consumers makes a consumer, with the credentials of now
   */
  PollLoop(
      String topic,
      Supplier<Consumer<byte[], byte[]>> consumers,
      FlowKafkaComponent.Parts parts,
      InFlight inFlight,
      ConsumerHealth health) {
    this.topic = topic;
    brokenBatch =
        Pattern.compile(
            ("^(?:Received exception when fetching the next record from"
                    + "|Encountered corrupt message when fetching offset \\d+ for topic-partition"
                    + "|Failed to make progress reading messages at) %s-(\\d+)")
                .formatted(Pattern.quote(topic)));
    this.consumers = consumers;
    this.parts = parts;
    heap = parts.heap().newShare();
    this.inFlight = inFlight;
    this.health = health;
  }

  @Override
  public void run() {
    int failures = 0;
    long failedAt = 0;
    Runnable mend = () -> {};
    LinkageError missing = null;
    while (!closed) {
      try {
        for (Runnable task = tasks.poll(); task != null; task = tasks.poll()) {
          task.run();
        }
        if (consumer == null) {
          consumer = consumers.get();
          consumer.subscribe(List.of(topic), this);
        }
        Runnable first = mend;
        mend = () -> {};
        first.run();
        turn();
        if (failures > 0 && System.nanoTime() - failedAt > CALM.toNanos()) {
          failures = 0;
          health.reads();
        }
      } catch (OffsetOutOfRangeException e) {
        isOutOfRange(e);
      } catch (InterruptException e) {
        break;
      } catch (RuntimeException | Error e) {
        TopicPartition named = partitionOfBrokenBatch(e);
        if (named != null) {
          // The client keeps no Error that stopped it, and says only where that was.
          Throwable why = e.getCause() == null && missing != null ? missing : e;
          mend = () -> setAside(named, why);
          continue;
        }
        missing = e instanceof LinkageError error ? error : null;
        failures++;
        failedAt = System.nanoTime();
        health.readingFailed(e);
        if (!(e instanceof KafkaException || e instanceof LinkageError)
            || e instanceof CorruptRecordException
            || e instanceof AuthenticationException && failures >= LOGINS_OF_A_CLIENT) {
          closeConsumer();
        }
        pause(RetryPause.after(failures));
      }
    }
    Thread.interrupted();
    closeConsumer();
  }

  /**
   * The partition of a batch that cannot be read: its checksum is wrong, say, or it cannot be
   * decompressed. The client has no exception of its own for that.
   *
   * @return null if that is not what failed
   */
  private TopicPartition partitionOfBrokenBatch(Throwable failure) {
    if (failure instanceof CorruptRecordException) {
      // Of the first batch of an answer, without a name.
      Set<TopicPartition> due = new HashSet<>(broken.keySet());
      due.removeAll(setAside());
      return due.size() == 1 ? due.iterator().next() : null;
    }
    Matcher named = brokenBatch.matcher(String.valueOf(failure.getMessage()));
    if (!(failure instanceof KafkaException) || !named.find()) {
      return null;
    }
    TopicPartition partition = new TopicPartition(topic, Integer.parseInt(named.group(1)));
    return owned.containsKey(partition) ? partition : null;
  }

  /**
   * Lets a broken batch be fetched again: at once, for it may have broken on its way here, and
   * after a pause from then on. What was polled before it goes on, and so do the other partitions.
   */
  private void setAside(TopicPartition partition, Throwable failure) {
    if (!owned.containsKey(partition)) {
      return;
    }
    long offset = consumer.position(partition, Duration.ZERO);
    BrokenBatch before = broken.get(partition);
    boolean isFirst = before == null || before.offset() < offset;
    String why = KafkaFaults.sentence(failure);
    long now = System.nanoTime();
    if (isFirst) {
      LOG.warn("A batch of {} at offset {} is fetched again. {}", partition, offset, why);
      broken.put(partition, new BrokenBatch(offset, now));
    } else {
      broken.put(partition, new BrokenBatch(offset, now + FETCH_AGAIN.toNanos()));
      boolean isOfThisProcess = KafkaFaults.root(failure) instanceof Error;
      health.cannotRead(
          partition,
          "that of %s at offset %d, and all behind it wait.%s %s"
              .formatted(
                  partition,
                  offset,
                  isOfThisProcess
                      ? ""
                      : " Let another replica lead, or delete the records up to it.",
                  why));
    }
    // The client keeps what it has fetched, unless that begins elsewhere than what is polled. It
    // never stands before its position, but control records may have taken it further.
    consumer.seek(partition, offset > 0 ? offset - 1 : Long.MAX_VALUE);
    try {
      poll(Duration.ZERO, Set.of(partition));
    } finally {
      if (consumer != null && owned.containsKey(partition)) {
        consumer.seek(partition, offset);
        consumer.pause(Set.of(partition));
      }
    }
  }

  /** Ends the loop; the consumer leaves its group. */
  void close() {
    closed = true;
    tasks.add(() -> {});
  }

  /** Begins partitions anew from what is committed; for any thread. */
  void restart(Collection<RecordsInFlight> records) {
    tasks.add(
        () -> {
          for (RecordsInFlight each : records) {
            if (owned.get(each.partition()) == each) {
              LOG.warn("{} begins again from its committed offset.", each.partition());
              begin(Set.of(each.partition()));
            }
          }
        });
  }

  private void pause(Duration duration) {
    try {
      Runnable task = tasks.poll(duration.toMillis(), TimeUnit.MILLISECONDS);
      if (task != null) {
        tasks.add(task);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void turn() {
    inFlight.retry();
    askWhereToStart();
    askForEnds();
    boolean waits = pauseAndResume();
    poll(waits ? SHORT_POLL : POLL, Set.of());
  }

  /**
   * @param without whose records are not taken
   */
  private void poll(Duration patience, Set<TopicPartition> without) {
    ConsumerRecords<byte[], byte[]> polled;
    try {
      polled = consumer.poll(patience);
    } catch (LinkageError e) {
      seekBack();
      throw e;
    }
    health.polled();
    try {
      take(polled, without);
    } catch (RuntimeException | Error e) {
      // The consumer would go on behind what it polled: another one polls that again.
      closeConsumer();
      throw e;
    }
  }

  /** An Error takes with it what the client had collected from other partitions before it. */
  private void seekBack() {
    owned.values().stream()
        .filter(RecordsInFlight::isStarted)
        .forEach(records -> consumer.seek(records.partition(), records.position()));
  }

  private void take(ConsumerRecords<byte[], byte[]> polled, Set<TopicPartition> without) {
    snapshot();
    for (Map.Entry<TopicPartition, RecordsInFlight> entry : owned.entrySet()) {
      if (entry.getValue().isStarted() && !without.contains(entry.getKey())) {
        add(entry.getValue(), polled.records(entry.getKey()));
      }
    }
    inFlight.lag(
        owned.values().stream()
            .filter(RecordsInFlight::isStarted)
            .mapToLong(
                each -> Math.max(consumer.currentLag(each.partition()).orElse(0), each.behind()))
            .sum());
  }

  private void add(RecordsInFlight records, List<ConsumerRecord<byte[], byte[]>> polled) {
    long now = System.nanoTime();
    List<IdRecord> idRecords =
        polled.stream().map(each -> IdRecord.of(each, now, span(each))).toList();
    parts.target().metrics().polled(idRecords.size());
    long position = position(records.partition());
    inFlight.add(records, idRecords, position);
    BrokenBatch batch = broken.get(records.partition());
    if (batch != null && position > batch.offset()) {
      broken.remove(records.partition());
      health.canRead(records.partition());
    }
  }

  /** The offset that is polled next, also behind control records; 0 while it is not known. */
  private long position(TopicPartition partition) {
    try {
      return consumer.position(partition, Duration.ZERO);
    } catch (TimeoutException e) {
      return 0;
    } catch (OffsetOutOfRangeException e) {
      isOutOfRange(e);
      return 0;
    }
  }

  private void isOutOfRange(OffsetOutOfRangeException e) {
    e.offsetOutOfRangePartitions().keySet().stream()
        .filter(owned::containsKey)
        .forEach(outOfRange::add);
  }

  private RecordSpan span(ConsumerRecord<byte[], byte[]> polled) {
    return parts
        .target()
        .traces()
        .process(
            polled.topic(),
            polled.partition(),
            polled.offset(),
            name -> traceHeader(polled.headers().lastHeader(name)));
  }

  private static String traceHeader(Header header) {
    return header == null || header.value() == null || header.value().length > LONGEST_TRACE_HEADER
        ? null
        : new String(header.value(), StandardCharsets.ISO_8859_1);
  }

  /** Whether a partition is paused. */
  private boolean pauseAndResume() {
    Set<TopicPartition> toPause = inFlight.full();
    toPause.addAll(outOfRange);
    toPause.addAll(setAside());
    Set<TopicPartition> paused = consumer.paused();
    if (!paused.equals(toPause)) {
      Set<TopicPartition> toResume = new HashSet<>(paused);
      toResume.removeAll(toPause);
      consumer.resume(toResume);
      consumer.pause(toPause);
    }
    // One that waits for half a minute is in no hurry.
    return !broken.keySet().containsAll(toPause);
  }

  /** The partitions whose broken batches are not yet to be fetched again. */
  private Set<TopicPartition> setAside() {
    Set<TopicPartition> waiting = new HashSet<>(broken.keySet());
    long now = System.nanoTime();
    waiting.removeIf(partition -> now - broken.get(partition).notBefore() >= 0);
    return waiting;
  }

  /** The generation and what is owned in it: a commit uses the one with the other. */
  private void snapshot() {
    inFlight.own(new InFlight.Owned(consumer.groupMetadata(), Map.copyOf(owned)));
  }

  @Override
  public void onPartitionsAssigned(Collection<TopicPartition> assigned) {
    health.member(true);
    begin(assigned);
    LOG.debug("Assigned {}", assigned);
  }

  /** Begins an assignment of partitions: paused, until it is known where to start. */
  private void begin(Collection<TopicPartition> partitions) {
    drop(partitions).forEach(records -> before.put(records.partition(), records));
    for (TopicPartition partition : partitions) {
      owned.put(partition, new RecordsInFlight(partition, heap));
      // Anywhere: without a position, the next poll would wait for the committed offset.
      consumer.seek(partition, 0);
    }
    consumer.pause(partitions);
    askAgainAt = System.nanoTime();
    snapshot();
  }

  @Override
  public void onPartitionsRevoked(Collection<TopicPartition> revoked) {
    List<RecordsInFlight> leaving =
        revoked.stream().map(owned::get).filter(records -> records != null).toList();
    // The rebalance has brought a generation in which they are still owned.
    snapshot();
    try {
      inFlight.leave(leaving, REVOKE_PATIENCE);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      drop(revoked);
      snapshot();
    }
    LOG.debug("Revoked {}", revoked);
  }

  @Override
  public void onPartitionsLost(Collection<TopicPartition> lost) {
    health.member(false);
    drop(lost);
    snapshot();
  }

  private List<RecordsInFlight> drop(Collection<TopicPartition> partitions) {
    List<RecordsInFlight> gone =
        partitions.stream().map(owned::remove).filter(Objects::nonNull).toList();
    outOfRange.removeAll(partitions);
    broken.keySet().removeAll(partitions);
    partitions.forEach(health::readNoMore);
    parts.target().metrics().discarded(gone.stream().mapToInt(RecordsInFlight::size).sum());
    inFlight.drop(gone);
    return gone;
  }

  private void askWhereToStart() {
    // Within one generation, the offset of a transaction that has not ended may still come.
    before.values().removeIf(each -> !inFlight.isInTransaction(each));
    List<RecordsInFlight> unknown =
        owned.values().stream()
            .filter(each -> !each.isStarted() || outOfRange.contains(each.partition()))
            .filter(each -> !before.containsKey(each.partition()))
            .toList();
    if (unknown.isEmpty() && !asking) {
      // What could not start may have moved to another consumer.
      health.starts();
    }
    if (asking || unknown.isEmpty() || System.nanoTime() - askAgainAt < 0) {
      return;
    }
    asking = true;
    Set<TopicPartition> partitions =
        unknown.stream().map(RecordsInFlight::partition).collect(Collectors.toSet());
    parts
        .brokers()
        .committed(consumer.groupMetadata().groupId(), partitions)
        .thenCombine(
            parts.brokers().bounds(partitions),
            (committed, bounds) ->
                (Runnable) () -> unknown.forEach(each -> start(each, committed, bounds)))
        .whenComplete(
            (start, failure) ->
                tasks.add(failure == null ? () -> answered(start) : () -> unanswered(failure)));
  }

  private void askForEnds() {
    if (askingForEnds || owned.isEmpty() || System.nanoTime() - askForEndsAt < 0) {
      return;
    }
    askingForEnds = true;
    Map<TopicPartition, RecordsInFlight> asked = Map.copyOf(owned);
    parts
        .brokers()
        .bounds(asked.keySet())
        .whenComplete(
            (bounds, failure) ->
                tasks.add(
                    () -> {
                      askingForEnds = false;
                      askForEndsAt = System.nanoTime() + ASK_FOR_ENDS.toNanos();
                      if (bounds != null) {
                        bounds.forEach((each, there) -> asked.get(each).endsAt(there.to()));
                      }
                    }));
  }

  private void answered(Runnable start) {
    asking = false;
    askFailures = 0;
    waitsFor = "";
    start.run();
    if (waitsFor.isEmpty()) {
      health.starts();
    } else {
      health.cannotStart(waitsFor);
    }
  }

  private void unanswered(Throwable failure) {
    asking = false;
    askFailures++;
    askAgainAt = System.nanoTime() + RetryPause.after(askFailures).toNanos();
    health.startFailed(Answers.failure(failure), askFailures);
  }

  private void start(
      RecordsInFlight records,
      Map<TopicPartition, Optional<OffsetAndMetadata>> committed,
      Map<TopicPartition, DoneOffsets.Range> bounds) {
    TopicPartition partition = records.partition();
    DoneOffsets.Range there = bounds.get(partition);
    if (owned.get(partition) != records) {
      return;
    }
    if (there == null) {
      askAgainAt = System.nanoTime() + ASK_AGAIN.toNanos();
      waitsFor = "%s does not answer: it may have no leader.".formatted(partition);
      return;
    }
    if (records.isStarted()) {
      goOn(records, there);
      return;
    }
    if (!committed.containsKey(partition)) {
      // The transaction of its last owner is pending.
      askAgainAt = System.nanoTime() + ASK_AGAIN.toNanos();
      if (System.nanoTime() - records.assignedAt()
          > HANGS.plus(parts.target().transactionTimeout()).toNanos()) {
        waitsFor =
            "that of %s waits for a transaction that does not end: find it with kafka-transactions.sh find-hanging --topic __consumer_offsets, and abort it."
                .formatted(partition);
      }
      return;
    }
    OffsetAndMetadata lastCommit = committed.get(partition).orElse(null);
    if (lastCommit != null && lastCommit.offset() > there.to()) {
      LOG.warn(
          "{} ends at {}, before its committed offset {}, so it is read from its beginning.",
          partition,
          there.to(),
          lastCommit.offset());
      lastCommit = null;
    }
    if (lastCommit != null && DoneOffsets.isIgnored(lastCommit)) {
      LOG.warn(
          "The metadata of the committed offset {} of {} belong to another offset and are ignored.",
          lastCommit.offset(),
          partition);
    }
    consumer.seek(partition, inFlight.start(records, lastCommit, there));
  }

  /** Goes on with a partition that no longer has the offset that was to be polled. */
  private void goOn(RecordsInFlight records, DoneOffsets.Range there) {
    TopicPartition partition = records.partition();
    outOfRange.remove(partition);
    if (records.position() < there.from()) {
      inFlight.skip(records, there.from());
      consumer.seek(partition, there.from());
    } else if (records.position() > there.to()) {
      begin(Set.of(partition));
    } else {
      // A consumer whose log was truncated reads on only once it is told where.
      LOG.warn(
          "{} may have been truncated and goes on at {}: ids that were written anew before that are lost.",
          partition,
          records.position());
      consumer.seek(partition, records.position());
    }
  }

  private void closeConsumer() {
    if (consumer == null) {
      return;
    }
    try {
      consumer.close(closed ? CLOSE_PATIENCE : Duration.ZERO);
    } catch (RuntimeException | Error e) {
      LOG.debug("The consumer did not close in order.", e);
    }
    consumer = null;
    drop(Set.copyOf(owned.keySet()));
    inFlight.own(InFlight.Owned.NONE);
    inFlight.lag(0);
    health.member(false);
  }

  /**
   * A batch that cannot be read.
   *
   * @param offset that is polled next
   * @param notBefore when it is fetched again, in {@link System#nanoTime()}
   */
  private record BrokenBatch(long offset, long notBefore) {}
}
