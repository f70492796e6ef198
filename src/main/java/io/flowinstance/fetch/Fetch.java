package io.flowinstance.fetch;

import io.flowinstance.enos.AccessTokens;
import io.flowinstance.enos.Answer;
import io.flowinstance.enos.InstanceQuery;
import io.flowinstance.enos.Redaction;
import java.time.Duration;

/**
 * The fetch of one instance while it goes on: the calls made and the time spent on them. Used by
 * one thread at a time.
 */
public final class Fetch {
  private final InstanceQuery query;
  private boolean open = true;
  private int attempts;
  private boolean tokenRenewed;
  private AccessTokens.Token token;
  private Redaction redaction = Redaction.NONE;
  private Answer answer;
  private long firstAttempt;
  private long lastAttempt;
  private long heldNanos;
  private boolean failedAlone;

  /** A fetch that has not called yet. */
  public Fetch(InstanceQuery query) {
    this.query = query;
  }

  /** What is asked for. */
  public InstanceQuery query() {
    return query;
  }

  /** Whether there is no answer yet that stays. */
  boolean isOpen() {
    return open;
  }

  /** Calls made for the instance. */
  public int attempts() {
    return attempts;
  }

  /** The last answer, or null. */
  public Answer answer() {
    return answer;
  }

  /** A call is going to be made; its token and its place may be long in coming. */
  void prepare(long now) {
    lastAttempt = now;
  }

  void attempt(AccessTokens.Token usedToken, long now) {
    if (firstAttempt == 0) {
      firstAttempt = now;
    }
    lastAttempt = now;
    attempts++;
    token = usedToken;
    answer = null;
  }

  AccessTokens.Token token() {
    return token;
  }

  /** Keeps what the answer to the last call must not be quoted with. */
  void redact(Redaction secretsOfTheCall) {
    redaction = secretsOfTheCall;
  }

  Redaction redaction() {
    return redaction;
  }

  void answered(Answer byTheApi) {
    answer = byTheApi;
  }

  void close() {
    open = false;
  }

  /** Whether a refused token may be answered with a new one: once between two holds. */
  boolean renewToken() {
    boolean first = !tokenRenewed;
    tokenRenewed = true;
    return first;
  }

  /** When the last call was made, in {@link System#nanoTime()}. */
  long lastAttempt() {
    return lastAttempt;
  }

  /** Whether the API answered others around the failure before this one. */
  boolean failedAlone() {
    return failedAlone;
  }

  /** Keeps whether the API answered others around the last failure. */
  void failed(boolean alone) {
    failedAlone = alone;
  }

  /** The time spent since the first call, without that of being held. */
  Duration spent(long now) {
    return firstAttempt == 0 ? Duration.ZERO : Duration.ofNanos(now - firstAttempt - heldNanos);
  }

  void held(long nanos) {
    heldNanos += nanos;
    tokenRenewed = false;
    failedAlone = false;
  }

  /** The time spent was not this instance's fault. */
  void restartBudget() {
    firstAttempt = 0;
    heldNanos = 0;
  }
}
