package io.flowinstance.fetch;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.PriorityQueue;
import java.util.concurrent.ScheduledFuture;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/** A timer whose time passes when a test says so. */
final class ManualTime extends ScheduledThreadPoolExecutor {
  private final PriorityQueue<Task> tasks =
      new PriorityQueue<>(Comparator.comparingLong(task -> task.at));
  private long now = 1_000_000_000L;

  ManualTime() {
    super(0);
  }

  long nanos() {
    return now;
  }

  @Override
  public synchronized ScheduledFuture<?> schedule(Runnable work, long delay, TimeUnit unit) {
    Task task = new Task(work, now + unit.toNanos(delay));
    tasks.add(task);
    return task;
  }

  /** Lets time pass; what is due runs in order. */
  void pass(Duration duration) {
    long end = now + duration.toNanos();
    while (!tasks.isEmpty() && tasks.peek().at - end <= 0) {
      Task task = tasks.poll();
      now = Math.max(now, task.at);
      task.work.run();
    }
    now = end;
  }

  /** Runs all that is scheduled at present. */
  void awaitRun() {
    List<Task> due = new ArrayList<>(tasks);
    tasks.clear();
    due.forEach(task -> task.work.run());
  }

  private final class Task implements ScheduledFuture<Object> {
    private final Runnable work;
    private final long at;

    Task(Runnable work, long at) {
      this.work = work;
      this.at = at;
    }

    @Override
    public boolean cancel(boolean mayInterrupt) {
      return tasks.remove(this);
    }

    @Override
    public long getDelay(TimeUnit unit) {
      return unit.convert(at - now, TimeUnit.NANOSECONDS);
    }

    @Override
    public int compareTo(java.util.concurrent.Delayed other) {
      return Long.compare(getDelay(TimeUnit.NANOSECONDS), other.getDelay(TimeUnit.NANOSECONDS));
    }

    @Override
    public boolean isCancelled() {
      return !tasks.contains(this);
    }

    @Override
    public boolean isDone() {
      return !tasks.contains(this);
    }

    @Override
    public Object get() {
      throw new UnsupportedOperationException();
    }

    @Override
    public Object get(long timeout, TimeUnit unit) {
      throw new UnsupportedOperationException();
    }
  }
}
