package io.flowinstance.outcome;

/** Why an id record, or one task of it, could not be served. */
public enum DeadLetterReason {
  /** The value holds no usable id. */
  MALFORMED_ID,
  /** The record names a user and an organization that it may not ask for. */
  IDENTITY_NOT_ALLOWED,
  /** The API, or the gateway before it, will not give this instance. */
  REJECTED_BY_API,
  /** The API's answer is not a FlowInstance. */
  UNREADABLE_RESPONSE,
  /** Tasks of the graph cannot be read; the others were published. */
  UNREADABLE_TASK,
  /** The API answers others, but failed for this id until the retry budget was spent. */
  RETRIES_EXHAUSTED,
  /** A message is larger than Kafka takes, or all of them than the heap. */
  EVENT_TOO_LARGE
}
