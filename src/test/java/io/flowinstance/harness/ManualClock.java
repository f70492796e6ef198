package io.flowinstance.harness;

import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;

/** A clock, and a nano time, that go on when a test says so. */
public final class ManualClock extends Clock {
  private volatile Instant now = Instant.parse("2026-01-01T00:00:00Z");
  private volatile long nanos = Long.MAX_VALUE - 1_000_000_000L;

  /** Time passes. */
  public void forward(long seconds) {
    forward(Duration.ofSeconds(seconds));
  }

  /** Time passes. */
  public void forward(Duration time) {
    set(time);
    nanos += time.toNanos();
  }

  /** Somebody sets the clock. */
  public void set(Duration difference) {
    now = now.plus(difference);
  }

  /** As {@link System#nanoTime()}. */
  public long nanoTime() {
    return nanos;
  }

  @Override
  public Instant instant() {
    return now;
  }

  @Override
  public ZoneId getZone() {
    return ZoneOffset.UTC;
  }

  @Override
  public Clock withZone(ZoneId zone) {
    return this;
  }
}
