package io.flowinstance.graph;

import com.fasterxml.jackson.annotation.JsonIgnore;

/**
 * An element of {@code graph.tasks} that is not a task. It costs nothing but itself: the other
 * tasks are read.
 *
 * @param index the place in {@code graph.tasks}, from 0
 * @param message one sentence that names the place and the value; empty but for the first ten
 * @param raw the element's JSON as a text: a list of these has one shape
 */
public record UnreadableTask(int index, @JsonIgnore String message, String raw) {}
