package io.flowinstance.kafka;

import io.flowinstance.fetch.CancelledException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ForkJoinPool;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Bounds the heap that answers and outcomes take, from the call to the commit. A call takes as much
 * as most of late needed: their mean and deviation, as TCP estimates a timeout (RFC 6298). One at a
 * time may take more than there is from a reserve, so that something always goes on. A consumer
 * whose transactions fail leaves a part to the others.
 */
public final class HeapPermits {
  private static final Logger LOG = LoggerFactory.getLogger(HeapPermits.class);

  /** Until outcomes are there, few calls are made at once: they may all be large. */
  private static final long FIRST_GUESS_BYTES = 512 << 10;

  private static final long LEAST_BYTES = 16 << 10;
  private static final int DEVIATIONS = 2;
  private static final long CANCELLED_CHECK_MS = 100;

  private final long total;
  private final long mostOfShare;

  /** They need what most need: where one finds no room in all, none behind it does. */
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
   * @param shares how many consumers share them
   */
  public HeapPermits(long total, int shares) {
    this.total = total;
    mostOfShare = shares == 1 ? total : total - total / (2L * shares);
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

  /** What the calls of one consumer hold: alone, it may take most of the heap, and not all. */
  final class Share {
    private long taken;
    private long offered;

    private Share() {}

    Permit newPermit(Caller caller) {
      return new Permit(this, caller);
    }

    private boolean hasRoomFor(long bytes) {
      return taken + offered == 0 || taken + offered + bytes <= mostOfShare;
    }
  }

  /** The heap of one call. */
  final class Permit {
    private final Share share;
    private final Caller caller;
    private long held;
    private long needed;
    private long offer;

    private Permit(Share share, Caller caller) {
      this.share = share;
      this.caller = caller;
    }

    /** Whether it has heap now; if it has not, {@code available} runs once it may try again. */
    boolean tryAcquire(Runnable available) {
      synchronized (HeapPermits.this) {
        withdrawOffer();
        if (held > 0 || !caller.isTooFarAhead() && tryHold(needs())) {
          return true;
        }
        waiters().put(this, available);
        return false;
      }
    }

    /** Takes more if there is room; if there is not, the next call takes so much beforehand. */
    boolean tryGrowTo(long bytes) {
      synchronized (HeapPermits.this) {
        needed = Math.max(needed, bytes);
        return bytes <= held || tryHold(bytes);
      }
    }

    /** Takes more, and waits for it: the thread is made up for, where its pool can do so. */
    void growTo(long bytes) throws InterruptedException {
      ForkJoinPool.managedBlock(
          new ForkJoinPool.ManagedBlocker() {
            @Override
            public boolean isReleasable() {
              return tryGrowTo(bytes) || caller.isCancelled();
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
      if (!tryGrowTo(bytes)) {
        throw new CancelledException("Its partition has moved.");
      }
    }

    /** It holds so much now, whether there is room or not. */
    void resize(long bytes) {
      List<Runnable> available;
      synchronized (HeapPermits.this) {
        hold(bytes);
        if (bytes > 0) {
          observe(Math.max(bytes, needed));
        } else {
          withdrawOffer();
          reserve = reserve == this ? null : reserve;
        }
        available = available();
      }
      goOn(available);
    }

    /** It gives back so much of what it holds. */
    void shrinkBy(long bytes) {
      List<Runnable> available;
      synchronized (HeapPermits.this) {
        hold(Math.max(0, held - bytes));
        available = available();
      }
      goOn(available);
    }

    private List<Runnable> available() {
      HeapPermits.this.notifyAll();
      List<Runnable> available = new ArrayList<>();
      offer(waitingForMore, available);
      offer(waiting, available);
      return available;
    }

    private void goOn(List<Runnable> available) {
      for (Runnable each : available) {
        try {
          each.run();
        } catch (RuntimeException | Error e) {
          LOG.error("A call that waited for heap could not go on.", e);
        }
      }
    }

    void release() {
      resize(0);
    }

    /** Lets it try again now. */
    void wake() {
      Runnable available;
      synchronized (HeapPermits.this) {
        available = waiters().remove(this);
      }
      if (available != null) {
        available.run();
      }
    }

    private Map<Permit, Runnable> waiters() {
      return needed > 0 ? waitingForMore : waiting;
    }

    /** Room that was offered to one is not offered to the next before the first has answered. */
    private void withdrawOffer() {
      setOffer(0);
    }

    private void setOffer(long bytes) {
      offered += bytes - offer;
      share.offered += bytes - offer;
      offer = bytes;
    }

    /** What a call takes that has asked for nothing yet, or what it asked for in vain. */
    private long needs() {
      if (needed > 0) {
        return needed;
      }
      double typical = Math.max(LEAST_BYTES, mean + DEVIATIONS * deviation);
      return (long) Math.min(typical, Math.max(1, total));
    }

    private boolean tryHold(long bytes) {
      boolean hasRoom =
          taken - held + bytes <= total
              && (share.taken == held || share.taken - held + bytes <= mostOfShare);
      boolean holds = taken == held || hasRoom || takeReserve();
      if (holds) {
        hold(bytes);
      }
      return holds;
    }

    private void hold(long bytes) {
      taken += bytes - held;
      share.taken += bytes - held;
      held = bytes;
      if (reserve != null && taken <= total && reserve.share.taken <= mostOfShare) {
        // What has room needs no reserve, and may hold its own for as long as a broker refuses it.
        reserve = null;
      }
    }

    /**
     * Taken by what is urgent, from what no longer is: an outcome that several records share is
     * held until the last of them is published, and that one may have to wait for what is urgent
     * now.
     */
    private boolean takeReserve() {
      if (reserve == this) {
        return true;
      }
      if (!caller.isUrgent() || reserve != null && reserve.caller.isUrgent()) {
        return false;
      }
      reserve = this;
      return true;
    }
  }

  /** That of one more consumer. */
  Share newShare() {
    return new Share();
  }

  /** Bytes that permits hold. */
  public synchronized long taken() {
    return taken;
  }

  private void offer(Map<Permit, Runnable> to, List<Runnable> available) {
    for (var each = to.entrySet().iterator(); each.hasNext(); ) {
      Map.Entry<Permit, Runnable> waiter = each.next();
      Permit permit = waiter.getKey();
      if (permit.caller.isTooFarAhead()) {
        continue;
      }
      long needs = permit.needs();
      boolean isEmpty = taken == 0 && offered == 0;
      boolean hasRoom = isEmpty || taken + offered + needs <= total;
      if (hasRoom && permit.share.hasRoomFor(needs)) {
        permit.setOffer(needs);
        available.add(waiter.getValue());
        each.remove();
      } else if (to == waiting && !hasRoom) {
        return;
      }
    }
  }

  private void observe(long bytes) {
    deviation += (Math.abs(bytes - mean) - deviation) / 4;
    mean += (bytes - mean) / 8;
  }
}
