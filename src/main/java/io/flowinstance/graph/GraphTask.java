package io.flowinstance.graph;

/** One element of {@code graph.tasks}, in the place where it stood. */
public sealed interface GraphTask extends Element permits TaskInstance, UnreadableTask {
  /** The place in {@code graph.tasks}, from 0. */
  int index();
}
