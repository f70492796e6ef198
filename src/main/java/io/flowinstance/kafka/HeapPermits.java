package io.flowinstance.kafka;

import io.flowinstance.fetch.CancelledException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ForkJoinPool;

/**
 * Bounds the heap that answers and outcomes take, from the call to the commit. A call takes as much
 * as most of late needed: their mean and deviation, as TCP estimates a timeout (RFC 6298). One at a
 * time may take more than there is from a reserve, so that something always goes on.
 */
public final class HeapPermits {
  /** Until outcomes are there, few calls are made at once: they may all be large. */
  private static final long FIRST_GUESS_BYTES = 512 << 10;

  private static final long LEAST_BYTES = 16 << 10;
  private static final int DEVIATIONS = 2;
  private static final long CANCELLED_CHECK_MS = 100;

  private final long total;

  /** They need what most need: where one finds no room, none behind it does. */
  private final Map<Permit, Runnable> waiting = new LinkedHashMap<>();

  /** They know what they need. */
  private final Map<Permit, Runnable> waitingForMore = new LinkedHashMap<>();

  private long taken;
  private long offered;
  private double mean;
  private double deviation;
  private Permit reserve;

  /**
   * @param total bytes that all permits together may hold, but for the reserve
   */
  public HeapPermits(long total) {
    this.total = total;
    mean = FIRST_GUESS_BYTES;
  }

  /** What a call says about itself while it waits for heap. For any thread. */
  interface Caller {
    /** Whether others may have to wait for it with all the heap that they hold. */
    boolean isUrgent();

    /** Whether its outcome could not be published yet, and would only hold heap. */
    boolean isTooFarAhead();

    /** Whether nobody waits for its outcome any more. */
    boolean isCancelled();
  }

  /** The heap of one call. */
  final class Permit {
    private final Caller caller;
    private long held;
    private long needed;
    private long offer;

    private Permit(Caller caller) {
      this.caller = caller;
    }

    /** Whether it has heap now; if it has not, {@code available} runs once it may try again. */
    boolean tryAcquire(Runnable available) {
      return HeapPermits.this.tryAcquire(this, available);
    }

    /** Takes more if there is room; if there is not, the next call takes so much beforehand. */
    boolean tryGrowTo(long bytes) {
      return HeapPermits.this.tryGrowTo(this, bytes);
    }

    /** Takes more, and waits for it. */
    void growTo(long bytes) throws InterruptedException {
      HeapPermits.this.growTo(this, bytes);
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
        available = waiters(this).remove(this);
      }
      if (available != null) {
        available.run();
      }
    }
  }

  Permit newPermit(Caller caller) {
    return new Permit(caller);
  }

  /** Bytes that permits hold. */
  public synchronized long taken() {
    return taken;
  }

  private synchronized boolean tryAcquire(Permit permit, Runnable available) {
    withdrawOffer(permit);
    if (permit.held > 0) {
      return true;
    }
    long bytes = needs(permit);
    if (!permit.caller.isTooFarAhead() && (hasRoom(permit, bytes) || takeReserve(permit))) {
      hold(permit, bytes);
      return true;
    }
    waiters(permit).put(permit, available);
    return false;
  }

  private Map<Permit, Runnable> waiters(Permit permit) {
    return permit.needed > 0 ? waitingForMore : waiting;
  }

  /** Room that was offered to one is not offered to the next before the first has answered. */
  private void withdrawOffer(Permit permit) {
    offered -= permit.offer;
    permit.offer = 0;
  }

  /** What a call takes that has asked for nothing yet, or what it asked for in vain. */
  private long needs(Permit permit) {
    if (permit.needed > 0) {
      return permit.needed;
    }
    double typical = Math.max(LEAST_BYTES, mean + DEVIATIONS * deviation);
    return (long) Math.min(typical, Math.max(1, total));
  }

  private boolean hasRoom(Permit permit, long bytes) {
    return taken == permit.held || taken - permit.held + bytes <= total;
  }

  private void hold(Permit permit, long bytes) {
    taken += bytes - permit.held;
    permit.held = bytes;
  }

  private synchronized boolean tryGrowTo(Permit permit, long bytes) {
    permit.needed = Math.max(permit.needed, bytes);
    if (bytes <= permit.held) {
      return true;
    }
    boolean grows = hasRoom(permit, bytes) || takeReserve(permit);
    if (grows) {
      hold(permit, bytes);
    }
    return grows;
  }

  /**
   * Taken by what is urgent, from what no longer is: an outcome that several records share is held
   * until the last of them is published, and that one may have to wait for what is urgent now.
   */
  private boolean takeReserve(Permit permit) {
    if (reserve == permit) {
      return true;
    }
    if (!permit.caller.isUrgent() || reserve != null && reserve.caller.isUrgent()) {
      return false;
    }
    reserve = permit;
    return true;
  }

  /** A thread that waits for heap is made up for, where its pool can do so. */
  private void growTo(Permit permit, long bytes) throws InterruptedException {
    ForkJoinPool.managedBlock(
        new ForkJoinPool.ManagedBlocker() {
          @Override
          public boolean isReleasable() {
            return tryGrowTo(permit, bytes) || permit.caller.isCancelled();
          }

          @Override
          public boolean block() throws InterruptedException {
            synchronized (HeapPermits.this) {
              while (!isReleasable()) {
                HeapPermits.this.wait(CANCELLED_CHECK_MS);
              }
              return true;
            }
          }
        });
    if (!tryGrowTo(permit, bytes)) {
      throw new CancelledException("Its partition has moved.");
    }
  }

  private void resize(Permit permit, long bytes) {
    List<Runnable> available = new ArrayList<>();
    synchronized (this) {
      if (bytes > 0) {
        observe(Math.max(bytes, permit.needed));
      }
      hold(permit, bytes);
      if (bytes == 0 && reserve == permit) {
        reserve = null;
      }
      if (bytes == 0) {
        withdrawOffer(permit);
      }
      notifyAll();
      offer(waitingForMore, available);
      offer(waiting, available);
    }
    available.forEach(Runnable::run);
  }

  private void offer(Map<Permit, Runnable> to, List<Runnable> available) {
    for (var each = to.entrySet().iterator(); each.hasNext(); ) {
      Map.Entry<Permit, Runnable> waiter = each.next();
      Permit permit = waiter.getKey();
      if (permit.caller.isTooFarAhead()) {
        continue;
      }
      long needs = needs(permit);
      boolean isEmpty = taken == 0 && offered == 0;
      if (isEmpty || taken + offered + needs <= total) {
        permit.offer = needs;
        offered += needs;
        available.add(waiter.getValue());
        each.remove();
      } else if (to == waiting) {
        return;
      }
    }
  }

  private void observe(long bytes) {
    deviation += (Math.abs(bytes - mean) - deviation) / 4;
    mean += (bytes - mean) / 8;
  }
}
