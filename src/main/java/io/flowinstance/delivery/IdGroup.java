package io.flowinstance.delivery;

import io.flowinstance.enos.InstanceQuery;
import io.flowinstance.enos.MalformedIdException;
import io.flowinstance.fetch.FetchScope;
import io.flowinstance.trace.OpenSpan;
import java.util.List;

/**
 * The records of one batch that ask for the same instance on the same behalf: one call serves them
 * all.
 *
 * @param query what they ask for, or null when that cannot be read
 * @param unreadable why it cannot, or null
 * @param records at least one, in the order of the batch
 */
public record IdGroup(InstanceQuery query, MalformedIdException unreadable, List<IdRecord> records)
    implements FetchScope {

  /** Whether nothing is to come of them any more: they are polled again, here or elsewhere. */
  @Override
  public boolean isCancelled() {
    return origin().inHand().isAbandoned();
  }

  @Override
  public boolean tryAcquire(Runnable available) {
    return origin().lane().tryBegin(origin().inHand(), records, available);
  }

  @Override
  public void release() {
    origin().inHand().cancelBegin(records);
  }

  /** The span of the first record: the calls are in its trace. */
  @Override
  public OpenSpan span() {
    return records.get(0).span();
  }

  /** The number of the lane that polled them, from 0. */
  public int lane() {
    return origin().lane().number();
  }

  /**
   * Ends the way of these records.
   *
   * @param outcomes a list of {@link Outcome}, one per record; anything else is a fault
   * @param failure what went wrong, or null
   */
  void settle(Object outcomes, Exception failure) {
    if (failure == null
        && outcomes instanceof List<?> list
        && list.size() == records.size()
        && list.stream().allMatch(Outcome.class::isInstance)) {
      origin().inHand().settle(list.stream().map(Outcome.class::cast).toList());
    } else {
      String what =
          "%s came to no outcome; the ids in hand are polled again."
              .formatted(records.get(0).position());
      for (IdRecord idRecord : records) {
        idRecord.span().failed(failure == null ? "LOST" : failure.getClass().getName(), what);
        idRecord.span().end();
      }
      origin().inHand().lose(what, failure);
    }
  }

  private RecordOrigin origin() {
    return records.get(0).origin();
  }
}
