package io.flowinstance.kafka;

import javax.security.auth.login.LoginException;
import org.apache.kafka.common.InvalidRecordException;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.config.ConfigException;
import org.apache.kafka.common.errors.AuthorizationException;
import org.apache.kafka.common.errors.ClusterAuthorizationException;
import org.apache.kafka.common.errors.GroupAuthorizationException;
import org.apache.kafka.common.errors.InvalidProducerEpochException;
import org.apache.kafka.common.errors.ProducerFencedException;
import org.apache.kafka.common.errors.RecordTooLargeException;
import org.apache.kafka.common.errors.SaslAuthenticationException;
import org.apache.kafka.common.errors.SslAuthenticationException;
import org.apache.kafka.common.errors.TimeoutException;
import org.apache.kafka.common.errors.TopicAuthorizationException;
import org.apache.kafka.common.errors.TransactionalIdAuthorizationException;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;
import org.apache.kafka.common.protocol.Errors;

/** What went wrong with Kafka, in a sentence that says what to fix. */
public final class KafkaFaults {
  /** What Kafka says of a client that it could not make. */
  private static final String NOT_MADE = "(?s)Failed to (construct|create) .*";

  private KafkaFaults() {}

  /** The sentence; of what is not known, the words of Kafka's client, or of the JVM. */
  public static String sentence(Throwable failure) {
    String known = known(failure);
    if (known != null) {
      return known;
    }
    return root(failure) instanceof Error error ? error + "." : "Kafka: " + deepest(failure);
  }

  /** Whether there is more to say than the words of Kafka's client. */
  static boolean isKnown(Throwable failure) {
    return known(failure) != null;
  }

  private static String known(Throwable failure) {
    boolean notMade = false;
    for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
      String sentence = cause instanceof KafkaException kafka ? sentence(kafka) : null;
      if (sentence != null) {
        return sentence;
      }
      if (cause instanceof LinkageError) {
        return "The library of a compression cannot be unpacked: give the process a writable /tmp,"
            + " or use none, gzip or lz4 on both sides.";
      }
      if (cause instanceof LoginException) {
        return "The login cannot begin: " + cause.getMessage();
      }
      notMade |=
          cause.getClass() == KafkaException.class
              && String.valueOf(cause.getMessage()).matches(NOT_MADE);
      if (notMade && cause instanceof IllegalArgumentException) {
        // Its words may hold a piece of the JAAS line.
        return "Kafka's client does not accept kafka.security.*: run check to see why.";
      }
    }
    return null;
  }

  private static String sentence(KafkaException failure) {
    if (failure instanceof NotReadyException) {
      return failure.getMessage();
    }
    if (failure instanceof TimeoutException) {
      return "The brokers did not answer in time: check kafka.bootstrap-servers and"
          + " kafka.security.*, and that this machine reaches them.";
    }
    if (failure instanceof SaslAuthenticationException) {
      return "The brokers refuse the login: check kafka.security.sasl-mechanism and"
          + " kafka.security.sasl-jaas-config, or kafka.security.oauth-*.";
    }
    if (failure instanceof SslAuthenticationException) {
      return "This machine and the brokers do not trust each other: check kafka.security.protocol,"
          + " kafka.security.trust-store and kafka.security.key-store. TLS says: "
          + deepest(failure);
    }
    if (failure instanceof TopicAuthorizationException topics) {
      return topics.unauthorizedTopics().isEmpty()
          ? "This login may not use a topic: run check to see which."
          : "This login may not use topic %s: grant it Read or Write there."
              .formatted(String.join(", ", topics.unauthorizedTopics()));
    }
    if (failure instanceof GroupAuthorizationException group) {
      return group.groupId() == null
          ? "This login may not use a consumer group: run check to see which."
          : "This login may not use the consumer group %s: grant it Read there."
              .formatted(group.groupId());
    }
    if (failure instanceof TransactionalIdAuthorizationException) {
      return "This login may not use its transactional id: grant it Write on the ids that begin"
          + " with kafka.transactional-id-prefix (with kafka.group-id if that is empty, and for"
          + " watch).";
    }
    if (failure instanceof ClusterAuthorizationException) {
      return "This login may not write idempotently: grant it IdempotentWrite on the cluster.";
    }
    if (failure instanceof AuthorizationException) {
      return "This login may not do that: " + failure.getMessage();
    }
    if (failure instanceof UnknownTopicOrPartitionException) {
      return "A topic does not exist: run check to see which.";
    }
    if (failure instanceof ConfigException) {
      return "Kafka does not accept the settings: " + deepest(failure);
    }
    return null;
  }

  /** What to do where this login may not even see whether there is such a topic. */
  public static String mayNotUse(String topic) {
    return "This login may not use topic %s, if it exists: grant it Describe and Read or Write."
        .formatted(topic);
  }

  /** Whether the brokers ended a transaction: it took too long, or another one of its id began. */
  public static boolean isFenced(Throwable failure) {
    for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
      if (cause instanceof ProducerFencedException
          || cause instanceof InvalidProducerEpochException) {
        return true;
      }
    }
    return false;
  }

  /** Whether it is this error, for which Kafka's client has no exception of its own. */
  static boolean says(Errors error, Exception failure) {
    return String.valueOf(failure.getMessage()).contains(error.message());
  }

  /** Whether a topic never takes this record: it is too large, or has no key. */
  public static boolean isRefusal(Exception failure) {
    return failure instanceof RecordTooLargeException || failure instanceof InvalidRecordException;
  }

  /** Throws what a send was told, if it failed. */
  public static void throwIf(Exception failure) {
    if (failure != null) {
      throw new KafkaException(failure);
    }
  }

  /** The first cause. */
  static Throwable root(Throwable failure) {
    Throwable root = failure;
    while (root.getCause() != null) {
      root = root.getCause();
    }
    return root;
  }

  private static String deepest(Throwable failure) {
    Throwable root = root(failure);
    return root.getMessage() == null ? root.getClass().getSimpleName() : root.getMessage();
  }
}
