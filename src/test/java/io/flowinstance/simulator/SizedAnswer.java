package io.flowinstance.simulator;

/** What the simulated EnOS, v2.0, answers when it is asked for an instance of so many tasks. */
public final class SizedAnswer {
  private SizedAnswer() {}

  /** The id of the instance of the workflow that has so many tasks, 1 to 50,000. */
  public static String id(int tasks) {
    return Workflows.FIRST_SIZED + tasks + "-20260101000000";
  }

  /** The body of the answer: the envelope, JSON in UTF-8. */
  public static byte[] of(int tasks) {
    return ApiVersion.V2_0.ok(new Instances().get(id(tasks), ApiVersion.V2_0).orElseThrow());
  }
}
