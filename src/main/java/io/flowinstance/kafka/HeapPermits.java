package io.flowinstance.kafka;

import io.flowinstance.fetch.CancelledException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.BooleanSupplier;

/**
 * Bounds the heap that answers and outcomes take, from the call to the commit. A call takes as much
 * as the largest of late needed. What needs more waits for it, but for one at a time, which takes
 * it from a reserve: so that something always goes on.
 */
public final class HeapPermits {
  /** Until outcomes are there, few calls are made at once: they may all be large. */
  private static final long FIRST_GUESS_BYTES = 512 << 10;

  private static final long LEAST_BYTES = 16 << 10;
  private static final long CANCELLED_CHECK_MS = 100;

  private final long total;
  private final Map<Permit, Runnable> waiting = new LinkedHashMap<>();
  private long taken;
  private long typical;
  private Permit reserve;

  /**
   * @param total bytes that all permits together may hold, but for the reserve
   */
  public HeapPermits(long total) {
    this.total = total;
    typical = Math.min(FIRST_GUESS_BYTES, Math.max(1, total));
  }

  /** The heap of one call. */
  final class Permit {
    private long held;

    boolean tryAcquire(boolean urgent, Runnable available) {
      return HeapPermits.this.tryAcquire(this, urgent, available);
    }

    void growTo(long bytes, BooleanSupplier isCancelled, BooleanSupplier isUrgent)
        throws InterruptedException {
      HeapPermits.this.growTo(this, bytes, isCancelled, isUrgent);
    }

    /** It holds so much now, whether there is room or not. */
    void resize(long bytes) {
      HeapPermits.this.resize(this, bytes);
    }

    void release() {
      resize(0);
    }

    /** Lets it try again now. */
    void wake() {
      Runnable available;
      synchronized (HeapPermits.this) {
        available = waiting.remove(this);
      }
      if (available != null) {
        available.run();
      }
    }
  }

  Permit newPermit() {
    return new Permit();
  }

  /** Bytes that permits hold. */
  public synchronized long taken() {
    return taken;
  }

  private synchronized boolean tryAcquire(Permit permit, boolean urgent, Runnable available) {
    if (permit.held > 0) {
      return true;
    }
    if (taken == 0 || taken + typical <= total || urgent && takeReserve(permit)) {
      permit.held = typical;
      taken += typical;
      return true;
    }
    waiting.put(permit, available);
    return false;
  }

  private boolean takeReserve(Permit permit) {
    if (reserve == null) {
      reserve = permit;
    }
    return reserve == permit;
  }

  /**
   * Only what is urgent takes the reserve: all others may have to wait for it, and would never give
   * the reserve back.
   */
  private synchronized void growTo(
      Permit permit, long bytes, BooleanSupplier isCancelled, BooleanSupplier isUrgent)
      throws InterruptedException {
    while (bytes > permit.held
        && taken - permit.held + bytes > total
        && taken > permit.held
        && !(isUrgent.getAsBoolean() && takeReserve(permit))) {
      if (isCancelled.getAsBoolean()) {
        throw new CancelledException("Its partition has moved.");
      }
      wait(CANCELLED_CHECK_MS);
    }
    if (bytes > permit.held) {
      taken += bytes - permit.held;
      permit.held = bytes;
    }
  }

  private void resize(Permit permit, long bytes) {
    List<Runnable> available = new ArrayList<>();
    synchronized (this) {
      if (bytes > 0) {
        // The largest of late, slowly forgotten.
        typical = Math.max(Math.max(bytes, LEAST_BYTES), typical - (typical >> 6));
        typical = Math.min(typical, Math.max(1, total));
      }
      taken += bytes - permit.held;
      permit.held = bytes;
      if (bytes == 0 && reserve == permit) {
        reserve = null;
      }
      notifyAll();
      long room = reserve == null && taken == 0 ? typical : total - taken;
      var waiters = waiting.values().iterator();
      while (room >= typical && waiters.hasNext()) {
        available.add(waiters.next());
        waiters.remove();
        room -= typical;
      }
    }
    available.forEach(Runnable::run);
  }
}
